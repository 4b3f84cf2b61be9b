"""`training.quick`: a few clips and steps, to see that everything works from one end to the other."""

from typing import Any

import numpy as np
import numpy.typing as npt

from components.config import Config, DataConfig
from components.datasets import Manifest
from components.datasets.few import few
from components.store import Store

CLIPS_A_LABEL = 2  # in each split
STEPS, VAL_EVERY, BATCH = 4, 2, 2


def quick_data(data: DataConfig) -> DataConfig:
    """The data of a quick run: a few clips, of which any number may be bad, since a share of a few says nothing."""
    asked = data.clips_a_label or CLIPS_A_LABEL
    return data.model_copy(update={"clips_a_label": min(asked, CLIPS_A_LABEL), "max_bad_fraction": 1.0})


def quickened(config: Config, store: Store) -> tuple[Config, Store]:
    """The configuration with its steps and batch cut down, and the store with a few clips of each label and split."""
    training = config.training
    fewer: dict[str, Any] = {
        "max_steps": min(training.max_steps or STEPS, STEPS),
        "val_every_steps": min(training.val_every_steps, VAL_EVERY),
        "batch_size": min(training.batch_size, BATCH),
    }
    return config.model_copy(update={"training": training.model_copy(update=fewer)}), store.take(few_clips(store.manifest))


def few_clips(manifest: Manifest) -> npt.NDArray[np.int64]:
    """Places of a few clips of each label, split and fold, rising."""
    frame = manifest.frame
    return np.array(few(zip(frame["split"], frame["fold"], frame["labels"], frame["group"], strict=True), CLIPS_A_LABEL), np.int64)
