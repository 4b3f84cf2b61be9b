"""What a named data set comes to before anything is heard: which files may be opened, and what is said of the others."""

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from bentos.budget import Budget, StoppedError
from bentos.config import ServiceConfig
from bentos.context import Context
from bentos.judging import Named, gathered, opened
from bentos.source_errors import SourceError
from bentos.sources import Sources
from components.errors import TimbreError
from components.labels import IRMAS, LabelSet
from tests.fixtures.running import BANDS, RATE
from tests.fixtures.sounds import sine, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("x-1.wav", "y-1.wav"):
        write(tmp_path / "data" / name, sine(440, 0.1, RATE), RATE)
    (tmp_path / "data/x-1.txt").write_text("cel\n")
    return tmp_path / "data"


@contextmanager
def named(root: Path, kind: str, path: str, labels: LabelSet = IRMAS):
    offer = SimpleNamespace(settings=SimpleNamespace(label_set=labels))
    context = SimpleNamespace(config=ServiceConfig(), sources=Sources((root,), (), 10_000_000, 10))
    with gathered(context, offer, Budget(1, 1), [Named(kind, path)]) as test:
        yield test


def told(test) -> dict[str, str]:
    """Name -> its error, or nothing where it can be opened."""
    found = {}
    for name, file in zip(test.names, test.files, strict=True):
        try:
            file.open().close()
            found[name] = ""
        except TimbreError as error:
            found[name] = test.answer(error)["error"]
    return found


def test_a_clip_that_has_no_labels_is_told_and_not_left_out(root: Path):
    with named(root, "irmastest", "data") as test:
        assert told(test) == {"x-1": "", "y-1": "data/y-1.wav has no label file y-1.txt beside it"}
        assert test.labelled == [True, False]
    (root / "x.csv").write_text("file,split,low\nx-1.wav,test,1\nnone.wav,test,1\n,test,1\nalso_none.wav,train,1\n")
    with named(root, "csv", "x.csv", BANDS) as test:
        assert told(test) == {
            "x-1": "",
            "none": "data/none.wav is not there (named in data/x.csv, line 3)",
            "x": "data/x.csv, line 4 names no file",
        }


def test_a_file_that_cannot_be_opened_is_an_error_of_its_own(root: Path):
    for name in ("a-1", "b-1"):
        write(root / "rest" / f"{name}.wav", sine(440, 0.1, RATE), RATE)
    with named(root, "", "rest") as test:
        (root / "rest/a-1.wav").unlink()
        (root / "rest/b-1.wav").unlink()
        os.mkfifo(root / "rest/b-1.wav")  # opened plainly, it would be waited for
        missing = "is not in this service's data folders: check the name"
        assert told(test) == {"a-1": f"'rest/a-1.wav' {missing}", "b-1": f"'rest/b-1.wav' {missing}"}


def test_a_table_tells_nothing_of_what_lies_elsewhere(root: Path, monkeypatch: pytest.MonkeyPatch):
    write(root.parent / "outside.wav", sine(440, 0.1, RATE), RATE)
    (root / "link.wav").symlink_to(root.parent / "outside.wav")
    (root / "gone.wav").symlink_to(root.parent / "none.wav")
    monkeypatch.chdir(root.parent)
    there, absent = (["/etc/passwd", "../outside.wav", "outside.wav", "link.wav"], ["/etc/nosuch", "../none.wav", "none.wav", "gone.wav"])
    for file in (*there, *absent, "~nobody_here/a.wav", "~/a.wav", "x" * 300, "\0"):
        (root / "x.csv").write_text(f"file,low\n{file},1\n")
        for kind in ("csv", "inference"):
            with named(root, kind, "x.csv", BANDS) as test:
                (error,) = told(test).values()
                assert error.endswith("is not there (named in data/x.csv, line 2)")


def test_a_table_may_name_what_lies_below_the_roots(root: Path):
    (root / "lists").mkdir()
    (root / "lists/x.csv").write_text(f"file,low\n../x-1.wav,1\n{root}/y-1.wav,0\n")
    with named(root, "csv", "lists/x.csv", BANDS) as test:
        assert list(told(test).values()) == ["", ""]


def test_no_file_outside_is_even_asked_for(root: Path, monkeypatch: pytest.MonkeyPatch):
    (root / "x.csv").write_text("file,low\n/etc/passwd,1\n/etc/nosuch,1\n../../a,1\n")
    asked = []
    real, stat = os.path.realpath, os.stat
    monkeypatch.setattr("os.path.realpath", lambda path, **options: asked.append(str(path)) or real(path, **options))
    monkeypatch.setattr("os.stat", lambda path, **options: asked.append(str(path)) or stat(path, **options))
    with named(root, "csv", "x.csv", BANDS):
        pass
    assert {path for path in asked if path.startswith("/") and not Path(os.path.normpath(path)).is_relative_to(root)} == set()


def test_labels_beside_a_single_clip_are_not_read_through_a_link_that_leads_out(root: Path):
    (root.parent / "secret.txt").write_text("secret\n")
    (root / "y-1.txt").symlink_to(root.parent / "secret.txt")
    with pytest.raises(SourceError, match=r"'y-1.wav' has the link 'y-1.txt', which leads out"), named(root, "irmastest", "y-1.wav"):
        pass
    with named(root, "irmastest", "x-1.wav") as test:
        assert told(test) == {"x-1": ""}


