"""The gate between training and production: a new tagger must be no worse than what it replaces, on the same clips."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.config import GateConfig
from components.errors import TimbreError
from components.evaluation.bootstrap import paired_difference
from components.registry.records import Decision, RegisteredModel

TEST = "test"


@dataclass(frozen=True)
class Judged:
    """A tagger's decisions on the clips that it was judged on.

    Args:
        key: `name@digest8`.
        digest: the tagger's.
        labels: codes, in the order of `predicted` and `targets`.
        split: the split judged on.
        f1: macro F1 as the report gives it, 0 to 1.
        predicted: [clip, label], 0 or 1.
        targets: [clip, label], 0 or 1.
        mask: [clip, label], true where the target is known.
        groups: [clip]; clips of a group stay together in the bootstrap.
        quick: whether its training was cut down to see that everything works.
    """

    key: str
    digest: str
    labels: tuple[str, ...]
    split: str
    f1: float
    predicted: npt.NDArray[np.generic]
    targets: npt.NDArray[np.generic]
    mask: npt.NDArray[np.generic]
    groups: npt.NDArray[np.generic]
    quick: bool = False


def gate_for(
    candidate: Judged, config: GateConfig, rescore: Callable[[RegisteredModel], Judged], rounds: int = 1000, seed: int = 0
) -> Callable[[RegisteredModel | None], Decision]:
    """The question that `Registry.register` asks: is the candidate to replace what is in production?

    Args:
        rescore: scores a registered model anew on the candidate's clips, in their order; called only where a comparison is possible.
    """

    def gate(production: RegisteredModel | None) -> Decision:
        if production is None:
            return decide(candidate, None, config, rounds, seed)
        if refused := _incomparable(candidate, production.key, production.digest, production.labels):
            return refused
        try:
            rescored = rescore(production)
        except TimbreError as error:
            return _refuse(
                f"{production.key}, which is in production, could not be scored on {candidate.split} ({error})", production.digest
            )
        return decide(candidate, rescored, config, rounds, seed)

    return gate


def decide(candidate: Judged, production: Judged | None, config: GateConfig, rounds: int = 1000, seed: int = 0) -> Decision:
    """Whether the candidate goes to production, and why in one sentence.

    Without a tagger in production its macro F1 must reach `min_f1`. Else the macro F1 of the two on the same clips is compared by a paired
    bootstrap over groups: the difference must be at least `min_difference` and the interval's lower end above `min_lower_difference`.
    A result on another split than test, a quick run, or another label set, is for a person to promote. With `after_shadow` what passes
    beside a tagger in production goes into the shadow instead.

    Raises:
        ValueError: if the two were not judged on the same clips.
    """
    if production is None:
        if refused := _incomparable(candidate, "", "", candidate.labels):
            return refused
        return _first(candidate, config)
    if refused := _incomparable(candidate, production.key, production.digest, production.labels):
        return refused
    columns = [production.labels.index(code) for code in candidate.labels]
    same = (
        (production.targets[:, columns], candidate.targets),
        (production.mask[:, columns], candidate.mask),
        (production.groups, candidate.groups),
    )
    if not all(np.array_equal(theirs, ours) for theirs, ours in same):
        raise ValueError(
            f"{candidate.key} and {production.key} were judged on different clips: score both on the same split, in the same order"
        )
    difference, low, high = paired_difference(
        candidate.predicted,
        production.predicted[:, columns],
        candidate.targets,
        candidate.mask,
        candidate.groups,
        config.confidence,
        rounds,
        seed,
    )
    figures = (
        f"macro F1 {candidate.f1:.3f} on test against {production.f1:.3f} of {production.key} in production, "
        f"difference {difference:+.3f} ({config.confidence:.0%} interval {low:+.3f} to {high:+.3f})"
    )
    if not difference >= config.min_difference:
        return Decision(
            False, f"not promoted: {figures}; it must be at least {config.min_difference:+.3f}", difference, low, high, production.digest
        )
    if not low > config.min_lower_difference:
        because = f"the interval's lower end must be above {config.min_lower_difference:+.3f}"
        return Decision(False, f"not promoted: {figures}; {because}", difference, low, high, production.digest)
    if config.promote == "after_shadow":
        until = f"it stays in shadow until it holds on {config.shadow_min_clips} reviewed clips as well"
        return Decision(False, f"passed: {figures}; {until}", difference, low, high, production.digest, shadow=True)
    return Decision(True, f"promoted: {figures}", difference, low, high, production.digest)


def _first(candidate: Judged, config: GateConfig) -> Decision:
    figures = f"macro F1 {candidate.f1:.3f} on test"
    if math.isfinite(candidate.f1) and candidate.f1 >= config.min_f1:
        return Decision(True, f"promoted: nothing was in production, and {figures} reaches gate.min_f1 {config.min_f1:g}")
    return Decision(False, f"not promoted: {figures} does not reach gate.min_f1 {config.min_f1:g}, which the first model needs")


def _incomparable(candidate: Judged, key: str, digest: str, labels: tuple[str, ...]) -> Decision | None:
    if candidate.quick:
        return _refuse("it comes from a quick run, of a few steps on a few clips: train without --quick", digest or None)
    if candidate.split != TEST:
        return _refuse(f"judged on {candidate.split}, and only a result on test may be promoted", digest or None)
    if not len(candidate.predicted):
        return _refuse("there are no clips in test to judge it on", digest or None)
    if set(labels) != set(candidate.labels):
        return _refuse(
            f"its label set ({_shown(candidate.labels)}) is not that of {key} ({_shown(labels)}), so a person must promote it",
            digest,
        )
    return None


def _refuse(reason: str, against: str | None) -> Decision:
    return Decision(False, f"not promoted: {reason}", against=against)


def _shown(labels: tuple[str, ...]) -> str:
    return ", ".join(labels[:12]) + (f" and {len(labels) - 12} more" if len(labels) > 12 else "")
