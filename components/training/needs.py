"""What a training will need, said before it starts: weights, memory, time."""

import copy
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from components.training.device import Device
from components.training.loader import Loader, Windows

if TYPE_CHECKING:
    from components.training.learner import Learner

log = logging.getLogger(__name__)
COPIES = 4  # the weights, their gradients, and Adam's two moments
MIB = 2**20


def announce(learners: Sequence["Learner"], loader: Loader, device: Device) -> None:
    """Log it, from a rehearsal of one batch on a copy of the last phase's network; nothing of the training itself is touched."""
    if not log.isEnabledFor(logging.INFO):
        return
    learner = learners[-1]
    training, network = learner.training_config, learner.network
    weights = sum(parameter.numel() for parameter in network.parameters())
    windows = next(iter(loader))
    took_s, held = _rehearse(learner, windows, device)
    copies = COPIES + (training.ema_decay is not None)
    memory = held + copies * sum(parameter.nbytes for parameter in network.parameters())
    batches = learner.steps * training.accumulate
    an_epoch = loader.batches_an_epoch
    log.info(
        "%s weights; about %d MiB for a batch of %d windows; about %s an epoch of %d batches, %s in all (validation apart)",
        f"{weights:,}", -(-memory // MIB), len(windows[0]), _duration(took_s * an_epoch), an_epoch, _duration(took_s * batches),
    )  # fmt: skip


def _rehearse(learner: "Learner", windows: Windows, device: Device) -> tuple[float, int]:
    """Seconds for a batch forward and backward, and the bytes that it holds in between."""
    from components.training.course import out_of_memory

    gpu = [device.device.index or 0] if device.device.type == "cuda" else []
    held: dict[int, int] = {}

    def count(tensor: Tensor) -> Tensor:
        held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    dtype = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(device.precision)
    with torch.random.fork_rng(gpu):
        try:
            double = copy.deepcopy(learner).to(device.device)
            moved = (windows[0].to(device.device), windows[1].to(device.device), windows[2].to(device.device))
            for _ in range(2 if gpu else 1):  # a GPU's first batch is spent on choosing kernels
                began = time.perf_counter()
                with (
                    torch.autocast(device.device.type, dtype, enabled=dtype is not None),
                    torch.autograd.graph.saved_tensors_hooks(count, _same),
                ):
                    loss = double.loss_of(moved, 0)
                loss.backward()
                float(loss.detach())
        except torch.OutOfMemoryError:
            raise out_of_memory(learner) from None
    return time.perf_counter() - began, sum(held.values()) // (2 if gpu else 1)


def _same(tensor: Tensor) -> Tensor:
    return tensor


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
