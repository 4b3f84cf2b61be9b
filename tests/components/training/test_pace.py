"""What a training tells of how far it is, to whoever follows it from outside."""

import json
import math
from pathlib import Path

import pytest

from components.config import Config
from components.pace import ASKED, Pace, PaceFile, asked_for
from components.store import Store
from components.training import fit, pacer


def changed(config: Config, **training: object) -> Config:
    return config.model_copy(update={"training": config.training.model_copy(update=training)})


def test_steps_passes_and_validations_are_told(config: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacer, "EVERY_S", 0.0)
    told: list[Pace] = []
    fit(changed(config, max_steps=6, val_every_steps=2), store, tmp_path, report=told.append)
    assert [pace.step for pace in told] == [1, 2, 3, 4, 5, 6, 6]
    assert {pace.steps for pace in told} == {6}
    assert [pace.epoch for pace in told] == [1, 1, 1, 2, 2, 2, 2]  # 26 clips make 3 steps of 8
    assert {pace.epochs for pace in told} == {2}
    assert [bool(pace.metrics) for pace in told] == [False, False, True, True, True, True, True]
    last = (tmp_path / "history.csv").read_text().splitlines()[-1].split(",")
    assert [f"{told[-1].metrics[key]:.6g}" for key in ("train_loss", "val_f1", "val_map", "lr")] == last[1:]


def test_not_each_step_is_told(config: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacer, "EVERY_S", 1e9)
    told: list[Pace] = []
    fit(changed(config, max_steps=4), store, tmp_path, report=told.append)
    assert [pace.step for pace in told] == [1, 4, 4]


def test_a_file_holds_the_latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ASKED, raising=False)
    assert asked_for(tmp_path / "run", None) is None
    monkeypatch.setenv(ASKED, str(tmp_path / "pace.json"))
    file = asked_for(tmp_path / "run", "before")
    assert json.loads((tmp_path / "pace.json").read_text()) == {"run": "run", "ckpt": "before"}
    file(Pace(1, 2, 1, 1, {"val_f1": 0.5, "val_map": math.nan}))
    assert json.loads((tmp_path / "pace.json").read_text()) == {
        "run": "run", "ckpt": "before", "step": 1, "steps": 2, "epoch": 1, "epochs": 1, "metrics": {"val_f1": 0.5},
    }  # fmt: skip


@pytest.mark.slow
def test_the_first_of_two_devices_tells(config: Config, store: Store, tmp_path: Path) -> None:
    fit(changed(config, max_steps=4, devices=2), store, tmp_path, report=PaceFile(tmp_path / "pace.json", "run"))
    told = json.loads((tmp_path / "pace.json").read_text())
    assert (told["step"], told["steps"], "val_f1" in told["metrics"]) == (4, 4, True)
