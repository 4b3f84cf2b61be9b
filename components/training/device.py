"""Where to train and in which precision: the GPU in bfloat16 where there is one, else the CPU."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from components.config import TrainingConfig
from components.errors import ConfigError, TaggerError
from components.tagger.engine import find_device


@dataclass(frozen=True)
class Device:
    """A torch device and Lightning's names for it and for the precision."""

    device: torch.device
    precision: str

    @property
    def accelerator(self) -> str:
        return "cpu" if self.device.type == "cpu" else "gpu"

    @property
    def devices(self) -> list[int] | int:
        """Which of them, as Lightning counts."""
        return 1 if self.device.index is None else [self.device.index]


def count_devices(training: TrainingConfig) -> int:
    """What `devices` (a number, or auto for all GPUs) means on this machine; on a CPU they are processes.

    Raises:
        ConfigError: if there are not as many, `device` names one of them, or the batch does not split evenly.
    """
    device = _device(training.device)
    here = torch.cuda.device_count() if device.type == "cuda" else 1
    wanted = here if training.devices == "auto" else training.devices
    if device.index is not None and wanted > 1:
        raise ConfigError(f"training.devices {wanted} are more than the one that training.device {device} names: write cuda")
    if device.type == "cuda" and wanted > here:
        raise ConfigError(f"training.devices {wanted} are more GPUs than this machine has ({here}): write {here} or auto")
    if training.batch_size % wanted and not (training.quick or wanted == 1):
        raise ConfigError(
            f"training.batch_size {training.batch_size} does not split evenly over {wanted} devices: make it a multiple of {wanted}"
        )
    return wanted


def choose_device(training: TrainingConfig, rank: int = 0) -> Device:
    """What `device` (auto, cpu, cuda, cuda:1) and `precision` (auto, 32, bf16, fp16) mean on this machine.

    Args:
        rank: which of several devices, where they share a training.
    Raises:
        ConfigError: if the device is unknown or not here, or cannot train in this precision.
    """
    device = _device(training.device)
    if device.type == "cuda" and count_devices(training) > 1:
        device = torch.device("cuda", rank)
    if training.precision == "fp16" and device.type == "cpu":
        raise ConfigError("training.precision fp16 needs a GPU: write bf16 or 32")
    if training.precision == "auto":
        half = device.type == "cuda" and torch.cuda.is_bf16_supported()
        return Device(device, "bf16-mixed" if half else "32-true")
    return Device(device, {"32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}[training.precision])


def _device(name: str) -> torch.device:
    try:
        device = find_device(name)
    except TaggerError as error:
        raise ConfigError(f"training.device: {error}") from None
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"training.device: cannot train on {name}: write auto, cpu, cuda or cuda:0")
    return device


@contextmanager
def repeatable(device: Device, seed: int) -> Iterator[None]:
    """Weights, dropout and sums come out the same again; the caller's own random state is left as it was."""
    gpus = [device.device.index or 0] if device.device.type == "cuda" else []
    with torch.random.fork_rng(gpus), torch.backends.cudnn.flags(deterministic=True, benchmark=False):
        torch.manual_seed(seed)
        yield
