"""How hard is the sample data? Logistic regression on mel and MFCC statistics, the bar a trained tagger has to clear.

Run it as `python tests/benchmarks/baseline_regression.py [data/sample]`. It is deliberately simple and independent of components/:
a mean and a standard deviation over the whole clip, one regression a label, trained on train/ and given its thresholds by val/.
A macro F1 on test/ between 0.35 and 0.70 says that the test is neither noise nor trivial.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import soundfile
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

LABELS = ("cel", "cla", "flu", "gac", "gel", "org", "pia", "sax", "tru", "vio", "voi")
SAMPLE_RATE, N_FFT, HOP, MELS, MFCCS = 22_050, 1024, 512, 64, 20


@dataclass(frozen=True)
class Baseline:
    """What the regression reaches: F1 on test and threshold from val by label."""

    macro_f1: float
    f1: dict[str, float]
    thresholds: dict[str, float]


def baseline(directory: Path) -> Baseline:
    """Train on train/, choose a threshold a label by F1 on val/, score test/."""
    splits = {split: _load(directory / split) for split in ("train", "val", "test")}
    regression = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression(max_iter=2000)))
    regression.fit(*splits["train"])
    val_scores, test_scores = (regression.predict_proba(splits[split][0]) for split in ("val", "test"))
    thresholds = np.array([best_threshold(splits["val"][1][:, index], val_scores[:, index]) for index in range(len(LABELS))])
    per_label = f1_score(splits["test"][1], test_scores >= thresholds, average=None, zero_division=0.0)
    return Baseline(
        float(per_label.mean()),
        dict(zip(LABELS, per_label.tolist(), strict=True)),
        dict(zip(LABELS, thresholds.tolist(), strict=True)),
    )


def baseline_macro_f1(directory: Path | str) -> float:
    """Macro F1 of the baseline on the test split of a folder laid out like data/sample."""
    return baseline(Path(directory)).macro_f1


def best_threshold(targets: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """The score at or above which calling a clip positive gives the best F1; the highest of equals."""
    candidates = np.unique(scores)[::-1]
    values = [f1_score(targets, scores >= candidate, zero_division=0.0) for candidate in candidates]
    return float(candidates[int(np.argmax(values))])


def statistics(path: Path) -> NDArray[np.float64]:
    """Mean and standard deviation over time of log-mel energies and MFCCs; [2 * (MELS + MFCCS)].

    Raises:
        ValueError: if the file is not at SAMPLE_RATE.
    """
    sound, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    if sample_rate != SAMPLE_RATE:
        raise ValueError(f"{path}: expected {SAMPLE_RATE} Hz, got {sample_rate}: the sample data has one rate")
    mel = librosa.feature.melspectrogram(y=sound.mean(axis=1), sr=SAMPLE_RATE, n_fft=N_FFT, hop_length=HOP, n_mels=MELS)
    log_mel = librosa.power_to_db(mel, top_db=80.0)
    features = np.concatenate([log_mel, librosa.feature.mfcc(S=log_mel, n_mfcc=MFCCS)])
    return np.concatenate([features.mean(axis=1), features.std(axis=1)])


def labels_of(path: Path) -> set[str]:
    """A clip's labels: from the .txt beside it, or the folder it lies in."""
    text = path.with_suffix(".txt")
    return set(text.read_text().split()) if text.is_file() else {path.parent.name}


def _load(directory: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Features [clip, feature] and targets [clip, label] of a split."""
    paths = sorted(directory.rglob("*.ogg"))
    targets = np.array([[int(label in labels_of(path)) for label in LABELS] for path in paths])
    return np.stack([statistics(path) for path in paths]), targets


def main() -> None:
    """Print the baseline's macro F1 and what it gets for each label."""
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "data" / "sample"
    result = baseline(directory)
    print(f"macro F1 on test: {result.macro_f1:.3f} (a threshold a label, chosen by F1 on val)")
    for label in LABELS:
        print(f"  {label}  F1 {result.f1[label]:.3f}  threshold {result.thresholds[label]:.3f}")


if __name__ == "__main__":
    main()