def test_a_list_of_any_size_is_not_read(root: Path):
    with (root / "long.csv").open("wb") as file:
        file.truncate(65 * 2**20)
    with pytest.raises(SourceError, match=r"long\.csv\W? has more than 64 MiB: name a shorter list"), named(root, "csv", "long.csv", BANDS):
        pass


def test_what_is_hidden_is_as_if_it_were_not_there(root: Path):
    (root / ".env").write_text("PASSWORD=secret\n")
    (root / ".git").mkdir()
    (root / ".git/x.csv").write_text("file,low\n")
    for path in (".env", "data/.env", "./.env", f"{root}/.env", ".git/x.csv", ".git", ".nowhere"):
        with pytest.raises(SourceError, match="is not in this service's data folders") as raised, named(root, "csv", path):
            pass
        assert raised.value.kind == "missing"
    (root / ".git/x.csv").write_text("file,low\n../x-1.wav,1\n")
    with named(root / ".git", "csv", f"{root}/.git/x.csv", BANDS) as test:  # the root itself may be
        assert len(test.clips) == 1


class Counted(Sources):
    """Takes note of each data set that is asked for, and stops the budget at one of them."""

    def __init__(self, root: Path, budget: Budget, stop_at: int) -> None:
        super().__init__((root,), (), 10_000_000, 10)
        self.budget, self.stop_at, self.asked = budget, stop_at, 0

    def local(self, *given, **options):
        self.asked += 1
        if self.asked == self.stop_at:
            self.budget.stop()
        return super().local(*given, **options)


@pytest.mark.parametrize(
    ("max_files", "stop_at", "error", "asked"),
    [(1000, 0, None, 50), (1000, 3, StoppedError, 3), (5, 0, SourceError, 3), (100, 0, None, 50)],
)
def test_data_sets_are_read_as_long_as_somebody_waits_and_no_more_than_wanted(
    root: Path, max_files: int, stop_at: int, error: type[Exception] | None, asked: int
):
    budget = Budget(1, 1)
    sources = Counted(root, budget, stop_at)
    offer = SimpleNamespace(settings=SimpleNamespace(label_set=IRMAS))
    context = SimpleNamespace(config=ServiceConfig(max_files=max_files), sources=sources)
    gathering = gathered(context, offer, budget, [Named("", "data")] * 50)
    with pytest.raises(error) if error else nullcontext(), gathering as test:
        assert len(test.clips) == 100
    assert sources.asked == asked


class Slow:
    """Objects of S3 that come a piece a moment, until somebody looks whether they are wanted."""

    def __init__(self) -> None:
        self.begun, self.ended = threading.Event(), threading.Event()

    def split(self, text: str) -> tuple[str, str]:
        return "clips", ""

    def list(self, *_: str):
        return [(f"{number}.wav", 1000) for number in range(5)]

    def read(self, _bucket: str, _key: str, _size: int, into, tell) -> None:
        self.begun.set()
        try:
            for _ in range(1000):
                tell(1)
                into.write(b"x")
                time.sleep(0.01)
        except StoppedError:
            self.ended.set()
            raise


def test_where_the_client_leaves_nothing_more_is_copied_and_the_copy_goes(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sources, slow, budget = Sources((root,), ("clips",), 10_000, 10), Slow(), Budget(1, 1)
    sources.buckets = slow
    lookers = ThreadPoolExecutor(1)
    context = SimpleNamespace(config=ServiceConfig(), sources=sources, budget=lambda: budget, lookers=lookers)
    context.look = partial(Context.look, context)

    async def leave() -> float:
        offer = SimpleNamespace(settings=SimpleNamespace(label_set=IRMAS))
        with ExitStack() as stack:
            asked = asyncio.create_task(opened(context, offer, [Named("", "s3://clips/")], stack))
            await asyncio.to_thread(slow.begun.wait, 30)
            asked.cancel()
            began = time.monotonic()
            with pytest.raises(asyncio.CancelledError):
                await asked
            took = time.monotonic() - began
        await asyncio.to_thread(slow.ended.wait, 30)
        return took

    with lookers:
        assert asyncio.run(leave()) < 5
    assert slow.ended.is_set()
    assert not list(tmp_path.glob("timbre-s3-*"))


def test_where_the_client_leaves_a_search_ends(root: Path):
    budget = Budget(1, 1)
    begun, searched = threading.Event(), threading.Event()

    def search() -> None:
        begun.set()
        try:
            while True:
                Sources((root,), (), 10_000_000, 10).all_files(["data"], budget.check)
        finally:
            searched.set()

    async def leave() -> None:
        asked = asyncio.create_task(Context.look(SimpleNamespace(lookers=lookers), budget, search))
        await asyncio.to_thread(begun.wait, 30)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await asyncio.to_thread(searched.wait, 30)

    with ThreadPoolExecutor(1) as lookers:
        asyncio.run(leave())
    assert searched.is_set()
