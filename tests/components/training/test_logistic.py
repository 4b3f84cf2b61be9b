from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from components.training.logistic import PENALTIES, Examples, choose_penalty, compact, fit_layer


def softmax(logits: torch.Tensor) -> torch.Tensor:
    return torch.softmax(logits, dim=-1)


def mean(scores: torch.Tensor) -> torch.Tensor:
    return scores.mean(dim=0)


def three_clouds(count: int = 60, width: int = 5, spread: float = 1.0, seed: int = 0) -> Examples:
    """Clips of one window around three corners, one label each."""
    rng = np.random.default_rng(seed)
    answers = np.arange(count) % 3
    values = rng.normal(0, spread, (count, width))
    values[np.arange(count), answers] += 2
    targets = torch.eye(3, dtype=torch.float64)[answers]
    return Examples(torch.from_numpy(values), np.arange(count), targets, torch.ones_like(targets), torch.sigmoid, mean)


def test_yes_or_no_is_scikit_learns() -> None:
    examples = three_clouds()
    layer = fit_layer(examples, penalty=0.1)
    for label in range(3):
        theirs = LogisticRegression(C=1 / (0.1 * 60), tol=1e-8, max_iter=1000).fit(examples.values, examples.targets[:, label])
        np.testing.assert_allclose(layer.weight[:, label], theirs.coef_[0], atol=1e-4)
        np.testing.assert_allclose(layer.bias[label], theirs.intercept_[0], atol=1e-4)


@pytest.mark.parametrize("weights", [None, (1.0, 3.0, 2.0)])
def test_one_of_many_is_scikit_learns(weights: tuple[float, ...] | None) -> None:
    given = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    examples = replace(three_clouds(), activate=softmax, one_of_many=True, weights=given)
    counts = None if weights is None else dict(enumerate(weights))
    theirs = LogisticRegression(C=1 / (0.1 * 60), class_weight=counts, tol=1e-8, max_iter=1000).fit(
        examples.values, examples.targets.argmax(1)
    )
    np.testing.assert_allclose(fit_layer(examples, 0.1).scores(examples), theirs.predict_proba(examples.values), atol=1e-4)


def test_an_unknown_target_counts_nothing() -> None:
    examples = three_clouds()
    mask = examples.mask.clone()
    mask[:30, 0] = 0
    lied = examples.targets.clone()
    lied[:30, 0] = 1
    known, wrong = replace(examples, mask=mask), replace(examples, targets=lied, mask=mask)
    torch.testing.assert_close(fit_layer(known, 0.1).weight, fit_layer(wrong, 0.1).weight)


def test_a_clip_counts_once_whatever_its_windows() -> None:
    one = three_clouds()
    twice = np.repeat(np.arange(60), np.where(np.arange(60) < 20, 3, 1))
    many = replace(one, values=one.values[torch.from_numpy(twice)], clips=twice)
    torch.testing.assert_close(fit_layer(many, 0.1).weight, fit_layer(one, 0.1).weight, atol=1e-5, rtol=0)


def test_positives_weigh_what_they_are_told() -> None:
    """Without values there is only the bias: logit of w p / (w p + 1 - p)."""
    one = three_clouds()
    weighted = Examples(
        one.values * 0, one.clips, one.targets, one.mask, torch.sigmoid, mean, False, torch.tensor([1.0, 2.0, 4.0]).double()
    )
    expected = torch.logit(torch.tensor([1 / 3, 2 / 4, 4 / 6]).double())
    torch.testing.assert_close(fit_layer(weighted, 0.1).bias, expected, atol=1e-4, rtol=0)


def test_more_values_than_windows_lose_nothing_when_compacted() -> None:
    wide = three_clouds(count=30, width=80)
    small, basis = compact(wide)
    assert small.values.shape == (30, 30)
    torch.testing.assert_close(basis @ fit_layer(small, 0.1).weight, fit_layer(wide, 0.1).weight, atol=1e-4, rtol=0)


def test_few_values_stay_as_they_are() -> None:
    examples = three_clouds()
    small, basis = compact(examples)
    assert small is examples
    assert torch.equal(basis, torch.eye(5, dtype=torch.float64))


def test_noisy_examples_ask_for_a_stronger_penalty() -> None:
    folds = np.arange(60) // 12
    noisy = choose_penalty(three_clouds(width=200, spread=3.0), folds)
    clean = choose_penalty(three_clouds(spread=0.3), folds)
    assert noisy.penalty > clean.penalty
    assert noisy.penalty == min(noisy.losses, key=noisy.losses.__getitem__)


def test_the_scores_are_of_clips_that_the_layer_has_not_seen() -> None:
    """Labels drawn by lot cannot be known: seen clips are learnt by heart, unseen ones are not better than chance."""
    drawn = replace(three_clouds(), values=torch.randn(60, 200, generator=torch.Generator().manual_seed(0)).double())
    chosen = choose_penalty(drawn, np.arange(60) % 5)
    assert chosen.scores is not None
    right = (chosen.scores.argmax(1) == drawn.targets.argmax(1)).double().mean()
    assert right < 0.6
    assert chosen.penalty > PENALTIES[-1]


def test_one_fold_leaves_the_penalty_in_the_middle() -> None:
    chosen = choose_penalty(three_clouds(), np.zeros(60, np.int64))
    assert chosen.scores is None
    assert chosen.penalty == pytest.approx(PENALTIES[len(PENALTIES) // 2])
