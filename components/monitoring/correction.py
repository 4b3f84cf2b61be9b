"""Many tests, one answer: p-values such that all tests of a period together alarm falsely no more often than alpha."""

from collections.abc import Sequence
from dataclasses import replace

from components.monitoring.verdict import Check


def corrected(checks: Sequence[Check], alpha: float) -> list[Check]:
    """Each check with how sure it is for the whole verdict, and whether it is a find.

    Each area (inputs, scores, prevalence, embedding, calibration) gets an equal share of alpha, so that twenty labels do not drown the one
    test of the embeddings; inside an area Holm's method (1979). Both hold however the tests depend on each other.

    Args:
        alpha: the chance of a false alarm in a period, 0 to 1.
    """
    areas = sorted({check.area for check in checks})
    made = []
    for area in areas:
        own = [check for check in checks if check.area == area]
        sure = [min(1.0, p * len(areas)) for p in holm([check.p for check in own])]
        made += [replace(check, sure=p, found=p <= alpha and abs(check.effect) >= check.floor) for check, p in zip(own, sure, strict=True)]
    return made


def holm(chances: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given: to reject those under alpha errs anywhere with a chance of alpha at most."""
    adjusted, largest = [0.0] * len(chances), 0.0
    for place, at in enumerate(sorted(range(len(chances)), key=lambda one: chances[one])):
        largest = max(largest, min(1.0, chances[at] * (len(chances) - place)))
        adjusted[at] = largest
    return adjusted
