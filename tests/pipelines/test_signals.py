"""Where a signal may stop a step."""

import gc
import os
import signal
import weakref
from collections.abc import Iterator

import pytest
from zenml.orchestrators.signal_handler import SignalHandler

from pipelines import signals

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")


class Signals:
    """What ZenML's handler was told, with its waiting."""

    def __init__(self) -> None:
        self.told = 0

    def __call__(self, signum: int, frame: object) -> None:
        if signals._cannot_stop(frame):  # type: ignore[arg-type]
            return
        self.told += 1


@pytest.fixture
def handler() -> Iterator[Signals]:
    handler = Signals()
    former = signal.signal(signal.SIGUSR1, handler)
    yield handler
    signal.signal(signal.SIGUSR1, former)


def ask(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGUSR1)


def test_zenml_has_the_handler_that_waits() -> None:
    signals.wait_to_stop()
    assert SignalHandler.waits_to_stop  # type: ignore[attr-defined]


def test_a_step_can_be_stopped_and_a_destructor_cannot(handler: Signals) -> None:
    class Asks:
        def __del__(self) -> None:
            ask()

    Asks()
    gc.collect()
    assert handler.told == 0
    ask()
    assert handler.told == 1


def test_nor_a_weak_dictionary_that_lets_go_of_a_key(handler: Signals) -> None:
    class Key:
        pass

    kept: weakref.WeakKeyDictionary[Key, Key] = weakref.WeakKeyDictionary()
    key, value = Key(), Key()
    kept[key] = value
    weakref.finalize(value, ask)
    del value, key  # the dictionary lets go of both within its callback
    gc.collect()
    assert handler.told == 0
