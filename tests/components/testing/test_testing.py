import hashlib
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml

from components.audio import load
from components.config import EvaluationConfig, GateConfig
from components.errors import DataError, TaggerError
from components.evaluation.comparison import compare
from components.evaluation.reference import read_reference
from components.evaluation.write import write_evaluation
from components.judge import judge
from components.promotion import register_judged
from components.registry import Registry
from components.registry.folders import faults
from components.tagger import Tagger
from components.testing import Wanted, kept_in, run, write_test
from tests.fixtures.pitches import seal_pitches

EVALUATION = EvaluationConfig(bootstrap_rounds=50, worst_clips=2)


def labelled(data) -> str:
    return f"csv:{data / 'pitches.csv'}"


def test_the_numbers_are_those_of_the_pipeline_to_the_last_digit(tagger, data, evaluation, tmp_path):
    write_test(run(tagger, [labelled(data)], EVALUATION), tmp_path / "test", Wanted())
    found = yaml.safe_load((tmp_path / "test" / "metrics.yaml").read_text())
    assert {name: value for name, value in found.items() if name not in ("intervals", "about")} == json.loads(
        (evaluation / "metrics.json").read_text()
    )
    intervals = json.loads((evaluation / "card.json").read_text())["details"]["intervals"]
    assert found["intervals"] == intervals
    assert "instruments/low_f1" in found
    theirs = pd.read_parquet(evaluation / "predictions.parquet")
    ours = kept_in(tmp_path / "test").predictions
    for code in tagger.label_set.codes:
        assert np.array_equal(ours[f"score_{code}"].to_numpy(np.float32), theirs[f"score_{code}"].to_numpy())
    for column in ("clip_id", "group", "labels", "unknown", "predicted"):
        assert [list(value) for value in ours[column]] == [list(value) for value in theirs[column]]


def test_predictions_have_scores_decisions_and_windows(tagger, data, tmp_path):
    files = write_test(run(tagger, [labelled(data)], EVALUATION), tmp_path, Wanted())
    assert [file.name for file in files] == ["predictions.json", "metrics.yaml"]
    kept = json.loads(files[0].read_text())
    assert kept["tagger"] == {"name": "small", "digest": tagger.digest}
    assert len(kept["clips"]) == 9
    for clip in kept["clips"]:
        alone = tagger.score_windows(open_clip(tagger, clip["path"]))
        windows = np.array([clip["windows"]["scores"][code] for code in tagger.label_set.codes]).T
        assert windows == pytest.approx(alone, abs=1e-5)
        assert len(clip["windows"]["start_s"]) == len(alone)
        expected = {code: int(clip["scores"][code] >= kept["thresholds"][code]) for code in tagger.label_set.codes}
        assert clip["decisions"] == expected
    assert kept["clips"][1]["unknown"] == ["high"]
    assert kept["clips"][0]["truth"] == ["low"]


def open_clip(tagger, path):
    return load(path, tagger.sample_rate).waveform


def test_without_labels_there_are_predictions_only(tagger, data, tmp_path):
    shutil.copy(data / "0.wav", tmp_path / "a.wav")
    (tmp_path / "b.wav").write_text("no audio")
    tested = run(tagger, [str(tmp_path)], EVALUATION, batch_size=3, workers=1)
    assert tested.judgement is None
    assert not tested.heard_nothing
    files = write_test(tested, tmp_path / "out", Wanted(roc=True))
    assert [file.name for file in files] == ["predictions.json"]
    clips = json.loads(files[0].read_text())["clips"]
    assert [set(clip) for clip in clips] == [{"path", "decisions", "scores", "windows"}, {"path", "error"}]
    with pytest.raises(DataError, match="has no clips with labels"):
        kept_in(tmp_path / "out")


def test_labelled_and_unlabelled_together(tagger, data):
    tested = run(tagger, [labelled(data), f"inference:{data / '0.wav'}"], EVALUATION)
    assert tested.judgement.metrics.clips == 9
    assert [path for path, _ in tested.unlabelled] == [str(data / "0.wav")]
    assert tested.unlabelled[0][1].clip == pytest.approx(tested.heard[0].clip, abs=1e-5)


def test_a_file_that_cannot_be_read_is_left_out(tagger, data, tmp_path):
    copied = shutil.copytree(data, tmp_path / "copy")
    (copied / "3.wav").write_text("no audio")
    tested = run(tagger, [labelled(copied)], EVALUATION)
    assert tested.judgement.metrics.clips == 8
    assert [bad.path for bad in tested.bad] == [str(copied / "3.wav")]
    write_test(tested, tmp_path / "out", Wanted())
    assert json.loads((tmp_path / "out" / "predictions.json").read_text())["clips"][-1]["path"] == str(copied / "3.wav")


