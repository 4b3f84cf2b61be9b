"""Reviewed clips whose audio other data hold too: what is held out stays so, and in train the reviewed labels hold."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from components.config import Task
from components.datasets.clips import BadClip, RawClip
from components.datasets.files import shown
from components.datasets.look import LookedAt

log = logging.getLogger(__name__)


def settle_twins(looked: Sequence[LookedAt], task: Task) -> tuple[list[LookedAt], list[BadClip], list[str]]:
    """Leave out each clip of `data.reviewed` whose audio the other data hold too.

    Where that is in val or test, nothing there changes. Where it is in train alone, the clip there takes the labels of the reviewed one,
    and keeps its own of those that the reviewed one leaves unknown.

    Returns:
        The clips that are left, the reviewed ones whose audio is held out, and notes.
    """
    others = [item for item in looked if not item.clip.reviewed]
    reviewed = [item for item in looked if item.clip.reviewed]
    held_out = {item.sha256: item for item in others if item.clip.split != "train"}
    trained_on = {item.sha256 for item in others} - held_out.keys()
    said = {item.sha256: item.clip.raw for item in reviewed if item.sha256 in trained_on}
    settled = [_with_labels(item, said[item.sha256], task) if item.sha256 in said else item for item in others]
    settled += [item for item in reviewed if item.sha256 not in held_out and item.sha256 not in said]
    left_out = [_left_out(item, held_out[item.sha256]) for item in reviewed if item.sha256 in held_out]
    notes = []
    if left_out:
        notes.append(f"{len(left_out)} of {len(reviewed)} reviewed clips are left out: the same audio is held out, in val or test")
    if said:
        notes.append(f"{len(said)} of {len(reviewed)} reviewed clips are in train already: that audio has the reviewed labels now")
    for note in notes:
        log.info(note)
    return settled, left_out, notes


def _with_labels(item: LookedAt, said: RawClip, task: Task) -> LookedAt:
    before = item.clip.raw
    kept = before.labels & said.unknown if task == "multilabel" else frozenset[str]()  # else it would have two
    raw = replace(before, labels=said.labels | kept, unknown=before.unknown & said.unknown)
    return replace(item, clip=replace(item.clip, raw=raw))


def _left_out(item: LookedAt, twin: LookedAt) -> BadClip:
    reason = f"is reviewed, but not trained on: {twin.clip.split} holds the same audio, {shown(twin.clip.raw.path)}"
    return BadClip(shown(item.clip.raw.path), reason, gated=False)
