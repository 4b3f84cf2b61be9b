"""A candidate beside production on clips that people reviewed since it was registered: promoted once it surely holds there too.

Looks are few and fixed beforehand: at `gate.shadow_min_clips` clips, and at twice as many each time after. Each look may err half as often
as the one before it, so that all looks together promote a tagger that is worse by the tolerance no more often than `gate.confidence`
allows, however often somebody asks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from components.audio import Clip16, load
from components.config import GateConfig
from components.errors import AudioError
from components.evaluation.bootstrap import paired_difference
from components.evaluation.metrics import decide
from components.evaluation.names import plural
from components.labels import LabelSet
from components.monitoring.reviewed import ReviewedClip, Reviews
from components.registry import Registry
from components.registry.shadow import Shadow, Shadowed
from components.tagger import Tagger

ROUNDS, BLOCK = 4000, 16  # clips that are decoded at a time
State = Literal["none", "waits", "promoted", "refused"]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ShadowVerdict:
    """What a look came to, in one sentence and in figures of macro F1, candidate minus production."""

    state: State
    sentence: str
    clips: int = 0
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    candidate: str | None = None  # `name@digest8`


@dataclass(frozen=True, eq=False)
class Beside:
    """Decisions of both on the same clips, and what is true, [clip, label]."""

    candidate: Bools
    production: Bools
    targets: Bools

    def __len__(self) -> int:
        return len(self.targets)

    def first(self, clips: int) -> "Beside":
        return Beside(self.candidate[:clips], self.production[:clips], self.targets[:clips])


def look_size(clips: int, least: int) -> int | None:
    """How many of the clips the next look takes: the largest of least, 2 least, 4 least... that is there."""
    return None if clips < least else int(least * 2 ** int(np.log2(clips // least)))


def confidence_at(clips: int, config: GateConfig) -> float:
    """Of the interval of a look; the first errs half as often as `gate.confidence` allows in all, each later one half of that."""
    place = round(np.log2(clips / config.shadow_min_clips))
    return float(1 - (1 - config.confidence) / 2 ** (place + 1))


def compare(beside: Beside, config: GateConfig) -> tuple[float, float, float]:
    """Macro F1 of the candidate minus that of production, over labels that some clip has, with the interval of this look."""
    known = np.broadcast_to(beside.targets.any(axis=0), beside.targets.shape)
    confidence = confidence_at(len(beside), config)
    return paired_difference(beside.candidate, beside.production, beside.targets, known, None, confidence, ROUNDS)


def look(registry: Registry, config: GateConfig, reviews: Reviews, who: str, device: str = "auto") -> ShadowVerdict:
    """Look at the candidate in shadow, where there is one and the next look is due; promote or refuse it where that is clear.

    Raises:
        TaggerError: if a tagger folder is damaged.
    """
    shadow = Shadow(registry.database)
    if (pair := shadow.find()) is None:
        return ShadowVerdict("none", "nothing is in shadow")
    named = f"{pair.candidate.key} beside {pair.production.key}"
    if (why := _unfit(pair)) is not None:
        waits = ShadowVerdict("waits", f"{named}: {why}", candidate=pair.candidate.key)
        return _expired(shadow, pair, config, who) or waits
    labels = set(pair.candidate.labels)
    clips = [clip for clip in reviews.first_reviewed_since(pair.since) if labels <= clip.known]
    size, seen = look_size(len(clips), config.shadow_min_clips), max((int(one["clips"]) for one in pair.looks), default=0)
    if size is None or size <= seen:
        return _wait(shadow, pair, config, who, len(clips), seen)
    beside = hear(_open(registry, pair.candidate.digest, device), _open(registry, pair.production.digest, device), clips, size)
    size = look_size(len(beside), config.shadow_min_clips)
    if size is None or size <= seen:
        return _wait(shadow, pair, config, who, len(beside), seen)
    beside = beside.first(size)
    difference, low, high = compare(beside, config)
    figures: dict[str, Any] = {"clips": size, "difference": difference, "low": low, "high": high}
    said = f"macro F1 on {plural(size, 'reviewed clip')} is {difference:+.3f} against {pair.production.key} ({low:+.3f} to {high:+.3f})"
    found = ShadowVerdict(
        "waits", f"{named}: {said}, not sure yet; the next look is at {2 * size}", **figures, candidate=pair.candidate.key
    )
    if low > -config.shadow_tolerance:
        reason = f"held in shadow: {said}, surely no worse than by {config.shadow_tolerance:g}"
        done = shadow.promote(pair, who, reason, **figures)
        return replace(found, state="promoted", sentence=f"{pair.candidate.key} is in production: {reason}") if done else _moved(named)
    if high < -config.shadow_tolerance:
        reason = f"did not hold in shadow: {said}, surely worse than by {config.shadow_tolerance:g}"
        done = shadow.refuse(pair, who, reason, **figures)
        return replace(found, state="refused", sentence=f"{pair.candidate.key} {reason}") if done else _moved(named)
    shadow.looked(pair, who, **figures)
    return _expired(shadow, pair, config, who) or found


def hear(candidate: Tagger, production: Tagger, clips: Iterable[ReviewedClip], most: int) -> Beside:
    """Score the first clips that can be read, at most so many, with both taggers; labels stand in the candidate's order."""
    order = [production.label_set.codes.index(code) for code in candidate.label_set.codes]
    decided: list[tuple[Bools, Bools]] = []
    targets: list[Bools] = []
    readable = _readable(clips, {candidate.sample_rate, production.sample_rate})
    while len(targets) < most and (block := [pair for _, pair in zip(range(min(BLOCK, most - len(targets))), readable, strict=False)]):
        ours = _decisions(candidate, [heard[candidate.sample_rate] for _, heard in block])
        theirs = _decisions(production, [heard[production.sample_rate] for _, heard in block])[:, order]
        decided.append((ours, theirs))
        targets += [_true(candidate.label_set, clip) for clip, _ in block]
    none = np.zeros((0, len(candidate.label_set)), bool)
    ours, theirs = (np.concatenate([none, *(pair[side] for pair in decided)]) for side in (0, 1))
    return Beside(ours, theirs, np.array(targets, bool).reshape(-1, len(candidate.label_set)))


