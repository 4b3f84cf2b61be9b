"""What a run leaves in the working folder: all of its own, nothing of an earlier one, and a sentence where that cannot be."""

import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from components.errors import DataError
from pipelines.export import METRICS, PLOTS, REPORT, export


@dataclass(frozen=True)
class Made:
    """An artifact as ZenML's client hands it on."""

    content: Any

    def load(self) -> Any:
        return self.content


def outputs(folder: Path, word: str, plots: tuple[str, ...]) -> dict[str, Any]:
    """Of a run whose every file holds one word."""
    (folder / PLOTS).mkdir(parents=True)
    for file in (METRICS, *(f"{PLOTS}/{name}" for name in plots)):
        (folder / file).write_text(word)
    return {"evaluation": Made(folder), "judged_report": Made(word)}


@pytest.fixture
def working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "working"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_nothing_of_an_earlier_run_stays(working: Path, tmp_path: Path) -> None:
    export(outputs(tmp_path / "first", "first", ("roc.csv", "cel.csv")))
    export(outputs(tmp_path / "second", "second", ("roc.csv",)))
    found = {path.relative_to(working).as_posix(): path.read_text() for path in working.rglob("*") if path.is_file()}
    assert found == dict.fromkeys((METRICS, f"{PLOTS}/roc.csv", REPORT), "second")
    assert {path.name for path in working.iterdir()} == {METRICS, PLOTS, REPORT}


@pytest.mark.parametrize("taken", [METRICS, PLOTS, REPORT])
def test_a_folder_that_does_not_take_them(working: Path, tmp_path: Path, taken: str) -> None:
    made = outputs(tmp_path / "run", "made", ("roc.csv",))
    (working / taken).write_text("mine") if taken == PLOTS else (working / taken / "mine").mkdir(parents=True)
    with pytest.raises(DataError, match=rf"made and registered, but .*working does not take .*{taken}.* of its run \(\w.* puts them there"):
        export(made)
    assert not list(working.glob(".*"))


def test_plots_that_could_not_take_the_place_leave_the_old(working: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(outputs(tmp_path / "first", "first", ("roc.csv",)))
    with monkeypatch.context() as patched:
        patched.setattr("shutil.copytree", partial(shutil.copytree, copy_function=_refuse))
        with pytest.raises(DataError, match="No space left"):
            export(outputs(tmp_path / "second", "second", ("roc.csv",)))
    assert (working / PLOTS / "roc.csv").read_text() == "first"
    assert not list(working.glob(".*"))


def _refuse(*_: object) -> Path:
    raise OSError(28, "No space left on device", "plots")
