"""Scores, targets and the mask of what is known, checked once and in one form."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Scored:
    """Clips with their scores and truths; a target is false wherever the mask is."""

    scores: Floats  # [clip, label], 0 to 1
    targets: Bools  # [clip, label]
    mask: Bools  # [clip, label], true where the target is known


def scored(scores: npt.ArrayLike, targets: npt.ArrayLike, mask: npt.ArrayLike | None = None) -> Scored:
    """Check and convert the three; without a mask every target is known.

    Raises:
        ValueError: if they are not [clip, label] of one shape, or a score is outside 0 to 1 or not finite.
    """
    score = np.asarray(scores, np.float64)
    target = np.asarray(targets)
    known = np.ones(score.shape, bool) if mask is None else np.asarray(mask).astype(bool)
    if score.ndim != 2 or not score.shape == target.shape == known.shape:
        raise ValueError(
            f"expected [clip, label] arrays of one shape, got scores {score.shape}, targets {target.shape}, mask {known.shape}"
        )
    if not (np.isfinite(score).all() and (score >= 0).all() and (score <= 1).all()):
        raise ValueError("expected scores from 0 to 1: apply the activation of the task, and look for NaN in the network's output")
    return Scored(score, (target > 0.5) & known, known)


def group_places(groups: npt.ArrayLike | None, clips: int) -> Ints:
    """[clip] of numbers from 0, the same for clips of one group; each clip is its own group without `groups`.

    Raises:
        ValueError: if there is not one group a clip.
    """
    if groups is None:
        return np.arange(clips)
    names = np.asarray(groups)
    if names.shape != (clips,):
        raise ValueError(f"expected one group for each of {clips} clips, got {names.shape}")
    return np.unique(names, return_inverse=True)[1].astype(np.int64)
