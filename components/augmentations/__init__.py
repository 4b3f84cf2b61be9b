"""The menu of augmentations: a batch in, a changed batch out, in training only."""

from collections.abc import Callable
from functools import partial

from components.augmentations.chance import Chance
from components.augmentations.clipping import Clipping
from components.augmentations.concat_samples import ConcatSamples
from components.augmentations.contract import Augmentation, Batch, Stage
from components.augmentations.equalizer import SevenBandEq
from components.augmentations.erase import RandomErase, RandomPixels
from components.augmentations.masks import FreqMask, TimeMask
from components.augmentations.noise import BackgroundNoise, ColorNoise
from components.augmentations.normalize import Normalize
from components.augmentations.pitch import Pitch
from components.augmentations.sum_samples import SumSamples
from components.augmentations.time_inversion import TimeInversion
from components.augmentations.time_shift import TimeShift
from components.augmentations.time_stretch import TimeStretch

AUGMENTATIONS: dict[str, Callable[..., Augmentation]] = {
    "TIME_STRETCH": TimeStretch,
    "PITCH": Pitch,
    "TIME_SHIFT": TimeShift,
    "TIMEINV": TimeInversion,
    "BACKGROUND_NOISE": BackgroundNoise,
    "COLOR_NOISE": ColorNoise,
    "CLIPPING": Clipping,
    "SEVEN_BAND_EQ": SevenBandEq,
    "SUM_TWO_SAMPLES": partial(SumSamples, 2),
    "SUM_N_SAMPLES": SumSamples,
    "CONCAT_N_SAMPLES": ConcatSamples,
    "NORM_AFTER_TIME_AUGS": Normalize,
    "TIME_MASK": TimeMask,
    "FREQ_MASK": FreqMask,
    "RANDOM_ERASE": RandomErase,
    "RANDOM_PIXELS": RandomPixels,
}

__all__ = ["AUGMENTATIONS", "Augmentation", "Batch", "Chance", "Stage"]
