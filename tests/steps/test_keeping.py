"""A checkpoint is copied as it changes and comes back; a store that takes none stops no training."""

import logging
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from steps import keeping
from steps.keeping import Keeper, kept, let_go
from tests.fixtures.running import until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "EVERY_S", 0.01)


def keeper(tmp_path: Path, run: str = "a") -> Keeper:
    (tmp_path / run).mkdir(exist_ok=True)
    return Keeper(tmp_path / run / "last.ckpt", str(tmp_path / "store" / "key" / "last.ckpt"))


def holds(path: Path, content: bytes) -> Callable[[], bool]:
    return lambda: path.exists() and path.read_bytes() == content


def test_each_new_content_is_copied_and_the_last_comes_back(tmp_path: Path):
    first, kept = keeper(tmp_path), tmp_path / "store" / "key" / "last.ckpt"
    assert not first.bring_back()
    with first:
        for content in (b"one", b"another"):
            keeping.write_whole(tmp_path / "a" / "last.ckpt", content)
            until(holds(kept, content))
    second = keeper(tmp_path, "b")
    assert second.bring_back()
    assert (tmp_path / "b" / "last.ckpt").read_bytes() == b"another"
    assert [file.name for file in kept.parent.iterdir()] == ["last.ckpt"]


def test_what_was_brought_back_is_not_copied_again(tmp_path: Path):
    first, kept = keeper(tmp_path), tmp_path / "store" / "key" / "last.ckpt"
    with first:
        keeping.write_whole(tmp_path / "a" / "last.ckpt", b"one")
        until(holds(kept, b"one"))
    before = kept.stat().st_mtime_ns
    second = keeper(tmp_path, "b")
    second.bring_back()
    with second:
        keeping.threading.Event().wait(0.1)
    assert kept.stat().st_mtime_ns == before


class Looks:
    """In place of a training's end, which comes after some looks; tells how long was waited for each."""

    def __init__(self, most: int, before: Callable[[int], None] = lambda _: None) -> None:
        self.waits_s: list[float] = []
        self._most, self._before = most, before

    def wait(self, wait_s: float) -> bool:
        self._before(len(self.waits_s))
        self.waits_s.append(wait_s)
        return len(self.waits_s) > self._most


def test_a_store_that_takes_none_stops_no_training_and_is_asked_ever_more_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(keeping, "EVERY_S", 2.0)
    (tmp_path / "store").write_text("a file where a folder should be")
    asked, looks = keeper(tmp_path), Looks(most=11)
    keeping.write_whole(tmp_path / "a" / "last.ckpt", b"one")
    monkeypatch.setattr(asked, "_ended", looks)
    with caplog.at_level(logging.WARNING, "steps.keeping"):
        asked._watch()
    assert looks.waits_s == [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]
    assert len(caplog.records) == 12
    assert not any(record.exc_info for record in caplog.records)
    said = [line for line in caplog.text.splitlines() if line]
    assert len(said) == 12
    assert f"could not be kept at {tmp_path}/store/key/last.ckpt (" in said[0]
    assert said[0].endswith("): tried again in 4 s")
    assert said[-1].endswith("): not tried again, as training has ended")


def test_a_store_that_has_room_again_takes_the_checkpoint_that_it_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "store").write_text("a file where a folder should be")
    asked = keeper(tmp_path)
    keeping.write_whole(tmp_path / "a" / "last.ckpt", b"one")
    looks = Looks(most=4, before=lambda look: (tmp_path / "store").unlink() if look == 2 else None)
    monkeypatch.setattr(asked, "_ended", looks)
    asked._watch()
    assert (tmp_path / "store" / "key" / "last.ckpt").read_bytes() == b"one"
    assert looks.waits_s == [0.01, 0.02, 0.04, 0.01, 0.01]


class Ends(BaseException):
    """What ends a training."""


def end(asked: Keeper, ends_by: type[BaseException] | None) -> None:
    """A training that writes its last checkpoint, and ends at once."""
    with asked:
        keeping.write_whole(asked._file, b"last")
        if ends_by:
            raise ends_by


@pytest.mark.parametrize("ends_by", [None, RuntimeError, Ends])
def test_the_last_checkpoint_is_copied_at_the_end_however_long_the_next_look_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends_by: type[BaseException] | None
):
    monkeypatch.setattr(keeping, "EVERY_S", 600.0)
    with pytest.raises(ends_by) if ends_by else nullcontext():
        end(keeper(tmp_path), ends_by)
    assert (tmp_path / "store" / "key" / "last.ckpt").read_bytes() == b"last"


@pytest.mark.parametrize("hangs", [True, False])
def test_a_store_that_takes_no_last_copy_neither_holds_up_the_end_nor_hides_what_went_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, hangs: bool
):
    comes_back = threading.Event()

    def away(*_: object) -> None:
        if hangs:
            comes_back.wait(60)
        raise OSError("the store is away")

    monkeypatch.setattr(keeping, "EVERY_S", 600.0)
    monkeypatch.setattr(keeping, "LAST_S", 0.1 if hangs else 60.0)
    monkeypatch.setattr(keeping.fileio, "makedirs", away)
    asked = keeper(tmp_path)
    with caplog.at_level(logging.WARNING, "steps.keeping"), pytest.raises(Ends):
        end(asked, Ends)
    comes_back.set()
    asked._thread.join()
    assert ("the run ends without it" in caplog.text) == hangs


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What ZenML tells the training, and then the step that takes its tagger."""
    run = SimpleNamespace(cache_key="key")
    context = SimpleNamespace(step_run=run, inputs={"tagger": [SimpleNamespace(step=run)]})
    stack = SimpleNamespace(artifact_store=SimpleNamespace(path=str(tmp_path / "store")))
    monkeypatch.setattr(keeping, "Client", lambda: SimpleNamespace(active_stack=stack))
    monkeypatch.setattr(keeping, "get_step_context", lambda: context)
    return context


def train(tmp_path: Path, run: str) -> bool:
    with kept(tmp_path / run) as found:
        keeping.write_whole(tmp_path / run / keeping.LAST, run.encode())
        until(holds(tmp_path / "store" / keeping.FOLDER / "key" / "last.ckpt", run.encode()))
    return found


@pytest.mark.usefixtures("step")
def test_a_training_whose_tagger_is_not_stored_goes_on_and_one_whose_tagger_is_begins_anew(tmp_path: Path):
    for run in ("a", "b", "c"):
        (tmp_path / run / "checkpoints").mkdir(parents=True)
    assert [train(tmp_path, run) for run in ("a", "b")] == [False, True]
    for _ in ("once", "once more, for a cached training"):
        let_go("tagger")
    assert train(tmp_path, "c") is False


@pytest.mark.usefixtures("step")
def test_a_checkpoint_that_cannot_be_removed_costs_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "store" / keeping.FOLDER / "key").mkdir(parents=True)

    def away(_: str) -> None:
        raise OSError("the store is away")

    monkeypatch.setattr(keeping.fileio, "rmtree", away)
    with caplog.at_level(logging.WARNING, "steps.keeping"):
        let_go("tagger")
    assert "could not be removed" in caplog.text
