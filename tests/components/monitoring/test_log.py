"""The log's queue: nothing waits for the database, nothing is lost that need not be, and what is lost is counted."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from components.monitoring.log import PredictionLog
from components.registry import DatabaseAway
from components.registry.prediction import Prediction
from tests.fixtures.running import until


def row(name: str) -> Prediction:
    about = {"model": "d" * 64, "model_key": "m@dddddddd", "labels": ("low",), "request_id": "", "caller": "ann", "latency_ms": 1.0}
    return Prediction(id=name, at=datetime.now(UTC), **about)


class Book:
    """A database that may be away, slow or choosy."""

    def __init__(self) -> None:
        self.there, self.refused = threading.Event(), set[str]()
        self.there.set()
        self.rows: list[str] = []
        self.batches: list[int] = []
        self.tries: list[float] = []
        self.waiting = 0
        self.counted: Counter[str] = Counter()

    def write(self, batch: Sequence[Prediction]) -> None:
        self.tries.append(time.monotonic())
        if not self.there.is_set():
            raise DatabaseAway("the database is away")
        if self.refused & {one.id for one in batch}:
            raise ValueError("a row that no table takes")
        self.batches.append(len(batch))
        self.rows += [one.id for one in batch]

    def count(self, outcome: str, rows: int, waiting: int) -> None:
        self.counted[outcome] += rows
        self.waiting = waiting


@contextmanager
def opened(book: Book, **given: float) -> Iterator[PredictionLog]:
    log = PredictionLog(book.write, book.count, **{"every_s": 0.02, "first_delay_s": 0.02, **given})  # type: ignore[arg-type]
    yield log
    log.close(30)


def test_rows_are_written_in_their_order_and_in_batches() -> None:
    book = Book()
    with opened(book, batch_rows=10, every_s=60) as log:
        for place in range(25):
            assert log.add(row(str(place)))
    assert book.rows == [str(place) for place in range(25)]
    assert book.batches == [10, 10, 5]
    assert book.waiting == 0
    assert book.counted == {"written": 25}


def test_a_lone_row_does_not_wait_for_long() -> None:
    book = Book()
    with opened(book) as log:
        log.add(row("a"))
        until(lambda: book.rows == ["a"])
        assert log.waiting == 0


def test_while_the_database_is_away_rows_wait_and_nobody_else_does() -> None:
    book = Book()
    book.there.clear()
    with opened(book, first_delay_s=0.01) as log:
        began = time.monotonic()
        for place in range(300):
            assert log.add(row(str(place)))
        assert time.monotonic() - began < 5
        until(lambda: len(book.tries) >= 3)
        assert book.rows == []
        book.there.set()
        until(lambda: len(book.rows) == 300)
    assert book.counted == {"written": 300}


def test_tries_come_at_growing_distances() -> None:
    book = Book()
    book.there.clear()
    with opened(book, first_delay_s=0.05) as log:
        log.add(row("a"))
        until(lambda: len(book.tries) >= 4)
        book.there.set()
    distances = [after - before for before, after in itertools.pairwise(book.tries[:4])]
    assert all(distance >= wanted for distance, wanted in zip(distances, (0.05, 0.1, 0.2), strict=True)), distances


def test_a_full_queue_drops_the_newest_and_counts_them() -> None:
    book = Book()
    book.there.clear()
    with opened(book, most_rows=10) as log:
        assert [log.add(row(str(place))) for place in range(13)] == [True] * 10 + [False] * 3
        assert log.waiting == 10
        book.there.set()
        until(lambda: len(book.rows) == 10)
        assert log.add(row("later"))
    assert book.rows == [*map(str, range(10)), "later"]
    assert book.counted == {"written": 11, "dropped": 3}


def test_a_row_that_cannot_be_written_keeps_no_other_back() -> None:
    book = Book()
    book.refused = {"3"}
    with opened(book, every_s=0.2) as log:
        for place in range(8):
            log.add(row(str(place)))
    assert book.rows == ["0", "1", "2", "4", "5", "6", "7"]
    assert book.counted == {"written": 7, "failed": 1}


def test_closing_writes_what_waits_and_takes_no_more() -> None:
    book = Book()
    with opened(book, every_s=60) as log:
        for place in range(5):
            log.add(row(str(place)))
        log.close(30)
        assert len(book.rows) == 5
        assert not log.add(row("late"))
    assert book.counted == {"written": 5, "dropped": 1}


def test_closing_waits_for_a_database_that_comes_back() -> None:
    book = Book()
    book.there.clear()
    with opened(book, first_delay_s=0.05) as log:
        log.add(row("a"))
        threading.Timer(0.3, book.there.set).start()
        log.close(30)
    assert book.rows == ["a"]


@pytest.mark.parametrize("slow", [False, True])
def test_closing_ends_in_time_and_counts_what_is_left(slow: bool) -> None:
    book = Book()
    book.there.clear()
    if slow:
        book.write = lambda _batch: time.sleep(20)  # type: ignore[method-assign,assignment]
    log = PredictionLog(book.write, book.count, every_s=0.01, first_delay_s=0.02)
    log.add(row("a"))
    began = time.monotonic()
    log.close(0.2)
    assert time.monotonic() - began < 10
    assert book.counted == {"dropped": 1}


def test_a_clock_that_jumps_back_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book()
    with opened(book) as log:
        for moment in (2e9, 1e9, 0.0):
            monkeypatch.setattr(time, "time", lambda moment=moment: moment)
            log.add(row(str(moment)))
            until(lambda: log.waiting == 0)
    assert book.rows == ["2000000000.0", "1000000000.0", "0.0"]
