"""A batch may break anywhere: between scores, log and files, in the middle of a part, by a signal. The next run does the rest, once."""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.errors import DataError, RegistryError
from components.registry.predictions import Predictions
from components.scoring import keep, score
from components.scoring.parts import FILES, SCORES, Parts
from components.tagger import Tagger
from components.work_config import PredictionConfig
from tests.components.scoring.conftest import CLIPS
from tests.components.scoring.test_score import TOLERANCE, expected, files_in, of, scores_in
from tests.fixtures.manifests import noisy_clips
from tests.fixtures.running import until
from tests.fixtures.scoring import PART_ROWS, scoring


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "PART_ROWS", 5)


class PowerCut(BaseException):
    """Nothing of ours catches it."""


def cut_off(wanted: PredictionConfig, monkeypatch: pytest.MonkeyPatch, owner: Any, method: str, call: int, error: BaseException) -> None:
    """Run until the given call of a method, which raises."""
    calls, real = 0, getattr(owner, method)

    def failing(*arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise error
        return real(*arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(owner, method, failing)
        with pytest.raises(type(error)):
            score(wanted)


def check_whole(wanted: PredictionConfig, data: Path, tagger: Tagger, log: Predictions, batches: int = 1) -> None:
    """Every clip once, in Parquet and in the log."""
    table = scores_in(wanted.out)
    assert table["content"].nunique() == len(table) == len(list(data.glob("*.wav")))
    assert (abs(of(table, tagger) - expected(tagger, data)) <= TOLERANCE).all()
    rows = log.frame(tagger.digest)
    assert sorted(rows["content"]) == sorted(table["content"])
    assert files_in(wanted.out)["path"].is_unique
    assert table["batch"].nunique() == batches


@pytest.mark.parametrize("call", [1, 2, 3, 4, 5, 6])
def test_cut_off_at_each_write(
    call: int, wanted: PredictionConfig, data: Path, tagger: Tagger, log: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Odd calls would write scores, even ones files."""
    cut_off(wanted, monkeypatch, Parts, "write", call, PowerCut())
    kept = 5 * ((call - 1) // 2)
    logged = 5 * (call // 2) if call < 6 else CLIPS
    assert log.count() == logged
    again = score(wanted)
    assert again.before == logged  # what was logged but not counted was mended, not scored
    assert again.scored == CLIPS - again.before
    assert kept <= again.before
    check_whole(wanted, data, tagger, log)


def test_the_database_goes_away(
    wanted: PredictionConfig, data: Path, tagger: Tagger, log: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(wanted, monkeypatch, Predictions, "add", 2, RegistryError("away"))
    assert log.count() == 5
    again = score(wanted)
    assert (again.before, again.scored) == (10, 2)  # the scores of the second part were written before the log was asked
    check_whole(wanted, data, tagger, log)


def test_what_was_to_be_logged_waits_for_a_run_that_logs(
    wanted: PredictionConfig, data: Path, tagger: Tagger, log: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two parts are written without the log after one of six clips whose rows the database did not take."""
    monkeypatch.setattr(keep, "PART_ROWS", 6)
    cut_off(wanted, monkeypatch, Predictions, "add", 1, RegistryError("away"))
    shutil.copy(data / "clip0000.wav", data / "moved.wav")
    unlogged = wanted.model_copy(update={"log": False})
    others = score(unlogged)
    assert (others.scored, others.same, others.before, log.count()) == (CLIPS - 6, 1, 6, 0)
    again = score(unlogged)
    assert (again.scored, again.before, again.batch) == (0, CLIPS + 1, None)
    assert score(wanted).before == CLIPS + 1
    table = scores_in(wanted.out)
    assert table["content"].nunique() == len(table) == CLIPS
    assert sorted(log.frame(tagger.digest)["source"]) == table["path"].tolist()[:6]
    assert files_in(wanted.out)["path"].tolist() == sorted(map(str, data.glob("*.wav")))


def test_what_was_not_to_be_logged_is_finished_by_any_run(
    wanted: PredictionConfig, data: Path, log: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlogged = wanted.model_copy(update={"log": False})
    cut_off(unlogged, monkeypatch, Parts, "write", 2, PowerCut())
    assert score(wanted).before == 5
    assert log.count() == CLIPS - 5
    noisy_clips(data, 2 * CLIPS, duration_s=1.0, sample_rate=22050)
    cut_off(unlogged, monkeypatch, Parts, "write", 2, PowerCut())
    score(unlogged)
    assert files_in(wanted.out)["scored"].sum() == len(scores_in(wanted.out))


def test_a_full_disk(wanted: PredictionConfig, data: Path, tagger: Tagger, log: Predictions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.scoring.parts.write_whole", _no_space)
    with pytest.raises(DataError, match=r"cannot write scores to .* \(No space left on device\)"):
        score(wanted)
    monkeypatch.undo()
    monkeypatch.setenv("TIMBRE_DATABASE_URL", str(log.database._url.render_as_string(False)))
    score(wanted)
    check_whole(wanted, data, tagger, log)


def _no_space(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def test_an_interrupt_keeps_what_is_scored(wanted: PredictionConfig, data: Path, tagger: Tagger, log: Predictions) -> None:
    def interrupted(items: Iterable[Any], what: str, total: int) -> Iterator[Any]:
        for count, item in enumerate(items):
            if count == 8:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        score(wanted, progress=interrupted)
    again = score(wanted)
    assert (again.before, again.scored) == (8, CLIPS - 8)
    check_whole(wanted, data, tagger, log)


def test_a_batch_goes_on_under_its_own_name(
    wanted: PredictionConfig, tagger: Tagger, log: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(wanted, monkeypatch, Parts, "write", 3, PowerCut())
    parts = Parts.at(wanted.out, tagger.digest)
    begun = parts.unfinished(list(wanted.data))
    assert begun is not None
    again = score(wanted)
    assert (again.batch, again.began) == (begun["batch"], begun["began"])
    assert parts.unfinished(list(wanted.data)) is None
    note = json.loads(next(Path(wanted.out).glob("batches/*/*.json")).read_text())
    assert note["finished"] > note["began"]
    assert sorted(parts.names(SCORES)) == sorted(parts.names(FILES))


def test_a_batch_that_broke_off_after_its_last_part_is_finished(
    wanted: PredictionConfig, data: Path, tagger: Tagger, log: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(wanted, monkeypatch, Parts, "note", 2, PowerCut())
    assert score(wanted).scored == 0
    noisy_clips(data, CLIPS + 1, duration_s=1.0, sample_rate=22050)
    assert score(wanted).scored > 0
    assert scores_in(wanted.out)["batch"].nunique() == 2


def test_where_only_bad_files_are_left_no_cluster_is_asked(wanted: PredictionConfig, data: Path) -> None:
    score(wanted)
    (data / "bad.wav").write_bytes(b"no audio")
    assert score(wanted).bad == 1
    (data / "bad.wav").unlink()
    (data / "bad.wav").symlink_to("/etc/hostname")
    assert score(wanted, "tcp://127.0.0.1:1").bad == 1


def test_a_file_system_without_locks(wanted: PredictionConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("components.locks.fcntl.flock", refuse)
    assert score(wanted).scored == CLIPS


def test_what_blocks_within_a_run_is_no_other_run(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), Parts(tmp_path, None, "a" * 64).alone():
        raise BlockingIOError


def test_a_damaged_part_is_named_and_made_anew(wanted: PredictionConfig, data: Path, tagger: Tagger, log: Predictions) -> None:
    score(wanted)
    part = sorted(Path(wanted.out).glob("files/*/*/*.parquet"))[0]
    part.write_bytes(part.read_bytes()[:40])
    with pytest.raises(DataError, match=r"files/.*000000-[0-9a-f]{8}\.parquet is damaged or cut short: remove it and run again"):
        score(wanted)
    part.unlink()
    assert score(wanted).scored == 0
    check_whole(wanted, data, tagger, log)


def parts_in(wanted: PredictionConfig) -> int:
    return len(list(Path(wanted.out).glob("files/*/*/[!.]*.parquet")))


@pytest.mark.slow
def test_killed_again_and_again(wanted: PredictionConfig, data: Path, tagger: Tagger, log: Predictions) -> None:
    noisy_clips(data, 600, duration_s=3.0, sample_rate=22050)
    for times in (1, 2):
        with scoring(wanted) as process:
            until(lambda least=5 * times: parts_in(wanted) >= least, 200)
            process.kill()
    before = parts_in(wanted)
    with scoring(wanted) as process:
        assert process.wait(500) == 0
        said = process.stdout.read().split()
    assert int(said[0]) >= PART_ROWS * (before - 1)
    assert int(said[0]) + int(said[1]) == 600
    check_whole(wanted, data, tagger, log)
