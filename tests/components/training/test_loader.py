import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from components.store import Store
from components.training.loader import Loader, ahead
from components.training.plan import Plan


def loader_threads() -> int:
    return sum(thread.name == "timbre-loader" for thread in threading.enumerate())


def test_ahead_keeps_the_order() -> None:
    assert list(ahead(range(100), 3)) == list(range(100))
    assert list(ahead([], 3)) == []
    assert loader_threads() == 0


def test_ahead_works_in_advance_but_not_too_far() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for item in range(50):
            made.append(item)
            yield item

    stream = ahead(items(), 2)
    assert next(stream) == 0
    while len(made) < 4:
        threading.Event().wait(0.001)
    threading.Event().wait(0.02)
    assert len(made) == 4  # one given, two ready, one waiting for room
    stream.close()  # type: ignore[attr-defined]
    assert loader_threads() == 0


def test_an_error_comes_where_its_item_was_due() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError("third clip")

    stream = ahead(items(), 3)
    assert next(stream) == 1
    with pytest.raises(ZeroDivisionError, match="third clip"):
        next(stream)
    assert loader_threads() == 0


@pytest.mark.parametrize("in_advance", [False, True])
def test_batches_are_windows_of_the_clips_with_their_targets(store: Store, in_advance: bool) -> None:
    train = store.of("train")
    plan = Plan(train.num_samples, length=4000, batch_size=8, seed=0)
    targets, mask = train.manifest.targets()
    steps = list(Loader(train, plan, steps=4, in_advance=in_advance))
    assert len(steps) == len(Loader(train, plan, steps=4)) == 4
    for (waveforms, labels, known), (places, starts) in zip(steps, plan.windows(range(4)), strict=True):
        assert waveforms.shape == (8, 4000)
        assert waveforms.dtype == labels.dtype == known.dtype == torch.float32
        for window, place, start in zip(waveforms, places, starts, strict=True):
            np.testing.assert_array_equal(window, train.waveform(int(place))[start : start + 4000])
        np.testing.assert_array_equal(labels, targets[places])
        np.testing.assert_array_equal(known, mask[places])


def test_a_resumed_loader_goes_on_where_the_first_would_have(store: Store) -> None:
    train = store.of("train")
    plan = Plan(train.num_samples, length=4000, batch_size=8, seed=0)
    whole, rest = list(Loader(train, plan, steps=6)), list(Loader(train, plan, steps=6, first_step=4))
    assert len(rest) == 2
    assert torch.equal(whole[4][0], rest[0][0])


def test_a_window_longer_than_the_clip_is_padded_with_silence(store: Store) -> None:
    train = store.of("train")
    waveforms, _, _ = next(iter(Loader(train, Plan(train.num_samples, length=8000, batch_size=2, seed=0), steps=1)))
    assert waveforms.shape == (2, 8000)
    assert (waveforms[:, 5600:] == 0).all()
    assert (waveforms[:, :5600] != 0).any(dim=1).all()
