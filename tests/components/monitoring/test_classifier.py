import numpy as np
import pytest

from components.monitoring.classifier import MOST_CLIPS, tell_apart


def draw(seed: int, clips: int, shift: float = 0.0, spread: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = rng.standard_t(5, (clips, 32)) * spread
    rows[:, :4] += shift
    return rows.astype(np.float32)


def test_one_population_is_told_apart_as_often_as_p_says() -> None:
    chances = np.array([tell_apart(draw(2 * seed, 60), draw(2 * seed + 1, 100)).p for seed in range(600)])
    assert (chances < 0.05).mean() == pytest.approx(0.05, abs=0.027)
    assert (chances < 0.5).mean() == pytest.approx(0.5, abs=0.06)


def test_another_mean_and_another_spread_are_found() -> None:
    moved = tell_apart(draw(0, 120), draw(1, 500, shift=1.0))
    assert moved.p == 1 / 2000
    assert moved.effect == pytest.approx(0.785, abs=0.01)
    wider = tell_apart(draw(0, 120), draw(1, 500, spread=1.5))
    assert wider.p == 1 / 2000
    assert wider.effect > 0.75


def test_the_fit_without_a_clip_is_the_fit_that_never_saw_it() -> None:
    """The closed form against fifty fits: the AUC is that of scikit-learn's ridge with each clip left out."""
    from sklearn.linear_model import Ridge
    from sklearn.metrics import roc_auc_score
    from sklearn.preprocessing import StandardScaler

    then, now = draw(3, 20), draw(4, 30, shift=0.7)
    rows = StandardScaler().fit_transform(np.concatenate([then, now]))
    rows = np.concatenate([rows, StandardScaler().fit_transform(rows**2)], axis=1)
    new = np.repeat([0.0, 1.0], [20, 30])
    left_out = []
    for place in range(50):
        others = np.arange(50) != place
        left_out.append(Ridge(alpha=0.5).fit(rows[others], new[others]).predict(rows[[place]])[0])
    assert tell_apart(then, now).effect == pytest.approx(roc_auc_score(new, left_out), abs=1e-6)


def test_of_many_clips_some_are_drawn_and_the_answer_repeats() -> None:
    many = draw(5, MOST_CLIPS + 500)
    assert tell_apart(draw(6, 300), many) == tell_apart(draw(6, 300), many)


def test_a_number_that_never_changes_is_no_clue() -> None:
    then, now = draw(7, 60), draw(8, 60)
    then[:, 5] = now[:, 5] = 0.25
    assert tell_apart(then, now).p > 0.01
