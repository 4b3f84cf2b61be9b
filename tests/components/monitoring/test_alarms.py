"""The bar of the issue on real scores: how often a period of 500 clips alarms without drift, and is found with one."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from components.labels import IRMAS
from components.monitoring.drift import drift
from components.watch_config import DriftConfig
from tests.fixtures.score_bank import read

PERIODS, CLIPS = 1000, 500
OTHER = {"pia", "org", "voi"}  # of another set of instruments
CONFIG = DriftConfig()

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bank() -> dict[str, pd.DataFrame]:
    """Treatment -> its clips, in the same order."""
    rows = read()
    return {name: table.reset_index(drop=True) for name, table in rows.groupby("treatment")}


def alarms(bank: dict[str, pd.DataFrame], treatment: str, reference: int, choose: "np.ndarray | None" = None) -> int:
    """In how many periods a drift is found; no clip is in the reference and in the period.

    Reference and period are drawn anew each time from one bank without replacement, so without a treatment nothing but chance tells
    them apart, whatever the bank is. With another set of instruments the period is drawn, with replacement, from clips that have them.
    """
    found, plain = 0, bank["plain"]
    for seed in range(PERIODS):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(plain))
        then, rest = order[:reference], order[reference:]
        now = rest[:CLIPS] if choose is None else rng.choice(rest[choose[rest]], CLIPS)
        period = bank[treatment].iloc[now]
        found += drift(plain.iloc[then], period, IRMAS, CONFIG).state == "drift"
    return found


def upper(alarmed: int) -> float:
    """Clopper and Pearson's one-sided 95 % bound of a rate."""
    return float(beta.ppf(0.95, alarmed + 1, PERIODS - alarmed))


def lower(found: int) -> float:
    return float(beta.ppf(0.05, found, PERIODS - found + 1))


@pytest.mark.parametrize("reference", [120, 300])
def test_without_drift_few_periods_alarm(bank: dict[str, pd.DataFrame], reference: int) -> None:
    assert upper(alarms(bank, "plain", reference)) <= 0.05


@pytest.mark.parametrize("treatment", ["quiet", "lowpass"])
def test_a_changed_sound_is_found_in_its_first_period(bank: dict[str, pd.DataFrame], treatment: str) -> None:
    assert lower(alarms(bank, treatment, reference=120)) >= 0.95


def test_another_set_of_instruments_is_found_in_its_first_period(bank: dict[str, pd.DataFrame]) -> None:
    theirs = np.array([set(labels.split(";")) <= OTHER for labels in bank["plain"]["labels"]])
    assert theirs.sum() >= 150
    assert lower(alarms(bank, "plain", reference=120, choose=theirs)) >= 0.95
