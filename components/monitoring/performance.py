"""How good a served model is, told from reviews that were drawn by lot, with intervals.

The review queue shows what the model is least sure of, where it errs more than elsewhere: a mean over all reviews would say that it is
worse than it is. So the estimate stands on the draw alone. Contents are drawn in the order of their lots, which know nothing of the
model; a week's first k in that order are a simple random sample of the week, whatever k comes to (sequential Poisson sampling with
permanent random numbers: Ohlsson 1995 and 1998). How far the draw has come in a week is the highest lot of a review that came from it.
Every review with a lot up to there belongs to the sample, also one that was chosen by its uncertainty: the draw does not come to it again.

Weeks are strata (Cochran 1977, chapter 5): a review stands for all contents of its week by (contents) / (reviewed ones of the sample).
Contents up to there that nobody reviewed, as their audio is gone or somebody passed them over, are taken to be like the others of the
week, and counted as `missing`. Weeks without a drawn review are left out, and counted as `unseen`.

Precision and recall are weighted shares, and F1 is 2 J / (1 + J) of a third one, J: of the clips with the label or a decision for it,
those with both. `proportions.share_of` has their intervals. The macro F1 is the mean over the labels that were heard in a review; its
interval is the wider one of a bootstrap within weeks and of what the labels' own uncertainties come to.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from components.evaluation.bootstrap import interval
from components.evaluation.metrics import mean_defined
from components.evaluation.rates import ratio
from components.monitoring.detections import begin_of
from components.monitoring.proportions import CONFIDENCE, UNKNOWN, Bools, Floats, Share, share_of
from components.registry.reviews import Review, Reviews, lot

ROUNDS = 1000
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LabelPerformance:
    """Of one label; `heard` and `found` count reviews of the sample: in which a person heard it, and in which the model found it."""

    label: str
    heard: int
    found: int
    precision: Share
    recall: Share
    f1: Share


@dataclass(frozen=True)
class Performance:
    """What reviews say of a model.

    Attributes:
        contents: that may be reviewed, of the weeks that the estimate speaks for.
        sample: reviews that it stands on.
        other: reviews that it does not, as they were not drawn.
        missing: contents that were drawn and not reviewed.
        unseen: contents of weeks of which nothing was drawn and reviewed.
    """

    contents: int
    sample: int
    other: int
    missing: int
    unseen: int
    confidence: float
    macro_f1: Share
    labels: tuple[LabelPerformance, ...]


@dataclass(frozen=True, eq=False)
class Sample:
    """Reviews of a stratified draw.

    Attributes:
        decisions, truths: [clip, label].
        strata: [clip], each numbered from 0.
        sizes: [stratum], contents that each holds.
    """

    decisions: Bools
    truths: Bools
    strata: Ints
    sizes: Ints

    @property
    def weights(self) -> Floats:
        """[clip]: how many contents each stands for."""
        counts = np.bincount(self.strata, minlength=len(self.sizes))
        return np.asarray((self.sizes / np.maximum(counts, 1))[self.strata], np.float64)


@dataclass(frozen=True, eq=False)
class Drawn:
    """A sample, and the counts of `Performance`."""

    sample: Sample
    contents: int
    other: int
    missing: int
    unseen: int


def performance(reviews: Reviews, model: str, since: datetime | None = None, confidence: float = CONFIDENCE) -> Performance:
    """How good a model was on what it has scored in a period.

    Args:
        model: a digest.
        since: where the period begins; with the log where none.
    """
    labels = reviews.labels(model)
    drawn = draw(lambda: reviews.contents(model, since), reviews.list(model, since), labels)
    macro, each = estimate(drawn.sample, labels, confidence)
    return Performance(drawn.contents, len(drawn.sample.strata), drawn.other, drawn.missing, drawn.unseen, confidence, macro, each)


def draw(contents: Callable[[], Iterable[tuple[str, datetime]]], reviews: Sequence[Review], labels: Sequence[str]) -> Drawn:
    """What a population and its reviews come to.

    Args:
        contents: gives every content that may be reviewed and when it was first heard; it is gone through twice.
        reviews: of one model; of several of a content the last counts.
    """
    latest = {one.content: one for one in reviews}
    came = {one.content for one in reviews if one.sampled_p is not None}
    week_of = {content: begin_of(moment, "week") for content, moment in contents() if content in latest}
    reach: dict[datetime, float] = {}
    for content in came & week_of.keys():
        week = week_of[content]
        reach[week] = max(reach.get(week, 0.0), lot(content))
    sizes, missing = Counter[datetime](), 0
    for content, moment in contents():
        week = begin_of(moment, "week")
        sizes[week] += 1
        missing += content not in latest and lot(content) <= reach.get(week, -1.0)
    used = [latest[content] for content, week in sorted(week_of.items()) if lot(content) <= reach.get(week, -1.0)]
    places = {week: place for place, week in enumerate(sorted(reach))}
    sample = Sample(
        _matrix([one.decided for one in used], labels),
        _matrix([one.labels for one in used], labels),
        np.array([places[week_of[one.content]] for one in used], np.int64),
        np.array([sizes[week] for week in places], np.int64),
    )
    spoken_for = sum(sizes[week] for week in places)
    return Drawn(sample, spoken_for, len(latest) - len(used), missing, sizes.total() - spoken_for)


def estimate(
    sample: Sample, labels: Sequence[str], confidence: float = CONFIDENCE, rounds: int = ROUNDS, seed: int = 0
) -> tuple[Share, tuple[LabelPerformance, ...]]:
    """Macro F1 and each label's numbers of the population that a sample was drawn from."""
    weights = sample.weights
    found = []
    for place, code in enumerate(labels):
        decided, true = sample.decisions[:, place], sample.truths[:, place]
        both, either = decided & true, decided | true
        agreed = share_of(both, either, weights, confidence)
        f1 = Share(None if agreed.value is None else _f1(agreed.value), _f1(agreed.low), _f1(agreed.high))
        precision, recall = share_of(both, decided, weights, confidence), share_of(both, true, weights, confidence)
        found.append(LabelPerformance(code, int(true.sum()), int(decided.sum()), precision, recall, f1))
    return _macro(sample, found, confidence, rounds, np.random.default_rng(seed)), tuple(found)


