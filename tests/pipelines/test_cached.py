"""A result that is gone from the artifact store is made again, and one that lies there is used."""

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from zenml.orchestrators import cache_utils

from pipelines import cached

Find = Callable[[str], SimpleNamespace | None]


@pytest.fixture
def runs() -> list[SimpleNamespace]:
    """Of one step, the newest first."""
    return []


@pytest.fixture
def find(runs: list[SimpleNamespace], monkeypatch: pytest.MonkeyPatch) -> Find:
    """What ZenML is told of a key."""
    client = SimpleNamespace(
        active_project=SimpleNamespace(id=1),
        list_run_steps=lambda **_: SimpleNamespace(items=runs),
        active_stack=SimpleNamespace(artifact_store=SimpleNamespace(listdir=os.listdir)),
    )
    monkeypatch.setattr(cached, "Client", lambda: client)
    monkeypatch.setattr(cache_utils, "get_cached_step_run", lambda _: next(iter(runs), None))
    monkeypatch.setattr(cache_utils, "looks_at_cached", False, raising=False)
    cached.look_at_cached()
    cached.look_at_cached()
    return cache_utils.get_cached_step_run


def run(*folders: Path) -> SimpleNamespace:
    """Of `train`, with an artifact in each folder."""
    return SimpleNamespace(name="train", outputs={folder.name: [SimpleNamespace(uri=str(folder))] for folder in folders})


def full(folder: Path) -> Path:
    folder.mkdir()
    (folder / "data.tar.gz").touch()
    return folder


def test_nothing_is_cached(find: Find) -> None:
    assert find("key") is None


def test_what_lies_there_is_used(find: Find, runs: list[SimpleNamespace], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    runs.append(run(full(tmp_path / "tagger"), full(tmp_path / "report")))
    assert find("key") is runs[0]
    assert not caplog.messages


@pytest.mark.parametrize("emptied", [True, False])
def test_what_is_gone_in_part_is_made_again(
    find: Find, runs: list[SimpleNamespace], tmp_path: Path, caplog: pytest.LogCaptureFixture, emptied: bool
) -> None:
    gone = tmp_path / "tagger"
    if emptied:
        gone.mkdir()
    runs.append(run(full(tmp_path / "report"), gone))
    assert find("key") is None
    assert caplog.messages == [f"{gone} is gone from the artifact store: the step train is done again"]


def test_an_older_result_that_lies_there_is_used(find: Find, runs: list[SimpleNamespace], tmp_path: Path) -> None:
    runs += [run(tmp_path / "new"), run(full(tmp_path / "old"))]
    assert find("key") is runs[1]


def test_a_store_that_cannot_be_asked_is_believed(find: Find, runs: list[SimpleNamespace], tmp_path: Path) -> None:
    runs.append(run(tmp_path / "a\0b"))
    assert find("key") is runs[0]


def test_older_results_are_looked_for_as_zenml_looks_for_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []
    client = SimpleNamespace(
        active_project=SimpleNamespace(id=1), list_run_steps=lambda **told: asked.append(told) or SimpleNamespace(items=[])
    )
    for module in (cached, cache_utils):
        monkeypatch.setattr(module, "Client", lambda: client)
    inspect.unwrap(cache_utils.get_cached_step_run)("key")
    cached._all("key")
    newest, older = asked
    assert older == {**newest, "size": cached.EARLIER}


def test_who_is_asked_twice_to_look_looks_once(find: Find) -> None:
    cached.look_at_cached()
    assert cache_utils.get_cached_step_run is find
