"""What a drift check says: whether, where, how sure, and what to do."""

from dataclasses import dataclass
from typing import Literal

State = Literal["drift", "no drift", "too little data"]
Area = Literal["input", "scores", "prevalence", "embedding", "calibration"]


@dataclass(frozen=True)
class Check:
    """One comparison of the period with the reference.

    Attributes:
        name: the input's column, the label's code, or `embedding`.
        title: the same as people write it.
        test: the statistical test.
        before, now: the figure that people compare, in `unit`: a median, a rate, an AUC.
        effect: how far apart, in `unit`; `floor` is the least that matters.
        p: how often chance alone gives as much in this one test.
        sure: the same for the whole verdict: p after correction for all tests of the period.
        found: sure enough and large enough.
    """

    area: Area
    name: str
    title: str
    test: str
    before: float
    now: float
    unit: str
    effect: float
    floor: float
    p: float
    sure: float = 1.0
    found: bool = False
    detail: str = ""  # of names: which one


@dataclass(frozen=True)
class Finding:
    """A drift that was found, in words."""

    check: Check
    sentence: str
    advice: str


@dataclass(frozen=True)
class Counted:
    """How many clips the verdict stands on, and what was left out of the period, reason -> rows."""

    clips: int
    reference: int
    left_out: dict[str, int]


@dataclass(frozen=True)
class DriftVerdict:
    """The answer.

    Attributes:
        sentence: what changed, how sure, what to do.
        findings: the surest and largest first.
        checks: every comparison that was made.
        not_checked: what could not be compared -> why.
        notes: what else to know before believing it.
    """

    state: State
    sentence: str
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    not_checked: dict[str, str]
    counted: Counted
    notes: tuple[str, ...] = ()
