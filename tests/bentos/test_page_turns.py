"""Which clip lies before which reviewer."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bentos.page import turns
from bentos.page.turns import Turn

ANN, BOB = "a" * 32, "b" * 32


def test_a_clip_lies_before_one_reviewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ann, bob = (Turn(tmp_path / "turns", who) for who in (ANN, BOB))
    assert ann.take("first")
    assert ann.take("first")
    assert not bob.take("first")
    assert (bob.others(), ann.others()) == ({"first"}, set())
    assert ann.take("second")
    assert bob.take("first")
    bob.leave()
    bob.leave()
    assert ann.others() == set()
    monkeypatch.setattr(turns, "HELD_S", -1)
    assert bob.take("second")


def test_of_all_who_come_at_once_one_gets_the_clip(tmp_path: Path):
    everybody = [Turn(tmp_path / "turns", f"{place:032x}") for place in range(32)]
    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(lambda one: one.take("first"), everybody)) == 1


@pytest.mark.parametrize("cookie", ["", "../outside", "x" * 32, "A" * 300])
def test_any_other_cookie_is_none(tmp_path: Path, cookie: str):
    assert Turn(tmp_path / "turns", cookie).take("first")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == ["turns/nobody"]
