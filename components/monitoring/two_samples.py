"""Whether two samples come from one population, and how far they lie apart: numbers, names, and yes or no."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import erfc
from scipy.stats import hypergeom

Floats = npt.NDArray[np.float64]
LIMIT_VARIANCE = 2 * (np.pi**2 - 9) / 3  # of the Anderson-Darling statistic in large samples; its mean is 1
FAR_OUT = 4.0
LEAST_VARIANCE = 5.0  # of a count that is taken to be normal
ALIKE = 10  # clips of like score
Counts = Mapping[str, int]
Truths = tuple[Floats, Floats]


@dataclass(frozen=True)
class Compared:
    """`p`: how often chance alone sets samples of one population this far apart. `effect`: how far that is, in the values' own unit."""

    p: float
    effect: float


def compare_numbers(reference: Floats, current: Floats, rng: np.random.Generator) -> Compared:
    """The two-sample Anderson-Darling test, and the Wasserstein distance as effect.

    Scholz and Stephens (JASA 1987); unlike there, ties are broken by lot, so that a number that is mostly 0 has the null of one without.
    All values count: a million are sorted in a tenth of a second.

    Args:
        reference, current: [clip], finite, 4 values or more each.
        rng: breaks the ties.
    """
    total, many = len(reference) + len(current), len(current)
    values = np.concatenate([reference, current]).astype(np.float64)
    lot = rng.permutation(total)
    order = lot[np.argsort(values[lot], kind="stable")]
    ordered = values[order]
    if ordered[0] == ordered[-1]:
        return Compared(1.0, 0.0)
    rank = np.arange(1, total, dtype=np.float64)
    now = np.cumsum(order >= len(reference))[:-1].astype(np.float64)
    shares = np.abs(now / many - (rank - now) / len(reference))
    now *= total
    now -= rank * many
    statistic = float((now**2 / (rank * (total - rank))).sum()) / (len(reference) * many)
    spread = np.sqrt(LIMIT_VARIANCE / _variance(len(reference), many))
    return Compared(tail(1 + (statistic - 1) * spread), float((shares * np.diff(ordered)).sum()))


def tail(statistic: float) -> float:
    """The chance of a larger Anderson-Darling statistic in large samples.

    Marsaglia and Marsaglia (JSS 2004) up to 4. Beyond, the statistic's largest part: it is a sum of independent chi-squared numbers with
    the weights 1 / (j (j + 1)), of which the first alone reaches so far; the others multiply its chance by the square root of 3 and a
    little, which was found by numerical inversion (Imhof, Biometrika 1961). To 1 %.
    """
    z = max(statistic, 1e-3)
    if z < 2:
        series = 2.00012 + (0.247105 - (0.0649821 - (0.0347962 - (0.0116720 - 0.00168691 * z) * z) * z) * z) * z
        return float(1 - np.exp(-1.2337141 / z) / np.sqrt(z) * series)
    if z < FAR_OUT:
        inner = 1.0776 - (2.30695 - (0.43424 - (0.082433 - (0.008056 - 0.0003146 * z) * z) * z) * z) * z
        return float(-np.expm1(-np.exp(inner)))
    return float(np.sqrt(3) * erfc(np.sqrt(z)) * (1 + 0.29 / z))


@lru_cache(maxsize=256)
def _variance(first: int, second: int) -> float:
    """Of the statistic where two samples come from one population (Scholz and Stephens, equation 4)."""
    total = first + second
    inverse = np.cumsum(1 / np.arange(total - 1, 1, -1))
    sizes, h, g = 1 / first + 1 / second, float(inverse[-1]) + 1, float((inverse / np.arange(2, total)).sum())
    a = 4 * g - 6 + (10 - 6 * g) * sizes
    b = 12 * g - 22 + 8 * h + (2 * g - 14 * h - 4) * sizes
    c = 36 * h + 4 + (2 * h - 6) * sizes
    return (((a * total + b) * total + c) * total + 24) / ((total - 1) * (total - 2) * (total - 3))


def compare_rates(reference: tuple[int, int], current: tuple[int, int]) -> Compared:
    """Fisher's exact test of yes and no, twice the smaller tail; the effect is the difference of the rates.

    Args:
        reference, current: (how many yes, of how many); one or more of each.
    """
    (then, before), (now, many) = reference, current
    total, yes = before + many, then + now
    tails = hypergeom.cdf(now, total, yes, many), hypergeom.sf(now - 1, total, yes, many)
    return Compared(float(min(1.0, 2 * min(tails))), now / many - then / before)


def compare_names(reference: Counts, current: Counts) -> tuple[Compared, str]:
    """Fisher's exact test of each name against the others, times the number of names; and the name whose share moved most surely.

    Exact at any size, where chi-squared wants five clips expected of each name.

    Args:
        reference, current: name -> clips.
    """
    before, many = sum(reference.values()), sum(current.values())
    names = sorted({*reference, *current})
    each = {name: compare_rates((reference.get(name, 0), before), (current.get(name, 0), many)) for name in names}
    first = min(names, key=lambda name: (each[name].p, -abs(each[name].effect)))
    tests = 1 if len(names) == 2 else len(names)  # of two names one says all
    return Compared(min(1.0, each[first].p * tests), each[first].effect), first


def compare_at_equal_score(reference: Truths, current: Truths) -> tuple[Compared, float] | None:
    """Whether a score still means what it meant: the Mantel-Haenszel test of truth against period, among clips of like score.

    Cochran, Mantel and Haenszel (1959) with continuity correction; the effect is their risk difference (Greenland and Robins, Biometrics
    1985). Clips of like score are compared, so it does not matter how clips were chosen for review, as long as that looked at the score
    alone. Like are ten neighbours in the order of the current scores and what the reference has between them: the reviewed clips lie
    close around a threshold, and in ranges of equal width the reference's would have other scores than they.

    Args:
        reference, current: scores [clip] from 0 to 1 and targets [clip], 0 or 1.
    Returns:
        The test, and the share that was true in the reference, where each group weighs as in the effect; None where too few clips have
        like ones on the other side and both truths among them.
    """
    (then, before), (now, many) = (_counted(side, np.sort(current[0])) for side in (reference, current))
    total, yes = before + many, then + now
    used = (before > 0) & (many > 0)
    then, before, now, many, total, yes = (part[used] for part in (then, before, now, many, total, yes))
    variance = float((before * many * yes * (total - yes) / (total**2 * np.maximum(total - 1, 1))).sum())
    if variance < LEAST_VARIANCE:
        return None
    surplus = float((now - many * yes / total).sum())
    z = max(0.0, abs(surplus) - 0.5) / np.sqrt(variance)
    weights = before * many / total
    expected, found = (float(np.average(trues / clips, weights=weights)) for trues, clips in ((then, before), (now, many)))
    return Compared(float(erfc(z / np.sqrt(2))), found - expected), expected


def _counted(side: Truths, ordered: Floats) -> tuple[Floats, Floats]:
    """True clips and all clips, [group]: a group is `ALIKE` neighbours in a rising order of scores, and the last one also the rest."""
    scores, targets = side
    within = (scores >= ordered[0]) & (scores <= ordered[-1])
    firsts = np.arange(ALIKE, len(ordered) - ALIKE + 1, ALIKE)
    places = np.digitize(scores[within], (ordered[firsts - 1] + ordered[firsts]) / 2)
    trues, clips = np.bincount(places, targets[within], len(firsts) + 1), np.bincount(places, minlength=len(firsts) + 1)
    return trues.astype(np.float64), clips.astype(np.float64)