def _readable(clips: Iterable[ReviewedClip], rates: set[int]) -> Iterator[tuple[ReviewedClip, dict[int, Clip16]]]:
    """Clips at the rates that are wanted; those whose audio is gone are left out."""
    for clip in clips:
        try:
            with clip.open() as source:
                heard = {rate: load(source, rate) for rate in rates}
        except (AudioError, OSError):
            continue
        yield clip, heard


def _decisions(tagger: Tagger, clips: list[Clip16]) -> Bools:
    scores = np.stack([one.clip for one in tagger.score_clips(clips)])
    return decide(scores, tagger.thresholds, tagger.task)


def _true(labels: LabelSet, clip: ReviewedClip) -> Bools:
    return np.array([code in clip.codes for code in labels.codes], bool)


def _open(registry: Registry, digest: str, device: str) -> Tagger:
    return Tagger.open(registry.folder(registry.look_up(digest)), device, digest)


def _unfit(pair: Shadowed) -> str | None:
    """Why no look may promote the candidate, where that is so."""
    if set(pair.candidate.labels) != set(pair.production.labels):
        return "their labels differ, so a person must promote it"
    if pair.candidate.decision is None or pair.candidate.decision.against != pair.production.digest:
        return "production changed since its gate, so a newer candidate must pass the gate, or a person promotes this one"
    return None


def _wait(shadow: Shadow, pair: Shadowed, config: GateConfig, who: str, clips: int, seen: int) -> ShadowVerdict:
    """No look is due."""
    if (expired := _expired(shadow, pair, config, who)) is not None:
        return expired
    needed = 2 * seen or config.shadow_min_clips
    there = f"{plural(clips, 'clip')} that can be heard {'was' if clips == 1 else 'were'} reviewed since {pair.since:%Y-%m-%d}"
    sentence = f"{pair.candidate.key} beside {pair.production.key}: {there}, {needed} are needed"
    return ShadowVerdict("waits", sentence, clips, candidate=pair.candidate.key)


def _expired(shadow: Shadow, pair: Shadowed, config: GateConfig, who: str) -> ShadowVerdict | None:
    if pair.now - pair.since < timedelta(days=config.shadow_max_days):
        return None
    reason = f"was not shown to hold within {config.shadow_max_days:g} days of shadow"
    if not shadow.refuse(pair, who, reason):
        return _moved(pair.candidate.key)
    return ShadowVerdict("refused", f"{pair.candidate.key} {reason}", candidate=pair.candidate.key)


def _moved(named: str) -> ShadowVerdict:
    return ShadowVerdict("waits", f"{named}: the shadow or production changed meanwhile, so look again")
