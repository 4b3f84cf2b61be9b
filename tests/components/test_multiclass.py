"""One label of many, the whole chain: refused clips, softmax, the highest score as the answer, accuracy, report, card and gate."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score

from components.config import AudioConfig, Config, DataConfig, EvaluationConfig, GateConfig, ModelConfig, changed, load_config
from components.datasets import Gathered, build_manifest, too_many_bad
from components.errors import ConfigError
from components.evaluation import decide, measure, tune_thresholds
from components.evaluation.comparison import Contender, compare
from components.evaluation.judgement import Judgement, WindowScores, WorstClip, judgement_of
from components.evaluation.predictions import tabulate
from components.evaluation.report import report
from components.evaluation.write import write_evaluation
from components.judge import judge
from components.labels import from_codes
from components.registry.gate import Judged
from components.registry.gate import decide as ask
from components.store import Store, build_store, open_store
from components.tagger import Tagger
from components.testing import kept_in
from components.training import fit
from components.training.board import confusion
from tests.fixtures.sounds import noise, sine, write

RATE = 8000
PITCH_HZ = {"low": 220, "mid": 880, "high": 2600}
LABELS = from_codes(PITCH_HZ)
SCORES = np.array([[0.4, 0.3, 0.3], [0.2, 0.3, 0.5], [0.1, 0.8, 0.1], [0.4, 0.4, 0.2]], np.float32)
TARGETS = np.eye(3)[[0, 1, 1, 1]]


def test_the_highest_score_is_the_answer_and_of_equal_ones_the_first() -> None:
    np.testing.assert_array_equal(decide(SCORES, np.zeros(3), "multiclass"), np.eye(3)[[0, 2, 1, 0]] > 0)
    np.testing.assert_array_equal(decide(SCORES[0], 0.0, "multiclass"), [True, False, False])


def test_a_threshold_can_reject_the_highest_score() -> None:
    assert decide(SCORES, 0.5, "multiclass").sum(axis=1).tolist() == [0, 1, 1, 0]


def test_nothing_is_tuned() -> None:
    assert tune_thresholds(SCORES, TARGETS, task="multiclass").tolist() == [0, 0, 0]


def test_accuracy_is_the_share_of_clips_that_are_right() -> None:
    metrics = measure(SCORES, TARGETS, None, 0.0, LABELS, bootstrap_rounds=20, task="multiclass")
    assert metrics.values["accuracy"] == accuracy_score([0, 1, 1, 1], [0, 2, 1, 0]) == 0.5
    assert metrics.values["hamming_distance"] == pytest.approx(4 / 12)  # two wrong clips, each wrong about two of three labels
    assert metrics.values["micro_f1"] == 0.5
    low, high = metrics.intervals["accuracy"]
    assert low <= 0.5 <= high
    assert measure(SCORES, TARGETS, None, 0.0, LABELS).values["accuracy"] == pytest.approx(1 / 3)  # every score reaches 0


def test_a_clip_whose_label_is_unknown_counts_nowhere_in_accuracy() -> None:
    mask = np.ones((4, 3))
    mask[1, 1] = 0
    assert measure(SCORES, TARGETS, mask, 0.0, LABELS, task="multiclass").values["accuracy"] == pytest.approx(2 / 3)


def test_compare_counts_right_clips_too() -> None:
    """Of six clips the first tagger finds the labels of three and the second those of four."""
    truth = [0, 1, 2, 0, 1, 2]

    def answers(*found: int) -> Contender:
        clips = pd.DataFrame({"clip_id": list("abcdef"), "path": "", "group": list("abcdef"), "duration_s": 1.0})
        clips["labels"] = [[LABELS.codes[place]] for place in truth]
        clips["unknown"] = [[] for _ in truth]
        scores = np.full((6, 3), 0.2, np.float32) + 0.4 * np.eye(3, dtype=np.float32)[list(found)]
        return Contender("one", LABELS, tabulate(clips, scores, np.zeros(3), LABELS, "multiclass"), "multiclass")

    made = compare([answers(0, 1, 2, 1, 2, 0), answers(0, 1, 2, 0, 2, 0)], rounds=50)
    assert [values["accuracy"] for values in made.values] == pytest.approx([3 / 6, 4 / 6])
    assert made.differences[0]["accuracy"].value == pytest.approx(1 / 6)
    assert 0 <= made.differences[0]["accuracy"].low <= 1 / 6 <= made.differences[0]["accuracy"].high


def test_a_head_on_a_frozen_backbone_has_no_thresholds_either(config: Config, store: Store, tmp_path: Path) -> None:
    tagger = Tagger.open(fit(changed(config, {"model.frozen": True}), store, tmp_path))
    assert tagger.thresholds.tolist() == [0, 0, 0]
    test = store.of("test")
    scores = np.stack([tagger.score(test.waveform(place), RATE) for place in range(len(test))])
    share = (scores.argmax(axis=1) == test.manifest.targets()[0].argmax(axis=1)).mean()
    assert judge(tagger, test, EvaluationConfig(bootstrap_rounds=1)).metrics.values["accuracy"] == pytest.approx(share)


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory, config: Config) -> Gathered:
    """30 training clips, 9 for val and 9 for test, of one pitch each; two more have two labels and none."""
    folder = tmp_path_factory.mktemp("pitches")
    rows = []
    for place in range(50):
        split = "train" if place < 30 else "val" if place < 39 else "test"
        name = list(PITCH_HZ)[place % 3]
        waveform = sine(PITCH_HZ[name] * (1 + place / 2000), 0.7, RATE, amplitude=0.2) + noise(0.7, RATE, seed=place, amplitude=0.01)
        write(folder / f"{place}.wav", waveform, RATE)
        truths = {code: int(code == name) for code in PITCH_HZ}
        truths |= {"low": 1, "mid": 1} if place == 48 else dict.fromkeys(PITCH_HZ, 0) if place == 49 else {}
        rows.append({"file": f"{place}.wav", "split": split, "fold": place % 5, **truths})
    with (folder / "pitches.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    data = DataConfig(train=(f"csv:{folder / 'pitches.csv'}",))
    return build_manifest(data, "CSV", AudioConfig(sample_rate=RATE), task=config.task)


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(
        overrides={
            "name": "pitches",
            "task": "multiclass",
            "labels": "CSV",
            "audio.sample_rate": RATE,
            "windows": {"length_s": 0.5, "hop_s": 0.25},
            "feature.params": {"n_fft": 256, "hop": 128, "n_mels": 24},
            "model.params": {"widths": [8, 8, 16]},
            "training": {"max_steps": 40, "val_every_steps": 20, "batch_size": 8, "lr": 1e-3, "lr_onecycle_max": 1e-2, "device": "cpu"},
            "training.engine": "torch",
        }
    )


@pytest.fixture(scope="module")
def store(gathered: Gathered, tmp_path_factory: pytest.TempPathFactory) -> Store:
    root = tmp_path_factory.mktemp("store")
    return open_store(build_store(gathered.manifest, AudioConfig(sample_rate=RATE), root).ref, root)


@pytest.fixture(scope="module")
def tagger(config: Config, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    return Tagger.open(fit(config, store, tmp_path_factory.mktemp("run")))


@pytest.fixture(scope="module")
def judgement(tagger: Tagger, store: Store) -> Judgement:
    return judge(tagger, store.of("test"), EvaluationConfig(bootstrap_rounds=50, worst_clips=3))


def test_a_clip_without_exactly_one_label_is_left_out_with_its_reason(gathered: Gathered) -> None:
    two, none = gathered.bad
    assert Path(two.path).name == "48.wav"
    assert two.reason == "has the labels low and mid, and task multiclass takes exactly one"
    assert Path(none.path).name == "49.wav"
    assert none.reason == "has no label, and task multiclass takes exactly one"
    assert len(gathered.manifest) == 48
    assert gathered.manifest.frame["fold"].unique().tolist() == ["0", "1", "2", "3", "4"]


def test_too_many_of_them_stop_the_run(gathered: Gathered) -> None:
    sentence = too_many_bad(gathered.bad, len(gathered.manifest), DataConfig().max_bad_fraction) or ""
    assert sentence.startswith("2 of 50 clips (4.0%) cannot be used")
    assert "48.wav, which has the labels low and mid" in sentence


def test_several_labels_are_no_mistake_elsewhere(gathered: Gathered) -> None:
    folder = Path(gathered.bad[0].path).parent
    assert build_manifest(DataConfig(test=(f"csv:{folder / 'pitches.csv'}",)), "CSV", AudioConfig(sample_rate=RATE)).bad == []


def test_a_test_set_without_labels_is_none_either(gathered: Gathered) -> None:
    folder = Path(gathered.bad[0].path).parent
    data = DataConfig(test=(f"inference:{folder}",))
    assert len(build_manifest(data, tuple(PITCH_HZ), AudioConfig(sample_rate=RATE), task="multiclass").manifest) == 50


def test_it_learns_and_its_scores_are_shares(tagger: Tagger, store: Store) -> None:
    test = store.of("test")
    scores = np.stack([tagger.score(test.waveform(place), RATE) for place in range(len(test))])
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    assert (scores.argmax(axis=1) == test.manifest.targets()[0].argmax(axis=1)).mean() > 0.8
    assert tagger.task == "multiclass"
    assert tagger.thresholds.tolist() == [0, 0, 0]


def test_a_prediction_is_one_label(tagger: Tagger, store: Store) -> None:
    files = store.of("test").manifest.frame["path"].tolist()
    assert tagger.predict(files)["labels"].map(len).tolist() == [1] * len(files)
    assert tagger.predict(files, threshold=1.0)["labels"].map(len).max() == 0


def test_it_is_judged_by_accuracy_too(judgement: Judgement) -> None:
    predicted = judgement.predicted
    right = (predicted.decisions & predicted.targets).any(axis=1).mean()
    assert (predicted.decisions.sum(axis=1) == 1).all()
    assert judgement.metrics.values["accuracy"] == pytest.approx(right)


def test_the_folder_of_its_evaluation_speaks_of_no_thresholds(judgement: Judgement, tmp_path: Path) -> None:
    write_evaluation(judgement, tmp_path)
    page, readme = (tmp_path / "report.html").read_text(), (tmp_path / "README.md").read_text()
    assert "Tagger pitches finds the labels with an accuracy of" in page
    assert "the highest is the answer" in page
    assert "the highest is the answer" in readme
    assert "hreshold" not in page
    assert pd.read_parquet(tmp_path / "predictions.parquet")["predicted"].map(len).tolist() == [1] * len(judgement.predictions)
    kept = kept_in(tmp_path)
    assert kept.task == "multiclass"
    assert compare([kept, kept], rounds=1).values[0]["accuracy"] == pytest.approx(judgement.metrics.values["accuracy"])


def test_a_worst_clip_tells_what_was_reported_instead(judgement: Judgement) -> None:
    """The truth of every clip is moved on by one label, so each answer is wrong."""
    codes = LABELS.codes
    moved = judgement.predictions.assign(labels=[[codes[LABELS.index[code] - 1]] for (code,) in judgement.predictions["predicted"]])
    scores = judgement.predicted.scores

    def hear(place: int) -> WorstClip:
        return WorstClip(place, noise(0.7, RATE), RATE, WindowScores(scores[[place]], np.zeros(1), 0.5))

    subject, thresholds = judgement.subject, judgement.thresholds
    wrong = judgement_of(subject, LABELS, thresholds, moved, scores, hear, EvaluationConfig(bootstrap_rounds=1, worst_clips=1))
    worst = scores.max(axis=1).argmax()  # the surest answer
    assert [clip.place for clip in wrong.worst] == [worst]
    missed, said = (LABELS.index[moved[column][worst][0]] for column in ("labels", "predicted"))
    page = report(wrong)
    assert f"Misses {codes[missed]} ({scores[worst, missed]:.2f}) and reports {codes[said]} ({scores[worst, said]:.2f})" in page
    assert "The longest bar is reported" in page


def test_the_gate_compares_two_of_them(judgement: Judgement) -> None:
    predicted = judgement.predicted
    f1 = judgement.metrics.values["f1"]

    def judged(key: str, decisions: np.ndarray) -> Judged:
        return Judged(key, key * 8, LABELS.codes, "test", f1, decisions, predicted.targets, predicted.mask, predicted.groups)

    good, bad = judged("new", predicted.decisions), judged("old", np.roll(predicted.targets, 1, axis=1))
    assert ask(good, None, GateConfig(min_f1=0.5)).promote
    assert ask(good, bad, GateConfig()).promote
    assert not ask(bad, good, GateConfig()).promote


def test_another_task_is_no_task() -> None:
    with pytest.raises(ConfigError, match="task: input should be 'multilabel' or 'multiclass', got 'multi'"):
        load_config(overrides={"task": "multi"})


@pytest.mark.parametrize("loss", ["CROSS_ENTROPY", "CROSS_ENTROPY_POS_WEIGHT"])
@pytest.mark.parametrize("val", [True, False])
def test_a_frozen_backbone_gives_the_highest_score_too(config: Config, store: Store, tmp_path: Path, loss: str, val: bool) -> None:
    model = ModelConfig(name="SMALL_CNN", params={"widths": [8, 8, 16]}, frozen=True)
    recipe = config.model_copy(update={"model": model, "training": config.training.model_copy(update={"loss": loss})})
    clips = store if val else store.take(np.flatnonzero(store.manifest.frame["split"] != "val"))
    tagger = Tagger.open(fit(recipe, clips, tmp_path))
    assert tagger.thresholds.tolist() == [0, 0, 0]
    test = store.of("test")
    judged = judge(tagger, test, EvaluationConfig(bootstrap_rounds=1))
    assert judged.metrics.values["accuracy"] > 0.7  # of nine clips; guessing gives a third
    assert judged.predicted.decisions.sum(axis=1).tolist() == [1] * len(test)
    history = pd.read_csv(tmp_path / "history.csv")
    if val:
        of_val = judge(tagger, store.of("val"), EvaluationConfig(bootstrap_rounds=1)).metrics.values["f1"]
        assert history["val_f1"].iloc[0] == pytest.approx(of_val, abs=1e-5)
    assert history["val_f1"].iloc[0] > 0.7  # with thresholds of 0 every label would be reported of every clip: 0.5


def test_the_board_shows_one_answer_a_clip() -> None:
    metrics = measure(SCORES, TARGETS, None, 0.0, LABELS, task="multiclass")
    drawn = [
        confusion(SCORES, TARGETS.astype(np.float32), np.ones((4, 3), np.float32), metrics, task) for task in ("multiclass", "multilabel")
    ]
    assert drawn[0].shape == drawn[1].shape
    assert (drawn[0] != drawn[1]).any()  # where each threshold is 0, every label would be taken for every other
