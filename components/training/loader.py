"""Batches of training windows straight from the store's memory map; for a GPU, made ready by a thread while it computes."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import starmap
from typing import NoReturn, TypeVar

import numpy as np
import torch
from torch import Tensor

from components.store import Store
from components.training.plan import Places, Plan

Item = TypeVar("Item")
Windows = tuple[Tensor, Tensor, Tensor]
AHEAD = 3


class Loader:
    """The training steps' windows, in order: `waveforms [batch, time]`, `targets [batch, label]` and `mask [batch, label]`, all float32.

    One pass is a whole training, not an epoch, so that the device never waits at an epoch's end. Nothing is held but the next
    few batches: memory does not grow with the number of clips. A CPU that trains cuts its windows itself, in some 20 us a clip:
    a thread beside it would take a core from operations that run on all of them, and make them wait for longer than that.

    Args:
        store: the training clips.
        plan: which windows each step takes.
        steps: how many there are; a step is a batch here.
        first_step: where to begin.
        in_advance: by a thread and, where there is a GPU, into page-locked memory, from which it fetches while it computes.
    """

    def __init__(self, store: Store, plan: Plan, steps: int, first_step: int = 0, in_advance: bool = False) -> None:
        self._store, self._plan, self._in_advance = store, plan, in_advance
        self._steps = range(first_step, steps)
        self._targets, self._mask = (np.asarray(array, np.float32) for array in store.manifest.targets())

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def batches_an_epoch(self) -> int:
        return self._plan.steps_per_epoch

    def __iter__(self) -> Iterator[Windows]:
        batches = starmap(self._cut, self._plan.windows(self._steps))
        return ahead(batches, AHEAD) if self._in_advance else batches

    def _cut(self, places: Places, starts: Places) -> Windows:
        arrays = (self._store.batch(places, starts, self._plan.length), self._targets[places], self._mask[places])
        waveforms, targets, mask = (torch.from_numpy(array) for array in arrays)
        if self._in_advance and torch.cuda.is_available():
            return waveforms.pin_memory(), targets.pin_memory(), mask.pin_memory()
        return waveforms, targets, mask


def ahead(items: Iterable[Item], count: int) -> Iterator[Item]:
    """The same items, up to `count` of them made in advance by a thread; an error in it is raised where its item was due.

    The thread ends with the iterator, used up or not.
    """
    ready: queue.Queue[Callable[[], Item] | None] = queue.Queue(count)
    stopped = threading.Event()
    thread = threading.Thread(target=_fill, args=(items, ready, stopped), name="timbre-loader", daemon=True)
    thread.start()
    try:
        while (give := ready.get()) is not None:
            yield give()
    finally:
        stopped.set()
        while thread.is_alive():
            _drain(ready)
            thread.join(0.01)


def _fill(items: Iterable[Item], ready: "queue.Queue[Callable[[], Item] | None]", stopped: threading.Event) -> None:
    try:
        for item in items:
            ready.put(lambda item=item: item)  # type: ignore[misc]
            if stopped.is_set():
                return
    except BaseException as error:
        ready.put(_raiser(error))
        return
    ready.put(None)


def _raiser(error: BaseException) -> Callable[[], NoReturn]:
    def give() -> NoReturn:
        raise error

    return give


def _drain(ready: "queue.Queue[Callable[[], Item] | None]") -> None:
    while not ready.empty():
        ready.get_nowait()
