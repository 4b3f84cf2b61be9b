import numpy as np
import pytest
from scipy.stats import anderson_ksamp, chi2_contingency, fisher_exact, norm, wasserstein_distance

from components.monitoring.two_samples import compare_at_equal_score, compare_names, compare_numbers, compare_rates, tail

RNG = np.random.default_rng


@pytest.mark.parametrize(
    ("statistic", "chance"),
    [(1.0, 0.355957), (2.492, 0.049871), (3.999, 0.008703), (4.001, 0.008684), (6.0, 0.00096484), (8.0, 0.00011351)],
)
def test_the_tail_is_that_of_numerical_inversion(statistic: float, chance: float) -> None:
    assert tail(statistic) == pytest.approx(chance, rel=0.01)


@pytest.mark.filterwarnings("ignore:p-value")
def test_numbers_without_ties_agree_with_scipy() -> None:
    then, now = RNG(0).normal(size=70), RNG(1).normal(0.4, 1, size=90)
    found = compare_numbers(then, now, RNG(2))
    assert found.p == pytest.approx(anderson_ksamp([then, now], variant="midrank").pvalue, rel=0.1)
    assert found.effect == pytest.approx(wasserstein_distance(then, now))


@pytest.mark.parametrize("share_of_zeros", [0.0, 0.6, 0.97])
def test_a_number_that_is_mostly_0_alarms_no_more_than_any_other(share_of_zeros: float) -> None:
    rng = RNG(3)
    chances = []
    for _ in range(4000):
        values = rng.random(160) * (rng.random(160) >= share_of_zeros)
        chances.append(compare_numbers(values[:60], values[60:], rng).p)
    assert np.mean(np.array(chances) < 0.05) == pytest.approx(0.05, abs=0.01)
    assert np.mean(np.array(chances) < 0.005) == pytest.approx(0.005, abs=0.003)


def test_a_constant_says_nothing() -> None:
    assert compare_numbers(np.full(20, 3.0), np.full(30, 3.0), RNG(0)).p == 1.0


def test_rates_are_fishers_and_exact_where_one_side_is_large() -> None:
    assert compare_rates((10, 100), (30, 100)).p == pytest.approx(2 * fisher_exact([[30, 10], [70, 90]], "greater").pvalue)
    assert compare_rates((10, 100), (30, 100)).effect == pytest.approx(0.2)
    large = compare_rates((200, 2000), (110_000, 1_000_000))
    assert large.p == pytest.approx(chi2_contingency([[200, 1800], [110_000, 890_000]]).pvalue, rel=0.1)
    assert compare_rates((0, 50), (0, 80)).p == 1.0


def test_names_say_which_one_came() -> None:
    found, name = compare_names({"44100": 95, "22050": 5}, {"44100": 300, "22050": 20, "8000": 80})
    assert name == "8000"
    assert found.effect == pytest.approx(0.2)
    assert found.p == pytest.approx(3 * compare_rates((0, 100), (80, 400)).p)
    assert compare_names({"1": 100}, {"1": 400})[0].p == 1.0
    both, _ = compare_names({"1": 90, "2": 10}, {"1": 90, "2": 30})
    assert both.p == compare_rates((10, 100), (30, 120)).p


def test_a_score_that_means_less_is_found_at_equal_score_and_a_shift_of_scores_is_not() -> None:
    rng = RNG(4)
    then, now = rng.random(600), rng.random(300) ** 2
    kept = compare_at_equal_score((then, rng.random(600) < then), (now, rng.random(300) < now))
    assert kept is not None
    assert kept[0].p > 0.05
    less = compare_at_equal_score((then, rng.random(600) < then), (now, rng.random(300) < now - 0.2))
    assert less is not None
    test, before = less
    assert test.p < 1e-4
    assert test.effect == pytest.approx(-0.15, abs=0.05)
    assert before == pytest.approx(0.4, abs=0.1)


def test_like_clips_are_compared_as_mantel_and_haenszel_do() -> None:
    now, true_now = np.repeat([0.2, 0.6], 30), np.tile([1, 0], 30)
    then, true_then = np.repeat([0.3, 0.6, 0.01, 0.9], [40, 20, 99, 99]), np.concatenate([np.tile([1, 0, 0, 0], 15), np.ones(198)])
    found = compare_at_equal_score((then, true_then), (now, true_now))
    assert found is not None
    test, before = found
    variance = 40 * 30 * 25 * 45 / (70**2 * 69) + 20 * 30 * 20 * 30 / (50**2 * 49)
    surplus = 15 - 30 * 25 / 70 + 15 - 30 * 20 / 50
    assert test.p == pytest.approx(2 * norm.sf((surplus - 0.5) / np.sqrt(variance)))
    assert (before, test.effect) == (pytest.approx(0.25), pytest.approx(0.25))


def test_scores_that_are_all_the_same_are_one_group() -> None:
    rng = RNG(5)
    found = compare_at_equal_score((np.full(200, 0.5), rng.random(200) < 0.5), (np.full(95, 0.5), rng.random(95) < 0.5))
    assert found is not None
    assert found[0].p > 0.05


def test_too_few_current_clips_for_a_group_make_one() -> None:
    scores = np.linspace(0.4, 0.6, 200)
    found = compare_at_equal_score((scores, np.arange(200) % 2), (np.linspace(0.4, 0.6, 24), np.arange(24) % 2))
    assert found is not None
    assert found[0].effect == pytest.approx(0, abs=0.05)


def test_scores_that_separate_perfectly_cannot_be_compared() -> None:
    scores = np.repeat([0.01, 0.99], 50)
    assert compare_at_equal_score((scores, (scores > 0.5).astype(float)), (scores, (scores > 0.5).astype(float))) is None
