"""How every feature computes: in full precision, and on a CPU a few windows at a time."""

from collections.abc import Callable

import torch
from torch import Tensor

WINDOWS_AT_ONCE = 4


def exactly(compute: Callable[[Tensor], Tensor], waveforms: Tensor) -> Tensor:
    """compute(waveforms) in float32, whatever the caller's autocast.

    Args:
        compute: [batch, time] -> [batch, ...], each item by itself.
        waveforms: [batch, time] of any float type.
    """
    # A power spectrum spans ten decades, which bfloat16's 8 bits of mantissa would smear, so autocast stays out.
    with torch.autocast(waveforms.device.type, enabled=False):
        if waveforms.device.type != "cpu":
            return compute(waveforms.float())
        # A few windows at a time stay in the processor's cache, which a batch in one go leaves.
        return torch.cat([compute(part) for part in torch.split(waveforms.float(), WINDOWS_AT_ONCE)])
