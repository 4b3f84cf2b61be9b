"""A training that was cut off and resumed is the training that was not."""

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from components.config import Config
from components.errors import ConfigError
from components.files import write_whole
from components.store import Store
from components.training import fit
from components.training.checkpoint import read_checkpoint, write_checkpoint
from components.training.run_folder import BEST, LAST


def changed(config: Config, **training: Any) -> Config:
    return config.model_copy(update={"training": config.training.model_copy(update={"tensorboard": False, **training})})


@pytest.fixture
def cut_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Fit with Ctrl+C in the step after `step`, twice for a training that must stop at once."""
    from components.training.learner import Learner

    step = Learner.training_step

    def run(config: Config, store: Store, folder: Path, batch: int, times: int = 2) -> None:
        def pressed(learner: Learner, windows: Any, batch_idx: int) -> Any:
            if learner.first_step * learner.training_config.accumulate + batch_idx == batch:
                for _ in range(times):
                    os.kill(os.getpid(), signal.SIGINT)
            return step(learner, windows, batch_idx)

        monkeypatch.setattr(Learner, "training_step", pressed)
        if times == 2:
            with pytest.raises(KeyboardInterrupt):
                fit(config, store, folder)
        else:
            fit(config, store, folder)
        monkeypatch.setattr(Learner, "training_step", step)

    return run


def same(first: Path, second: Path) -> None:
    """The curve, the best weights and everything in the last state."""
    assert (first / "history.csv").read_bytes() == (second / "history.csv").read_bytes()
    assert tensors(load_file(first / BEST)) == tensors(load_file(second / BEST))
    whole, resumed = (torch.load(folder / LAST, weights_only=True) for folder in (first, second))
    for state in (whole, resumed):
        state.pop("about")
    assert tensors(whole) == tensors(resumed)
    assert (first / "pitches" / "tagger.json").read_bytes() == (second / "pitches" / "tagger.json").read_bytes()


def tensors(value: Any) -> Any:
    """Bytes for tensors, so that == compares them bit by bit."""
    if isinstance(value, torch.Tensor):
        return value.dtype, tuple(value.shape), value.contiguous().flatten().view(torch.uint8).numpy().tobytes()
    if isinstance(value, dict):
        return {key: tensors(one) for key, one in value.items()}
    return [tensors(one) for one in value] if isinstance(value, list | tuple) else value


OPTIONS = {
    "plain": {},
    "everything": {"ema_decay": 0.9, "accumulate": 2, "clip_norm": 0.5, "patience": 9},
    "two_phases": {"finetune_head": True, "finetune_head_epochs": 1, "lr_warmup": 1e-4, "ema_decay": 0.9},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_resumed_training_is_the_unbroken_one(
    config: Config, store: Store, tmp_path: Path, cut_off: Any, options: dict[str, Any]
) -> None:
    settings = changed(config, **options)
    fit(settings, store, tmp_path / "whole")
    cut_off(settings, store, tmp_path / "cut", 8 * settings.training.accumulate)
    assert not (tmp_path / "cut" / "pitches").exists()
    fit(changed(settings, **options, ckpt=str(tmp_path / "cut")), store, tmp_path / "resumed")
    same(tmp_path / "whole", tmp_path / "resumed")


def test_dropout_goes_on_with_its_own_random_numbers(config: Config, store: Store, tmp_path: Path, cut_off: Any) -> None:
    model = config.model.model_copy(update={"name": "MOBILENET_V3_LARGE", "params": {"drop_rate": 0.5}})
    settings = changed(config, max_steps=2, val_every_steps=1, batch_size=2).model_copy(update={"model": model})
    fit(settings, store, tmp_path / "whole")
    cut_off(settings, store, tmp_path / "cut", 1)
    training = settings.training.model_copy(update={"ckpt": str(tmp_path / "cut" / LAST)})
    fit(settings.model_copy(update={"training": training}), store, tmp_path / "resumed")
    same(tmp_path / "whole", tmp_path / "resumed")


def test_what_ctrl_c_ended_between_two_validations_goes_on_too(config: Config, store: Store, tmp_path: Path, cut_off: Any) -> None:
    settings = changed(config)
    fit(settings, store, tmp_path / "whole")
    cut_off(settings, store, tmp_path / "cut", 6, times=1)
    assert torch.load(tmp_path / "cut" / LAST, weights_only=True)["step"] == 7
    fit(changed(config, ckpt=str(tmp_path / "cut")), store, tmp_path / "resumed")
    same(tmp_path / "whole", tmp_path / "resumed")


def test_a_resumed_training_may_end_later(config: Config, store: Store, tmp_path: Path) -> None:
    fit(changed(config), store, tmp_path / "first")
    with pytest.raises(ConfigError, match=r"it is at step 12 and this training ends at step 12: raise training.max_steps"):
        fit(changed(config, ckpt=str(tmp_path / "first")), store, tmp_path / "same")
    fit(changed(config, ckpt=str(tmp_path / "first"), max_steps=15), store, tmp_path / "longer")
    steps = [row.split(",")[0] for row in (tmp_path / "longer" / "history.csv").read_text().splitlines()]
    assert steps == ["step", "5", "10", "12", "15"]


@pytest.fixture(scope="module")
def checkpoint(config: Config, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    fit(changed(config, max_steps=2), store, folder)
    return folder


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        (
            "model.params",
            {"widths": [8, 8, 8]},
            r"model.params \{'widths': \[8, 8, 16\]\}, and this training has \{'widths': \[8, 8, 8\]\}",
        ),
        ("model.name", "MOBILENET_V3_LARGE", "trained with model.name SMALL_CNN, and this training has MOBILENET_V3_LARGE: resume it with"),
        ("feature.params", {"n_fft": 256, "hop": 128, "n_mels": 20}, "feature.params"),
        ("training.ema_decay", 0.9, "training.ema_decay none, and this training has 0.9"),
        ("training.finetune_head", True, "training.finetune_head False"),
    ],
)
def test_another_architecture_is_one_sentence(
    checkpoint: Path, config: Config, store: Store, tmp_path: Path, key: str, value: Any, says: str
) -> None:
    section, name = key.split(".")
    resuming = changed(config, ckpt=str(checkpoint))
    other = resuming.model_copy(update={section: getattr(resuming, section).model_copy(update={name: value})})
    with pytest.raises(ConfigError, match=says):
        fit(other, store, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_rate_is_said(checkpoint: Path, config: Config, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fit(changed(config, ckpt=str(checkpoint), max_steps=3, batch_size=4), store, tmp_path)
    assert "resumed with another training.max_steps, training.batch_size: the curve will not be" in caplog.text


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut"])
def test_a_damaged_checkpoint_is_one_sentence(config: Config, store: Store, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "last.ckpt").write_bytes(content)
    with pytest.raises(ConfigError, match=r"last.ckpt is damaged or no checkpoint of a training: name a run folder"):
        fit(changed(config, ckpt=str(tmp_path / "last.ckpt")), store, tmp_path / "run")


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"format_version": 1, "about": Evil()}, tmp_path / "evil.ckpt")
    with pytest.raises(ConfigError, match="damaged or no checkpoint"):
        read_checkpoint(tmp_path / "evil.ckpt", {})
    assert not (tmp_path / "ran").exists()


def test_a_missing_checkpoint_is_one_sentence(config: Config, store: Store, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"cannot read .*nowhere \(No such file or directory\): name a run folder or its checkpoints/last.ckpt"
    ):
        fit(changed(config, ckpt=str(tmp_path / "nowhere")), store, tmp_path / "run")


def test_a_write_that_breaks_off_leaves_the_last_good_state(tmp_path: Path) -> None:
    """A file-size limit cuts the second write off for real, after a part of it is on the disk."""
    path = tmp_path / LAST
    write_checkpoint(path, {"step": 1, "tensor": torch.ones(100_000)}, {})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        with pytest.raises(OSError, match="File too large"):
            write_checkpoint(path, {"step": 2, "tensor": torch.zeros(100_000)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert read_checkpoint(path, {})["step"] == 1
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_a_process_killed_while_it_writes_leaves_the_last_good_state(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    write_checkpoint(path, {"step": 1}, {})
    child = os.fork()
    if child == 0:
        while True:
            write_whole(path, path.read_bytes())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert read_checkpoint(path, {})["step"] == 1
