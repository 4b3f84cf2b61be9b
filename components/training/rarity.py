"""How often each training clip is drawn where `training.weighted_sampler` is on."""

import numpy as np
import numpy.typing as npt

MOST = 20.0  # times the most common clip's: a label of one clip would otherwise be heard until it is known by heart


def rarity(targets: npt.NDArray[np.float32], mask: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Weights [clip] of the training clips: the rarest label that a clip is known to have decides, by one over its number of clips.

    With one label a clip, every label is then drawn alike. A clip without a known label counts as the most common one does, and
    none counts more than twenty times that.

    Args:
        targets, mask: [clip, label], of the training split.
    """
    present = np.where(mask > 0, targets, 0) > 0
    clips = present.sum(axis=0)
    each = np.where(present, 1 / np.maximum(clips, 1), 0.0).max(axis=1, initial=0.0)
    labelled = each > 0
    if not labelled.any():
        return np.ones(len(targets))
    common = each[labelled].min()
    return np.clip(np.where(labelled, each / common, 1.0), 1.0, MOST)
