"""A batch is scored as `timbre predict` scores, each content once a model, and its rows are in Parquet and in the log."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from components.errors import DataError, RegistryError
from components.labels import from_codes
from components.registry.predictions import Predictions
from components.scoring import Scored, look, score
from components.scoring.parts import Parts
from components.tagger import Tagger
from components.work_config import PredictionConfig
from tests.components.scoring.conftest import CLIPS
from tests.fixtures.progress import CountedProgress
from tests.fixtures.running import small_tagger
from tests.fixtures.sounds import noise, sine, write

TOLERANCE = 1e-5


def scores_in(out: str | Path) -> pd.DataFrame:
    """All scores, as anybody reads partitioned Parquet."""
    return ds.dataset(Path(out) / "scores", partitioning="hive").to_table().to_pandas().sort_values("path").reset_index(drop=True)


def files_in(out: str | Path) -> pd.DataFrame:
    return ds.dataset(Path(out) / "files", partitioning="hive").to_table().to_pandas().sort_values("path").reset_index(drop=True)


def expected(tagger: Tagger, data: Path) -> np.ndarray:
    table = tagger.predict(sorted(data.glob("*.wav")))
    return table[[f"score_{code}" for code in tagger.label_set.codes]].to_numpy()


def of(table: pd.DataFrame, tagger: Tagger) -> np.ndarray:
    return table[[f"score_{code}" for code in tagger.label_set.codes]].to_numpy()


def test_scores_are_those_of_predict(wanted: PredictionConfig, data: Path, tagger: Tagger, log: Predictions) -> None:
    done = score(wanted)
    assert (done.scored, done.same, done.before, done.bad) == (CLIPS, 0, 0, 0)
    assert (done.model, done.model_key) == (tagger.digest, f"small@{tagger.digest[:8]}")
    table = scores_in(wanted.out)
    assert np.abs(of(table, tagger) - expected(tagger, data)).max() <= TOLERANCE
    assert table["model"].unique().tolist() == [tagger.digest]
    assert table["model_key"].unique().tolist() == [done.model_key]
    assert table["batch"].unique().tolist() == [done.batch]
    assert table["content"].nunique() == CLIPS
    assert ((of(table, tagger) >= 0.5) == table[[f"decision_{code}" for code in tagger.label_set.codes]].to_numpy()).all()


def test_matrix_products_stay_in_the_threads_that_read(wanted: PredictionConfig, data: Path) -> None:
    threads = set[int]()

    def watched(items: Iterable[Any], what: str, total: int) -> Iterator[Any]:
        for item in items:
            threads.update(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")
            yield item

    with threadpool_limits(2, user_api="blas"):
        score(wanted, progress=watched)
    assert threads == {1}


def test_the_log_has_what_the_service_writes(wanted: PredictionConfig, data: Path, tagger: Tagger, log: Predictions) -> None:
    score(wanted)
    rows, table = log.frame(tagger.digest).sort_values("source").reset_index(drop=True), scores_in(wanted.out)
    assert rows["caller"].unique().tolist() == ["batch"]
    assert rows["content"].tolist() == table["content"].tolist()
    assert rows["source"].tolist() == [str(path) for path in sorted(data.glob("*.wav"))]
    assert (of(rows, tagger) == of(table, tagger)).all()
    assert rows["duration_s"][0] == pytest.approx(1.2)
    assert rows["sample_rate"].tolist() == [22050] * CLIPS
    assert rows.filter(like="embedding_").notna().all(axis=None)
    assert rows[["loudness_lufs", "peak_db", "silent_share", "latency_ms"]].notna().all(axis=None)
    assert log.models_seen()[0].labels == tagger.label_set.codes


def test_a_second_run_scores_nothing_and_opens_nothing(wanted: PredictionConfig, log: Predictions, monkeypatch: pytest.MonkeyPatch) -> None:
    first = score(wanted)
    monkeypatch.setattr("components.scoring.hear.load_with_header", None)
    again = score(wanted)
    assert (again.scored, again.before, again.batch) == (0, CLIPS, None)
    assert log.count() == CLIPS
    assert scores_in(wanted.out)["batch"].unique().tolist() == [first.batch]


def test_new_changed_and_moved_files(wanted: PredictionConfig, data: Path, tagger: Tagger, log: Predictions) -> None:
    score(wanted)
    write(data / "new.wav", sine(440, 1.5, 22050), 22050)
    write(data / "clip0003.wav", sine(880, 1.5, 22050), 22050)
    (data / "clip0004.wav").rename(data / "moved.wav")
    again = score(wanted)
    assert (again.scored, again.same, again.before) == (2, 1, CLIPS - 2)
    assert log.count() == scores_in(wanted.out)["content"].nunique() == len(scores_in(wanted.out)) == CLIPS + 2
    third = score(wanted)
    assert (third.scored, third.same, third.before) == (0, 0, CLIPS + 1)


def test_equal_files_are_scored_once(wanted: PredictionConfig, data: Path, log: Predictions) -> None:
    shutil.copy(data / "clip0000.wav", data / "a copy.wav")
    done = score(wanted)
    assert (done.scored, done.same) == (CLIPS, 1)
    files = files_in(wanted.out)
    assert len(files) == CLIPS + 1
    assert files.loc[files["content"].duplicated(keep=False), "path"].str.contains("copy|0000").all()
    assert files["content"].isin(scores_in(wanted.out)["content"]).all()
    assert log.count() == CLIPS
    assert score(wanted).before == CLIPS + 1


def test_bad_clips_are_listed_and_fail_nothing(wanted: PredictionConfig, data: Path, log: Predictions) -> None:
    (data / "broken.wav").write_bytes(b"no audio")
    (data / "film.mp4").touch()
    (data / "empty.flac").touch()
    done = score(wanted)
    assert (done.scored, done.bad) == (CLIPS, 3)
    said = {Path(one.path).name: one.reason for one in done.first_bad}
    assert said["film.mp4"].startswith("is .mp4, which libsndfile does not read")
    assert said["empty.flac"] == "is empty: it holds no bytes"
    assert said["broken.wav"].startswith("is no audio that can be read")
    files = files_in(wanted.out)
    assert files.loc[files["error"].notna(), "path"].map(os.path.basename).tolist() == ["broken.wav", "empty.flac", "film.mp4"]
    assert log.count() == CLIPS
    write(data / "broken.wav", noise(1.3, 22050, seed=99), 22050)
    again = score(wanted)
    assert (again.scored, again.before, again.bad) == (1, CLIPS, 2)


def test_a_file_that_stays_bad_is_told_each_time_and_listed_once(wanted: PredictionConfig, data: Path, log: Predictions) -> None:
    (data / "broken.wav").write_bytes(b"no audio")
    (data / "film.mp4").touch()
    score(wanted)
    left = sorted(Path(wanted.out).rglob("*.*"))
    again = score(wanted)
    assert (again.bad, len(again.first_bad), again.batch) == (2, 2, None)
    assert sorted(Path(wanted.out).rglob("*.*")) == left
    (data / "broken.wav").write_bytes(b"still no audio")
    assert score(wanted).batch is not None
    files = files_in(wanted.out)
    assert sorted(files.loc[files["error"].notna(), "path"].map(os.path.basename)) == ["broken.wav", "broken.wav", "film.mp4"]


def test_nothing_that_can_be_heard(wanted: PredictionConfig, tmp_path: Path, log: Predictions) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "broken.wav").write_bytes(b"no audio")
    done = score(wanted.model_copy(update={"data": (str(tmp_path / "bad"),)}))
    assert (done.scored, done.same, done.before, done.bad) == (0, 0, 0, 1)


def test_a_list_of_files(wanted: PredictionConfig, data: Path, tmp_path: Path, log: Predictions) -> None:
    (data / "list.csv").write_text("file\nclip0001.wav\nclip0002.wav\nmissing.wav\n")
    done = score(wanted.model_copy(update={"data": (f"inference:{data / 'list.csv'}",)}))
    assert (done.scored, done.bad) == (2, 1)
    assert done.first_bad[0].reason.startswith("is not there (named in ")


def test_another_model_scores_anew(wanted: PredictionConfig, tmp_path: Path, log: Predictions) -> None:
    score(wanted)
    other = small_tagger(tmp_path / "other", seed=1)
    done = score(wanted.model_copy(update={"model": str(other)}))
    assert (done.scored, done.before) == (CLIPS, 0)
    assert scores_in(wanted.out)["model"].nunique() == 2
    assert log.count() == 2 * CLIPS
    assert log.count(done.model) == CLIPS


def test_each_of_two_models_with_other_labels_is_one_table(wanted: PredictionConfig, tagger: Tagger, tmp_path: Path) -> None:
    other = Tagger.open(small_tagger(tmp_path / "other", labels=from_codes(("low", "odd"))))
    for model in (wanted.model, str(tmp_path / "other")):
        score(wanted.model_copy(update={"model": model, "log": False}))
    for one in (tagger, other):
        table = pd.read_parquet(f"{wanted.out}/scores/model={one.digest}")
        assert [name for name in table if name.startswith("score_")] == [f"score_{code}" for code in one.label_set.codes]
        assert len(table) == CLIPS
    together = pd.read_parquet(f"{wanted.out}/scores")
    assert len(together) == 2 * CLIPS
    assert not {"score_mid", "score_odd"} <= set(together)  # which docs/scale.md warns of


def test_two_places_are_one_log(wanted: PredictionConfig, tmp_path: Path, log: Predictions) -> None:
    score(wanted)
    score(wanted.model_copy(update={"out": str(tmp_path / "elsewhere")}))
    assert log.count() == CLIPS


def test_without_the_log(wanted: PredictionConfig, log: Predictions) -> None:
    assert score(wanted.model_copy(update={"log": False})).scored == CLIPS
    assert log.count() == 0


def test_a_file_that_changes_while_it_is_read(wanted: PredictionConfig, data: Path, log: Predictions) -> None:
    def touching(items: Iterable[Any], what: str, total: int) -> Iterator[Any]:
        os.utime(data / "clip0002.wav", (1, 1))  # after it was listed
        yield from items

    done = score(wanted, progress=touching)
    assert (done.scored, done.bad) == (CLIPS - 1, 1)
    assert done.first_bad[0].reason == "was changed while it was read: score it again"
    assert score(wanted).scored == 1


def test_one_run_at_a_time(wanted: PredictionConfig, tagger: Tagger, log: Predictions) -> None:
    with (
        Parts.at(wanted.out, tagger.digest).alone(),
        pytest.raises(DataError, match=r"another run scores into .* with this model: wait for it"),
    ):
        score(wanted)


@pytest.mark.parametrize("ask", [look, score])
def test_what_is_not_there(wanted: PredictionConfig, tmp_path: Path, log: Predictions, ask: Callable[[PredictionConfig], object]) -> None:
    with pytest.raises(DataError, match=r"prediction\.data names no clips"):
        ask(wanted.model_copy(update={"data": ()}))
    with pytest.raises(DataError, match="nowhere is not there"):
        ask(wanted.model_copy(update={"data": (str(tmp_path / "nowhere"),)}))
    with pytest.raises(RegistryError, match="no model is in production yet"):
        ask(wanted.model_copy(update={"model": "production"}))
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot write scores to .* \(Not a directory\): name another folder by prediction.out"):
        ask(wanted.model_copy(update={"out": str(tmp_path / "file" / "out")}))


def test_a_look_that_finds_nothing_wrong_is_in_no_batch_s_way(wanted: PredictionConfig, log: Predictions) -> None:
    assert look(wanted) == look(wanted)
    assert score(wanted).scored == CLIPS


def test_progress_passes_each_file(wanted: PredictionConfig, log: Predictions) -> None:
    progress = CountedProgress()
    done: Scored = score(wanted, progress=progress)
    assert progress.seen == [("score", CLIPS, done.scored)]
