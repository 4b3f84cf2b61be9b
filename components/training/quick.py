"""`training.quick`: a few clips and steps, to see that everything works from one end to the other."""

import numpy as np
import numpy.typing as npt

from components.config import Config
from components.datasets import Manifest
from components.store import Store

CLIPS_A_LABEL = 2  # in each split
STEPS, VAL_EVERY, BATCH = 4, 2, 2


def quickened(config: Config, store: Store) -> tuple[Config, Store]:
    """The configuration with its steps and batch cut down, and the store with a few clips of each label and split."""
    training = config.training
    few = {
        "max_steps": min(training.max_steps or STEPS, STEPS),
        "val_every_steps": min(training.val_every_steps, VAL_EVERY),
        "batch_size": min(training.batch_size, BATCH),
    }
    return config.model_copy(update={"training": training.model_copy(update=few)}), store.take(few_clips(store.manifest))


def few_clips(manifest: Manifest) -> npt.NDArray[np.int64]:
    """Places of the first clips that carry each label in each split, and of the first without any, rising."""
    found: dict[tuple[str, str], int] = {}
    kept = []
    for place, (split, labels) in enumerate(zip(manifest.frame["split"], manifest.frame["labels"], strict=True)):
        keys = [(str(split), str(label)) for label in labels] or [(str(split), "")]
        if any(found.get(key, 0) < CLIPS_A_LABEL for key in keys):
            kept.append(place)
            for key in keys:
                found[key] = found.get(key, 0) + 1
    return np.array(kept, np.int64)