def _f1(agreed: float) -> float:
    return 2 * agreed / (1 + agreed)


def _macro(sample: Sample, labels: list[LabelPerformance], confidence: float, rounds: int, rng: np.random.Generator) -> Share:
    heard = np.array([one.heard > 0 for one in labels], bool)
    if not heard.any():
        return UNKNOWN
    value = float(np.mean([one.f1.value for one in labels if one.heard]))
    weights, drawn = sample.weights, np.zeros((rounds, len(sample.strata)))
    for stratum in range(len(sample.sizes)):
        rows = np.flatnonzero(sample.strata == stratum)
        if len(rows):
            drawn[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), rounds)
    truths, decisions = sample.truths[:, heard], sample.decisions[:, heard]
    counted = drawn * weights
    agreed, either = counted @ (truths & decisions), counted @ (truths | decisions)
    share = ratio(agreed, either)
    low, high = interval(mean_defined(2 * share / (1 + share)), confidence)
    alone_low, alone_high = interval(_beliefs(truths, decisions, weights, rounds, rng), confidence)
    return Share(value, min(float(low), float(alone_low), value), max(float(high), float(alone_high), value))


def _beliefs(truths: Bools, decisions: Bools, weights: Floats, rounds: int, rng: np.random.Generator) -> Floats:
    """[round]: macro F1 with each label's J drawn from what its clips leave possible (Jeffreys' prior), so that none is ever certain."""
    either = np.where(truths | decisions, weights[:, None], 0.0)
    total = either.sum(axis=0)
    share = np.where(truths & decisions, weights[:, None], 0.0).sum(axis=0) / total
    trials = total**2 / (either**2).sum(axis=0)
    agreed = rng.beta(share * trials + 0.5, (1 - share) * trials + 0.5, (rounds, len(total)))
    return np.asarray((2 * agreed / (1 + agreed)).mean(axis=1))


def _matrix(codes: Sequence[Sequence[str]], labels: Sequence[str]) -> Bools:
    return np.array([[code in some for code in labels] for some in codes], bool).reshape(len(codes), len(labels))
