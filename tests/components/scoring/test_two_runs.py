"""Two runs score into one place on S3: the second is refused; where nothing keeps them apart, each content is kept once all the same."""

import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from components.errors import DataError, S3Error
from components.registry.predictions import Predictions
from components.s3 import Remote
from components.scoring import keep, lease, score
from components.scoring.doubles import settle
from components.scoring.hear import hear
from components.scoring.keep import Keeper
from components.scoring.ledger import Ledger
from components.scoring.listing import list_files
from components.scoring.model import Model
from components.scoring.parts import Parts
from components.scoring.rows import Row
from components.tagger import Tagger
from components.work_config import PredictionConfig
from tests.components.scoring.conftest import CLIPS, OUT, fetched, keys
from tests.components.scoring.test_resume import check_whole
from tests.components.scoring.test_score import files_in, scores_in
from tests.fixtures.buckets import Server

THERE = Remote.of(OUT)
BATCH = "20260101T000000Z-abcd"


@contextmanager
def on_another_machine(folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TIMBRE_MIRROR", str(folder))
        yield


def keeper(folder: Path, wanted: PredictionConfig, tagger: Tagger, log: Predictions, remote: Remote | None = THERE) -> Keeper:
    """What a run on a machine of its own writes with; nothing tells it that another is at it."""
    model = Model.find(wanted.model)
    parts, ledger = Parts(folder, remote, model.digest), Ledger()
    settle(parts, ledger)
    return Keeper(parts, BATCH, model, tagger.label_set, ledger, log.add)


def rows_of(wanted: PredictionConfig, tagger: Tagger) -> list[Row]:
    return list(hear(tagger, list_files(wanted.data, tagger.label_set)[0]))


@pytest.mark.parametrize("first", [0, 1])
def test_two_keepers_in_turns(
    first: int, far: PredictionConfig, data: Path, tagger: Tagger, log: Predictions, server: Server, tmp_path: Path
) -> None:
    rows = rows_of(far, tagger)
    one, two = keepers = [keeper(tmp_path / name, far, tagger, log) for name in ("one", "two")]
    for ahead, behind in zip_longest(rows, reversed(rows)):
        one.take(ahead)
        two.take(behind)
    with keepers[first]:
        pass
    assert len(keys(server, "files")) == len(keys(server, "scores")) == 2 + 3  # nothing is written over
    with keepers[1 - first]:
        pass
    check_whole(fetched(server, far, tmp_path / "fetched"), data, tagger, log)
    again = score(far)
    assert (again.scored, again.before) == (0, CLIPS)


def test_two_keepers_in_a_folder_without_locks(
    wanted: PredictionConfig, data: Path, tagger: Tagger, log: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep, "PART_ROWS", 5)
    one, two = (keeper(Path(wanted.out), wanted, tagger, log, remote=None) for _ in range(2))
    with one, two:
        for row in rows_of(wanted, tagger):
            one.take(row)
            two.take(row)
    check_whole(wanted, data, tagger, log)
    assert len(list(Path(wanted.out).glob("files/*/*/*.parquet"))) == 6


def test_what_was_to_be_written_and_was_not_takes_nothing_from_another(
    far: PredictionConfig, data: Path, tagger: Tagger, log: Predictions, server: Server, tmp_path: Path
) -> None:
    rows, ledger = rows_of(far, tagger), Ledger()
    assert all(ledger.claim(row.content, f"{BATCH}/000000") for row in rows if row.content)
    with keeper(tmp_path / "two", far, tagger, log) as two:
        for row in rows:
            two.take(row)
    settle(Parts(tmp_path / "one", THERE, tagger.digest), ledger)
    check_whole(fetched(server, far, tmp_path / "fetched"), data, tagger, log)


def test_of_two_where_one_is_killed_the_next_run_leaves_each_once(
    far: PredictionConfig, data: Path, tagger: Tagger, log: Predictions, server: Server, tmp_path: Path
) -> None:
    shutil.copy(data / "clip0000.wav", data / "a copy.wav")
    rows = rows_of(far, tagger)
    killed = keeper(tmp_path / "one", far, tagger, log)  # never left
    with keeper(tmp_path / "two", far, tagger, log) as other:
        for row in rows:
            other.take(row)
            killed.take(row)
    assert score(far).before == CLIPS + 1
    found = fetched(server, far, tmp_path / "fetched")
    files = files_in(found.out)
    assert files["path"].is_unique
    assert files["scored"].sum() == len(scores_in(found.out)) == scores_in(found.out)["content"].nunique() == CLIPS


def test_another_file_of_a_content_stays_listed(
    far: PredictionConfig, data: Path, tagger: Tagger, log: Predictions, server: Server, tmp_path: Path
) -> None:
    """Each of two runs scores another copy."""
    shutil.copy(data / "clip0000.wav", data / "a copy.wav")
    rows = rows_of(far, tagger)
    with keeper(tmp_path / "one", far, tagger, log) as one, keeper(tmp_path / "two", far, tagger, log) as two:
        for row in rows:
            one.take(row)
        for row in reversed(rows):
            two.take(row)
    found = fetched(server, far, tmp_path / "fetched")
    assert sorted(files_in(found.out)["path"].unique()) == sorted(map(str, data.glob("*.wav")))
    assert len(scores_in(found.out)) == scores_in(found.out)["content"].nunique() == files_in(found.out)["scored"].sum() == CLIPS
    assert score(far).before == CLIPS + 1


def interrupted_by(act: Callable[[], None], after: int = 7) -> Callable[..., Iterator[Any]]:
    """A progress that does something in the midst of a run."""

    def progress(items: Iterable[Any], what: str, total: int) -> Iterator[Any]:
        for count, item in enumerate(items):
            if count == after:
                act()
            yield item

    return progress


def test_a_second_run_is_refused(
    far: PredictionConfig,
    data: Path,
    tagger: Tagger,
    log: Predictions,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lease, "DEAD_S", 30.0)  # a beat may be late; the first is enough
    refused: list[str] = []

    def another() -> None:
        with on_another_machine(tmp_path / "another"), pytest.raises(DataError) as error:
            score(far)
        refused.append(str(error.value))

    assert score(far, progress=interrupted_by(another)).scored == CLIPS
    assert re.fullmatch(
        r"another run scores into s3://scores/all with this model, on \S+: wait for it, or name another place by prediction.out", refused[0]
    )
    assert not keys(server, "leases")
    check_whole(fetched(server, far, tmp_path / "fetched"), data, tagger, log)


def test_two_whole_runs_where_nothing_keeps_them_apart(
    far: PredictionConfig,
    data: Path,
    tagger: Tagger,
    log: Predictions,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second finds the unfinished batch of the first, goes on with it and ends; then the first goes on."""
    monkeypatch.setattr("components.scoring.parts.leased", lambda *_: nullcontext())

    def another() -> None:
        with on_another_machine(tmp_path / "another"):
            assert score(far).before == 5

    score(far, progress=interrupted_by(another))
    check_whole(fetched(server, far, tmp_path / "fetched"), data, tagger, log)
    assert score(far).before == CLIPS


def test_what_gives_no_sign_is_taken_over_and_writes_no_more(
    far: PredictionConfig,
    data: Path,
    tagger: Tagger,
    log: Predictions,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def another() -> None:
        with on_another_machine(tmp_path / "another"):
            assert score(far).before == 5

    monkeypatch.setattr(lease.Lease, "_keep", lambda *_: None)  # as if the process stood still
    with pytest.raises(
        DataError, match=r"another run has taken s3://scores/all over, as this one gave no sign for 2 s: what it wrote is kept"
    ):
        score(far, progress=interrupted_by(another))
    check_whole(fetched(server, far, tmp_path / "fetched"), data, tagger, log)
    assert len(keys(server, "files")) == 3
    assert score(far).before == CLIPS


def test_what_a_dead_run_left_is_in_nobodys_way(far: PredictionConfig, tagger: Tagger, log: Predictions, server: Server) -> None:
    server.put(f"all/leases/model={tagger.digest}.json", b"cut off", bucket="scores")
    began = time.monotonic()
    assert score(far).scored == CLIPS
    assert time.monotonic() - began >= 2
    assert not keys(server, "leases")


def test_a_lease_that_another_has_is_not_removed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after the sleep of a machine, whose clock stands still meanwhile."""
    monkeypatch.setattr(lease, "BEAT_S", 3600.0)
    with lease.leased(THERE, "lease"):
        server.put("all/lease", b"another's", bucket="scores")
    assert THERE.read("lease") == b"another's"


def test_a_lease_holds_while_s3_is_slow_to_answer(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with lease.leased(THERE, "lease") as held:
        real, calls = Remote.swap, []

        def failing(*arguments: Any, **more: Any) -> str | None:
            calls.append(arguments)
            if len(calls) < 3:
                raise S3Error("S3 gives no answer")
            return real(*arguments, **more)

        monkeypatch.setattr(Remote, "swap", failing)
        while len(calls) < 4:
            time.sleep(0.05)
        held.check()
    assert keys(server) == []


def test_parts_of_before_are_read(
    far: PredictionConfig, data: Path, tagger: Tagger, log: Predictions, server: Server, tmp_path: Path
) -> None:
    """Their names were numbers alone."""
    score(far)
    for key in [*keys(server, "scores"), *keys(server, "files")]:
        server.client.copy_object(Bucket="scores", CopySource=f"scores/{key}", Key=re.sub(r"-[0-9a-f]{8}\.parquet$", ".parquet", key))
        server.client.delete_object(Bucket="scores", Key=key)
    assert [Path(key).stem for key in keys(server, "files")] == ["000000", "000001", "000002"]
    with on_another_machine(tmp_path / "another"):
        assert score(far).before == CLIPS
    check_whole(fetched(server, far, tmp_path / "fetched"), data, tagger, log)
