import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from components.config import AudioConfig, DataConfig, EvaluationConfig, FeatureConfig, ModelConfig, WindowConfig
from components.datasets import build_manifest
from components.errors import DataError, TaggerError
from components.evaluation.reference import read_reference
from components.evaluation.write import write_evaluation
from components.judge import hear, judge, reference
from components.labels import LabelSet, from_codes
from components.network import build_network
from components.store import Store, build_store, open_store
from components.tagger import Tagger, TaggerSettings, seal
from tests.fixtures.sounds import noise, sine, write

RATE = 16000
PITCH_HZ = {"low": 220, "mid": 880, "high": 2600}
EVALUATION = EvaluationConfig(bootstrap_rounds=50, worst_clips=4)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """12 test clips of 6 songs and 2 training clips; of one test clip `high` is unknown."""
    folder = tmp_path_factory.mktemp("pitches")
    rows = []
    for place in range(14):
        duration_s = 0.8 + 0.3 * (place % 4)
        name = list(PITCH_HZ)[place % 3]
        waveform = sine(PITCH_HZ[name], duration_s, RATE, amplitude=0.2) + noise(duration_s, RATE, seed=place, amplitude=0.02)
        write(folder / f"{place:02d}.wav", waveform, RATE)
        truths = {code: "" if place == 1 and code == "high" else int(code == name) for code in PITCH_HZ}
        rows.append({"file": f"{place:02d}.wav", "split": "test" if place < 12 else "train", "group": f"song{place // 2}", **truths})
    with (folder / "pitches.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    manifest = build_manifest(DataConfig(train=(f"csv:{folder / 'pitches.csv'}",)), "CSV", AudioConfig(sample_rate=RATE)).manifest
    return open_store(build_store(manifest, AudioConfig(sample_rate=RATE), folder / "store").ref, folder / "store")


def sealed(folder: Path, labels: LabelSet, rate: int = RATE) -> Tagger:
    settings = TaggerSettings(
        name="small",
        label_set=labels,
        sample_rate=rate,
        windows=WindowConfig(length_s=0.6, hop_s=0.3),
        feature=FeatureConfig(params={"n_mels": 32}),
        model=ModelConfig(params={"widths": [8, 8, 16]}),
        thresholds=(0.5,) * len(labels),
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(settings.feature, settings.model, settings.windows, rate, labels)
        network.measure([0.2 * torch.randn(8, settings.window_samples)])
        for weight in network.head.parameters():
            torch.nn.init.normal_(weight, std=0.5)
    return Tagger.open(seal(folder, network.eval(), settings))


@pytest.fixture(scope="module")
def tagger(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    return sealed(tmp_path_factory.mktemp("taggers") / "small", store.manifest.label_set)


def test_scores_are_those_of_predict_on_the_files(tagger, store):
    test = store.of("test")
    judgement = judge(tagger, test, EVALUATION)
    columns = [f"score_{code}" for code in tagger.label_set.codes]
    predicted = tagger.predict(test.manifest.frame["path"].tolist())
    assert judgement.predictions[columns].to_numpy() == pytest.approx(predicted[columns].to_numpy(), abs=1e-5)
    assert judgement.predictions["predicted"].tolist() == predicted["labels"].tolist()
    assert judgement.predictions["clip_id"].tolist() == test.manifest.frame["clip_id"].tolist()


def test_what_a_judgement_knows(tagger, store):
    seen = []

    def progress(items, what, total):
        seen.append((what, total))
        yield from items

    judgement = judge(tagger, store.of("test"), EVALUATION, progress)
    assert seen == [("judge", 12)]
    subject = judgement.subject
    assert (subject.name, subject.digest, subject.split) == ("small", tagger.digest, "test")
    assert subject.data_digest == store.of("test").manifest.digest
    assert (judgement.metrics.clips, judgement.metrics.groups) == (12, 6)
    assert judgement.metrics.per_label["known"].tolist() == [12, 12, 11]
    assert 0 < len(judgement.worst) <= 4
    worst = judgement.worst[0]
    assert np.allclose(worst.waveform, store.of("test").waveform(worst.place), rtol=1e-6, atol=0)
    assert worst.windows.scores.shape == (len(worst.windows.starts_s), 3)


def test_a_store_of_several_splits_is_called_so(tagger, store):
    assert judge(tagger, store, EVALUATION).subject.split == "test, train"
    assert judge(tagger, store.of("test"), EVALUATION, split="songs").subject.split == "songs"


def test_a_real_judgement_can_be_written(tagger, store, tmp_path):
    folder = write_evaluation(judge(tagger, store.of("test"), EVALUATION), tmp_path)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<audio") > 0
    assert "1 of 36 labels are unknown" in page


def test_the_reference_is_of_what_was_heard(tagger, store, tmp_path, monkeypatch):
    test = store.of("test")
    heard = hear(tagger, test)
    monkeypatch.setattr(Tagger, "score_clips", None)  # no second scoring
    judgement = judge(tagger, test, EVALUATION, heard=heard)
    write_evaluation(judgement, tmp_path, reference=reference(tagger, test, judgement, heard))
    table = read_reference(tmp_path)
    assert table["clip_id"].tolist() == test.manifest.frame["clip_id"].tolist()
    assert np.array_equal(table.filter(like="embedding_"), np.stack([one.embedding for one in heard]))
    assert np.array_equal(table.filter(like="score_"), np.stack([one.clip for one in heard]))
    assert (table["sample_rate"].unique().tolist(), table["channels"].unique().tolist()) == ([RATE], [1])
    assert table["duration_s"].tolist() == pytest.approx(test.manifest.frame["duration_s"].tolist())
    assert table["peak_db"].between(-15, -9).all()  # a sine of 0.2 has -14 dB
    assert table["loudness_lufs"].tolist() == pytest.approx([-17.6, -17.0, -13.8] * 4, abs=0.05)
    assert table["target_high"].isna().tolist() == [False, True, *[False] * 10]


def test_a_tagger_without_embeddings_has_none_in_its_reference(tagger, store):
    heard = [replace(one, embedding=None) for one in hear(tagger, store)]
    table = reference(tagger, store, judge(tagger, store, EVALUATION, heard=heard), heard)
    assert table.filter(like="embedding_").shape == (14, 32)
    assert table.filter(like="embedding_").isna().all(axis=None)


def test_clips_of_another_rate_are_decoded_at_the_taggers_own(store, tmp_path):
    slow = sealed(tmp_path / "slow", store.manifest.label_set, rate=8000)
    test = store.of("test")
    judgement = judge(slow, test, EVALUATION)
    columns = [f"score_{code}" for code in slow.label_set.codes]
    expected = slow.predict(test.manifest.frame["path"].tolist())[columns].to_numpy()
    assert judgement.predictions[columns].to_numpy() == pytest.approx(expected, abs=1e-5)
    assert judgement.worst[0].sample_rate == 8000


def test_other_labels_are_refused(store, tmp_path):
    other = sealed(tmp_path / "other", from_codes(["low", "high", "mid"]))
    with pytest.raises(TaggerError, match="knows the labels low, high, mid"):
        judge(other, store, EVALUATION)


def test_no_clips_are_refused(tagger, store):
    with pytest.raises(DataError, match="no clips to judge small on"):
        judge(tagger, store.of("val"), EVALUATION)


def test_judging_needs_none_of_the_training_tools():
    code = (
        "import sys, components.judge, components.evaluation.write;"
        "print(sorted({'lightning', 'zenml', 'dvc', 'great_expectations', 'matplotlib', 'jinja2', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
