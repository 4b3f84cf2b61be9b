"""Means over a batch that several devices share, of which each knows another number of entries."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch.distributed as dist
from torch import Tensor

_devices: ContextVar[int] = ContextVar("devices", default=1)


@contextmanager
def shared() -> Iterator[None]:
    """Within it each device of a training takes the same means, one after the other, of its own part of a batch."""
    token = _devices.set(dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1)
    try:
        yield
    finally:
        _devices.reset(token)


def mean(total: Tensor, count: Tensor, least: float) -> Tensor:
    """The total over the count, and over `least` where that is more.

    Among devices that share a batch the count is the average of theirs: the average of what they get, and of its gradients, is then the
    mean over the whole batch, as one device alone would have it.
    """
    devices = _devices.get()
    if devices == 1:
        return total / count.clamp(min=least)
    everywhere = count.detach().clone()
    dist.all_reduce(everywhere)
    return total / everywhere.clamp(min=least) * devices
