"""When a service says that it is ready."""

import asyncio
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from sqlalchemy import text

from bentos.ready import Readiness
from bentos.scorer import PROGRAM
from components.registry.database import Database
from tests.fixtures.besieged import ask, family, works
from tests.fixtures.running import Running, furnish, running, until


class Scores:
    """A process that scores, or does not."""

    def __init__(self, up: bool = True) -> None:
        self.up, self.asked = up, 0

    def is_up(self) -> bool:
        self.asked += 1
        return self.up


def looks(database: Database, scorer: Scores, times: int = 1) -> list[bool]:
    async def run() -> list[bool]:
        readiness = Readiness(database, scorer)  # type: ignore[arg-type]
        found = await asyncio.gather(*(readiness.look() for _ in range(times)))
        readiness.close()
        return found

    return asyncio.run(run())


@pytest.fixture
def there(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")
    with database.write() as session:
        session.execute(text("SELECT 1"))
    yield database
    database.close()


def test_ready_where_the_database_answers_and_the_process_that_scores_does(there: Database):
    assert looks(there, Scores()) == [True]
    assert looks(there, Scores(up=False)) == [False]


def test_before_the_first_model_there_is_no_database_and_a_service_is_ready(tmp_path: Path):
    assert looks(Database(f"sqlite:///{tmp_path / 'none.db'}"), Scores()) == [True]
    assert not (tmp_path / "none.db").exists()


def test_many_who_ask_at_a_time_share_a_look(there: Database):
    scorer = Scores()
    assert looks(there, scorer, times=50) == [True] * 50
    assert scorer.asked == 1


def test_not_ready_without_the_database(tmp_path: Path):
    (tmp_path / "text.db").write_text("a letter to a friend " * 100)
    assert looks(Database(f"sqlite:///{tmp_path / 'text.db'}"), Scores()) == [False]


def test_not_ready_within_seconds_where_the_database_says_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bentos.ready.LOOK_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = Database(f"postgresql://ann@127.0.0.1:{silent.getsockname()[1]}/timbre?connect_timeout=10")
        began = time.monotonic()
        assert looks(database, Scores()) == [False]
        assert time.monotonic() - began < 7


class Hanging:
    """A database that answers at first, then says nothing until it is let go."""

    is_there = True

    def __init__(self) -> None:
        self.let_go, self.asked, self.answers = threading.Event(), 0, 1

    def ask(self) -> None:
        self.asked += 1
        if self.asked > self.answers:
            self.let_go.wait(60)


def test_looks_go_on_where_one_at_the_database_hangs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bentos.ready.LOOK_S", 60)
    monkeypatch.setattr("bentos.ready.FRESH_S", 0.0)
    database: Any = Hanging()
    scorer: Any = Scores()

    async def run() -> list[bool]:
        readiness = Readiness(database, scorer)
        found = [await readiness.look()]
        monkeypatch.setattr("bentos.ready.LOOK_S", 0.1)  # from where it hangs: one that answers may take longer on a busy machine
        found += [await asyncio.wait_for(readiness.look(), 10) for _ in range(4)]
        until(lambda: database.asked == 2)
        assert scorer.asked == 5
        monkeypatch.setattr("bentos.ready.LOOK_S", 60)
        database.let_go.set()
        found.append(await readiness.look())  # it hears what the look that hung has come to
        database.answers = 10
        found.append(await readiness.look())
        readiness.close()
        return found

    try:
        assert asyncio.run(run()) == [True] * 7
    finally:
        database.let_go.set()
    assert database.asked == 3


@pytest.mark.slow
def test_a_service_without_its_process_that_scores_is_not_ready_until_it_has_another(tmp_path: Path):
    with running(tmp_path, furnish(tmp_path)) as service:
        works(service)
        (scorer,) = scorers(service)
        scorer.suspend()
        time.sleep(1.1)
        assert httpx.get(f"{service.url}/readyz", timeout=60).status_code == 200  # it may be at work
        os.kill(scorer.pid, signal.SIGKILL)
        until(lambda: _ended(scorer))
        until(lambda: ask(service, "GET", "/readyz").status == 503)
        assert ask(service, "GET", "/livez").status == 200
        until(lambda: ask(service, "GET", "/readyz").status == 200, 60)
        (other,) = scorers(service)
        assert other.pid != scorer.pid
        works(service)


def _ended(process: psutil.Process) -> bool:
    """Its owner takes note of its end when it next looks, so until then there is a trace of it."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def scorers(service: Running) -> list[psutil.Process]:
    return [one for one in family(service.pid) if PROGRAM in one.cmdline()]
