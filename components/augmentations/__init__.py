"""The menu of augmentations: a batch in, a changed batch out, in training only."""

from collections.abc import Callable
from functools import partial

from components.augmentations.chance import Chance
from components.augmentations.contract import Augmentation, Batch, Stage
from components.augmentations.masks import FreqMask, TimeMask
from components.augmentations.sum_samples import SumSamples
from components.augmentations.time_shift import TimeShift

AUGMENTATIONS: dict[str, Callable[..., Augmentation]] = {
    "SUM_TWO_SAMPLES": partial(SumSamples, 2),
    "SUM_N_SAMPLES": SumSamples,
    "TIME_SHIFT": TimeShift,
    "TIME_MASK": TimeMask,
    "FREQ_MASK": FreqMask,
}

__all__ = ["AUGMENTATIONS", "Augmentation", "Batch", "Chance", "Stage"]
