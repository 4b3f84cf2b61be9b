"""Which clips a person is asked to hear."""

import hashlib

import numpy as np
import pytest

from components.config import Task
from components.monitoring.review_queue import Candidate, distances_of, queue
from components.registry.reviews import Pool, lot


def pool_of(scores: object, labels: tuple[str, ...] = ("low", "high")) -> Pool:
    """Clips 0, 1, 2... with these scores."""
    table = np.array(scores, np.float32).reshape(-1, len(labels))
    contents = [hashlib.sha256(str(row).encode()).hexdigest() for row in range(len(table))]
    return Pool(labels, [f"id-{row}" for row in range(len(table))], contents, table)


def ask(pool: Pool, limit: int, reviewed: frozenset[int] = frozenset(), task: Task = "multilabel", **given: object) -> list[Candidate]:
    thresholds = (0.5,) * len(pool.labels)
    return queue(pool, {pool.contents[row] for row in reviewed}, thresholds, task, limit, **given)  # type: ignore[arg-type]


def test_the_most_uncertain_come_first() -> None:
    found = ask(pool_of([[0.9, 0.05], [0.55, 0.05], [0.05, 0.7], [0.02, 0.01]]), 3)
    assert [(one.row, one.label, one.sampled_p) for one in found] == [(1, "low", None), (2, "high", None), (0, "low", None)]
    assert found[0].distance == pytest.approx(np.log(0.55 / 0.45), abs=1e-5)


def test_labels_take_turns() -> None:
    scores = [[0.5 + 0.01 * place, 0.001] for place in range(5)] + [[0.001, 0.9], [0.001, 0.95]]
    found = [one for one in ask(pool_of(scores), 7) if one.sampled_p is None]
    assert [one.label for one in found][:4] == ["low", "high", "low", "high"]


def test_one_by_one_is_the_same_as_together() -> None:
    pool = pool_of(np.random.default_rng(0).random((60, 2)))
    reviewed: frozenset[int] = frozenset()
    for _ in range(20):
        (one,) = ask(pool, 1, reviewed)
        reviewed |= {one.row}
    together = {one.row for one in ask(pool, 20)}
    assert len(reviewed & together) >= 18  # a drawn one counts for the turn of its label as well


def test_every_fourth_is_the_next_of_the_draw() -> None:
    pool = pool_of(np.random.default_rng(0).random((40, 2)))
    found = ask(pool, 12)
    drawn = [one for one in found if one.sampled_p is not None]
    assert [place for place, one in enumerate(found) if one.sampled_p is not None] == [3, 7, 11]
    chosen = {one.row for one in found} - {one.row for one in drawn}
    order = sorted(set(range(40)) - chosen, key=lambda row: lot(pool.contents[row]))
    assert [one.row for one in drawn] == sorted((one.row for one in drawn), key=lambda row: lot(pool.contents[row]))
    assert {one.row for one in drawn} <= set(order[:6])
    assert [one.sampled_p for one in drawn] == [lot(pool.contents[one.row]) for one in drawn]
    assert ask(pool, 1, frozenset(one.row for one in found[:3]))[0] == drawn[0]


def test_each_content_comes_once_and_what_was_reviewed_no_more() -> None:
    pool = pool_of(np.random.default_rng(1).random((30, 2)))
    assert len({one.row for one in ask(pool, 100)}) == 30
    assert {one.row for one in ask(pool, 100, frozenset(range(25)))} == {25, 26, 27, 28, 29}
    assert ask(pool, 5, frozenset(range(30))) == []
    skipped = {pool.contents[row] for row in range(29)}
    assert [one.row for one in ask(pool, 5, skipped=skipped)] == [29]


def test_clips_whose_bytes_are_gone_are_passed_over() -> None:
    pool = pool_of(np.random.default_rng(2).random((20, 2)))
    asked: list[int] = []

    def is_there(row: int) -> bool:
        asked.append(row)
        return row % 2 == 0

    found = ask(pool, 4, there=lambda order: filter(is_there, order))
    assert all(one.row % 2 == 0 for one in found)
    assert len(found) == 4
    assert len(asked) < 20


def test_scores_that_are_no_numbers_come_by_lot_alone() -> None:
    found = ask(pool_of([[np.nan, 0.5], [0.9, np.inf], [0.3, 0.5]]), 9)
    assert (found[0].row, found[0].label) == (2, "high")
    assert {(one.row, one.label, one.distance) for one in found[1:]} >= {(0, None, None)}
    assert [one.row for one in ask(pool_of([[np.nan, np.nan]]), 9)] == [0]


def test_nothing_to_review() -> None:
    assert ask(pool_of([]), 5) == []
    assert ask(Pool((), [], [], np.zeros((0, 0), np.float32)), 5) == []


def test_distances_count_from_each_labels_own_threshold() -> None:
    scores = np.array([[0.05, 0.05]], np.float32)
    assert distances_of(scores, (0.05, 0.5), "multilabel")[0] == pytest.approx([0, np.log(19)], abs=1e-5)
    assert np.isfinite(distances_of(np.array([[0, 1]], np.float32), (0.0, 1.0), "multilabel")).all()


def test_one_label_of_many_is_uncertain_where_two_are_alike() -> None:
    pool = pool_of([[0.4, 0.35, 0.25], [0.8, 0.1, 0.1], [0.45, 0.45, 0.1]], ("a", "b", "c"))
    found = ask(pool, 3, task="multiclass")
    assert [one.row for one in found] == [2, 0, 1]
    assert found[1].distance == pytest.approx(np.log(0.4 / 0.35), abs=1e-5)
