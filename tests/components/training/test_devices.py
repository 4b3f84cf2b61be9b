"""Several devices, as processes on a CPU: real ones, which agree and average over gloo."""

import importlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from components.config import Config, TrainingConfig, load_config
from components.errors import ConfigError
from components.store import Store
from components.tagger import Tagger
from components.training import NOTE, fit
from components.training.device import choose_device, count_devices


def changed(config: Config, **training: Any) -> Config:
    return config.model_copy(update={"training": config.training.model_copy(update=training)})


@pytest.fixture(scope="module")
def plain(config: Config) -> Config:
    """What a CPU sees of a device's share alone (batch norm, mixes) is left out, so a step is the same on any number of devices.

    Adam divides by the gradient's size, which would make a difference in the last digits of a tiny one a large one.
    """
    model = config.model.model_copy(update={"name": "CONVNEXT_TINY", "params": {"depth": 0.1, "width": 0.1}})
    few = {"max_steps": 4, "val_every_steps": 2, "optimizer_params": {"eps": 0.1}, "augmentations": (), "tensorboard": False}
    return changed(config.model_copy(update={"model": model}), **few)


def test_what_lies_on_s3_is_fetched_before_the_processes_start(
    plain: Config, sparse: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    monkeypatch.setattr(Store, "bring", lambda part: happened.extend(part.manifest.frame["split"].unique()))
    monkeypatch.setattr(importlib.import_module("components.training.fit"), "train_together", lambda *_: happened.append("start"))
    fit(changed(plain, devices=2), sparse, tmp_path / "two")
    assert happened == ["train", "val", "start"]


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["CROSS_ENTROPY", "CROSS_ENTROPY_POS_WEIGHT"])
def test_two_devices_train_what_one_trains(
    plain: Config, sparse: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture, loss: str
) -> None:
    plain = changed(plain, loss=loss)
    alone = fit(plain, sparse, tmp_path / "one")
    with caplog.at_level(logging.INFO):
        shared = fit(changed(plain, devices=2), sparse, tmp_path / "two")
    assert "kept the weights of step" in caplog.text  # the first's words come out here
    assert Tagger.open(shared).name == "pitches"
    first, found = load_file(alone / "model.safetensors"), load_file(shared / "model.safetensors")
    for key, tensor in first.items():
        torch.testing.assert_close(found[key], tensor, atol=1e-5, rtol=1e-4, msg=lambda said, key=key: f"{key}: {said}")
    one, two = (pd.read_csv(folder.parent / "history.csv") for folder in (alone, shared))
    assert one["step"].tolist() == [2, 4]
    np.testing.assert_allclose(two, one, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_a_training_is_resumed_on_another_number_of_devices(plain: Config, sparse: Store, tmp_path: Path, before: int, after: int) -> None:
    level = changed(plain, scheduler="PLATEAU")  # its rates do not depend on when the training ends
    whole = fit(level, sparse, tmp_path / "whole")
    fit(changed(level, devices=before, max_steps=2), sparse, tmp_path / "half")
    resumed = fit(changed(level, devices=after, ckpt=str(tmp_path / "half")), sparse, tmp_path / "resumed")
    one, two = (pd.read_csv(folder.parent / "history.csv") for folder in (whole, resumed))
    assert two["step"].tolist() == [2, 4]
    np.testing.assert_allclose(two, one, rtol=1e-3)


def when_it_trains(run_folder: Path, do: Callable[[], None]) -> threading.Thread:
    """Do something once the first validation is written."""

    def wait() -> None:
        while not (run_folder / "history.csv").exists():
            time.sleep(0.1)
        do()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
def test_ctrl_c_ends_all_devices_after_the_same_step(config: Config, store: Store, tmp_path: Path) -> None:
    when_it_trains(tmp_path, lambda: os.kill(os.getpid(), signal.SIGINT))
    long = changed(config, devices=2, max_steps=100_000, val_every_steps=2, patience=None)
    tagger = Tagger.open(fit(long, store, tmp_path))
    assert tagger.name == "pitches"
    assert "was stopped by hand" in (tmp_path / NOTE).read_text()
    assert multiprocessing.active_children() == []


def kill_the_second() -> None:
    (second,) = [child for child in multiprocessing.active_children() if child.name == "timbre-device-1"]
    second.kill()


@pytest.mark.slow
def test_a_device_that_dies_ends_the_training_in_a_sentence(config: Config, store: Store, tmp_path: Path) -> None:
    when_it_trains(tmp_path, kill_the_second)
    with pytest.raises(ConfigError, match=r"the process of device 1 was ended by signal 9: lower training\.batch_size"):
        fit(changed(config, devices=2, max_steps=100_000, val_every_steps=2), store, tmp_path)
    assert multiprocessing.active_children() == []
    assert not (tmp_path / "pitches").exists()


@pytest.mark.slow
def test_what_goes_wrong_in_a_device_is_said_here(config: Config, store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the (loss is nan|weights are not finite) at step"):
        fit(changed(config, devices=2, lr=1e30, lr_onecycle_max=1e38), store, tmp_path)


def test_how_many_devices_there_are() -> None:
    assert count_devices(TrainingConfig(device="cpu")) == 1
    assert count_devices(TrainingConfig(device="cpu", devices="auto")) == 1
    assert count_devices(load_config(overrides=['training.devices="2"', "training.device=cpu"]).training) == 2
    with pytest.raises(ConfigError, match=r"training\.devices: write how many, 1 or more, or auto, got 0"):
        load_config(overrides=["training.devices=0"])
    with pytest.raises(ConfigError, match=r"training\.batch_size 33 does not split evenly over 2 devices: make it a multiple of 2"):
        count_devices(TrainingConfig(device="cpu", devices=2, batch_size=33))


def test_gpus_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    assert count_devices(TrainingConfig(devices="auto")) == 4
    assert choose_device(TrainingConfig(devices=2), rank=1).device == torch.device("cuda", 1)
    with pytest.raises(ConfigError, match=r"training\.devices 8 are more GPUs than this machine has \(4\): write 4 or auto"):
        count_devices(TrainingConfig(devices=8))
    with pytest.raises(ConfigError, match=r"more than the one that training\.device cuda:1 names: write cuda"):
        count_devices(TrainingConfig(device="cuda:1", devices=2))