def test_each_picture_is_made_when_asked(tagger, data, tmp_path):
    tested = run(tagger, [labelled(data)], EVALUATION)
    names = {
        "roc": {"roc.png", "precision_recall.png"},
        "confusion": {"confusion.png", "confusion_2x2.png"},
        "metric_hist": {"metric_hist.png"},
        "instrument_metrics": {"instruments.csv", "instruments.png"},
    }
    for flag, expected in names.items():
        made = write_test(tested, tmp_path / flag, Wanted(**{flag: True}))
        assert {file.name for file in made} == {"predictions.json", "metrics.yaml"} | expected
        assert all(file.read_bytes().startswith(b"\x89PNG") for file in made if file.suffix == ".png")


def test_kept_predictions_compare_alike_whoever_kept_them(folders, data, evaluation, tmp_path):
    taggers = [Tagger.open(folder) for folder in folders]
    for place, one in enumerate(taggers):
        write_test(run(one, [labelled(data)], EVALUATION), tmp_path / f"run{place}" / "test", Wanted())
    second = kept_in(tmp_path / "run1" / "test" / "predictions.json")
    by_test, by_pipeline = compare([kept_in(tmp_path / "run0"), second], rounds=20), compare([kept_in(evaluation), second], rounds=20)
    assert by_test.values == by_pipeline.values
    assert by_test.differences == by_pipeline.differences
    assert by_test.names == by_pipeline.names == tuple(f"small@{one.digest[:8]}" for one in taggers)
    assert by_test.differences[0]["f1"].value != 0


def test_a_registered_tagger_keeps_its_predictions(folders, store, evaluation, tmp_path, monkeypatch):
    monkeypatch.setenv("TIMBRE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path}/timbre.db")
    folder = shutil.copytree(folders[0], tmp_path / "small")
    with Registry.open() as registry:
        model = register_judged(registry, folder, evaluation, store, GateConfig(), "somebody")
        kept = kept_in(registry.folder(model))
    assert kept.name == model.key
    assert compare([kept, kept_in(evaluation)], rounds=5).differences[0]["mAP"].value == 0.0


def test_a_registered_tagger_keeps_its_reference_however_often_it_is_registered(folders, store, evaluation, tmp_path, monkeypatch):
    monkeypatch.setenv("TIMBRE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path}/timbre.db")
    folder = shutil.copytree(folders[0], tmp_path / "small")
    with Registry.open() as registry:
        for _ in range(2):
            model = register_judged(registry, folder, evaluation, store, GateConfig(), "somebody")
            served = tmp_path / "models" / model.digest
            listed = json.loads((served / "attachments.json").read_text())
            assert listed["reference.parquet"] == hashlib.sha256((evaluation / "reference.parquet").read_bytes()).hexdigest()
            assert faults(served, model.digest) == []
            assert read_reference(served).attrs == {"digest": model.digest, "split": "test", "clips": 9}


def test_a_tagger_is_registered_without_a_reference_too(folders, store, evaluation, tmp_path, monkeypatch):
    monkeypatch.setenv("TIMBRE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path}/timbre.db")
    folder, without = shutil.copytree(folders[0], tmp_path / "small"), shutil.copytree(evaluation, tmp_path / "evaluation")
    (without / "reference.parquet").unlink()
    with Registry.open() as registry:
        model = register_judged(registry, folder, without, store, GateConfig(), "somebody")
        with pytest.raises(TaggerError, match=r"has no reference\.parquet, so there is nothing to compare with"):
            read_reference(registry.folder(model))


def test_the_gate_is_told_of_a_quick_run(store, tmp_path, monkeypatch):
    monkeypatch.setenv("TIMBRE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path}/timbre.db")
    folder = seal_pitches(tmp_path / "small", 0, quick=True)
    judgement = judge(Tagger.open(folder), store.of("test"), EvaluationConfig(bootstrap_rounds=5, worst_clips=1))
    evaluation = write_evaluation(judgement, tmp_path / "evaluation")
    with Registry.open() as registry:
        model = register_judged(registry, folder, evaluation, store, GateConfig(), "somebody")
    assert (model.is_active, model.aliases) == (False, ())
    assert "it comes from a quick run" in model.decision.reason


def test_nothing_to_test_on_is_one_sentence(tagger, data, tmp_path):
    with pytest.raises(DataError, match="name data sets as TYPE:PATH"):
        run(tagger, [], EVALUATION)
    with pytest.raises(DataError, match="no audio files in"):
        run(tagger, [f"inference:{tmp_path}"], EVALUATION)
    table = tmp_path / "other.csv"
    table.write_text(f"file,flute\n{data / '0.wav'},1\n")
    with pytest.raises(DataError, match="flute"):
        run(tagger, [f"csv:{table}"], EVALUATION)


def test_nothing_kept_is_none_and_damage_is_told(tmp_path):
    assert kept_in(tmp_path) is None
    (tmp_path / "predictions.json").write_text('{"format_version": 9}')
    with pytest.raises(DataError, match="damaged or of another version"):
        kept_in(tmp_path)
