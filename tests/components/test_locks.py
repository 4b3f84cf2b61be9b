"""Turns at a folder: between threads, between processes, and where there are no locks."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from components.locks import Turn, locked, take

HOLDS = """
import sys
from pathlib import Path
from components.locks import locked
with locked(Path(sys.argv[1])) as turn:
    print(turn.value, flush=True)
    sys.stdin.read()
"""


def test_a_turn_is_one_process_s_and_ends_with_it(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "lock"):
        with subprocess.Popen([sys.executable, "-c", HOLDS, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout
            assert other.stdout.readline() == "ours\n"
            with locked(place, wait=False) as turn:
                assert turn is Turn.TAKEN
            other.kill()
        with locked(place, wait=False) as turn:
            assert turn is Turn.OURS


def test_who_waits_has_it_once_the_other_is_done(tmp_path: Path) -> None:
    entered, had = threading.Event(), list[Turn]()

    def wait() -> None:
        entered.set()
        with locked(tmp_path) as turn:
            had.append(turn)

    thread = threading.Thread(target=wait)
    with locked(tmp_path):
        thread.start()
        assert entered.wait(10)
        thread.join(0.1)
        assert not had
    thread.join(10)
    assert had == [Turn.OURS]


def test_what_is_shared_keeps_out_who_wants_it_alone(tmp_path: Path) -> None:
    first, second = (os.open(tmp_path, os.O_RDONLY) for _ in range(2))
    try:
        assert [take(one, shared=True, wait=False) for one in (first, second)] == [Turn.OURS, Turn.OURS]
        assert take(first, wait=False) is Turn.TAKEN
        os.close(second)
        assert take(first, wait=False) is Turn.OURS
    finally:
        os.close(first)


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("components.locks.fcntl.flock", refuse)
    with locked(tmp_path) as one, locked(tmp_path) as other:
        assert one is other is Turn.UNKNOWN


def test_an_error_within_is_no_turn_of_another(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), locked(tmp_path):
        raise BlockingIOError
    with locked(tmp_path, wait=False) as turn:
        assert turn is Turn.OURS


def test_where_there_can_be_no_lock_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked(tmp_path / "none" / "lock"):
        pass
