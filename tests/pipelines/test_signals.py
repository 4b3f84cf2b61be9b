"""Where a signal may stop a step."""

import contextlib
import gc
import os
import signal
import time
import weakref
from collections.abc import Iterator
from types import FrameType, FunctionType, SimpleNamespace

import pytest
from zenml.enums import ExecutionMode
from zenml.exceptions import RunInterruptedException
from zenml.orchestrators.signal_handler import SignalHandler

from components.signals import Stopped
from pipelines import signals


def test_what_zenml_stops_a_step_by_is_no_failure_of_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """An export to ONNX that fails is done without; one that is stopped is not."""
    signals.wait_to_stop()
    monkeypatch.setattr(SignalHandler, "_finalize_shutdown", lambda *_: RunInterruptedException("The execution was interrupted."))
    handler = SignalHandler(step_run=SimpleNamespace(name="train"), execution_mode=ExecutionMode.FAIL_FAST)
    former = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped) as stopped, handler, contextlib.suppress(Exception):
        signal.raise_signal(signal.SIGTERM)
    assert stopped.value.code == 143
    assert signal.getsignal(signal.SIGTERM) == former


class Asked:
    """A handler that notes of each signal whether it could stop where it came."""

    def __init__(self) -> None:
        self.could: list[bool] = []

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        self.could.append(not signals.cannot_stop(frame))


@pytest.fixture
def asked() -> Iterator[Asked]:
    asked = Asked()
    former = signal.signal(signal.SIGUSR1, asked)
    yield asked
    signal.signal(signal.SIGUSR1, former)


def ask(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGUSR1)


def test_zenml_has_the_handler_that_waits() -> None:
    signals.wait_to_stop()
    assert SignalHandler._handle.__module__ == signals.__name__


@pytest.mark.parametrize(("module", "waits"), [("zenml.zen_stores.sql_zen_store", True), ("zenml.zen_stores.rest_zen_store", False)])
def test_ctrl_c_between_two_steps_waits_for_zenmls_database(module: str, waits: bool) -> None:
    """An interrupted statement would keep the database locked for those that note the run's end."""

    def press() -> str:
        signal.raise_signal(signal.SIGINT)
        return "committed"

    commit, said = FunctionType(press.__code__, {"__name__": module, "signal": signal}), list[str]()

    def go_on() -> None:
        said.append(commit())
        time.sleep(30)

    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        signals.wait_to_stop()
        with pytest.raises(KeyboardInterrupt):
            go_on()
    finally:
        signal.signal(signal.SIGINT, former)
    assert bool(said) is waits


def test_a_step_can_be_stopped_and_a_destructor_cannot(asked: Asked) -> None:
    class Asks:
        def __del__(self) -> None:
            ask()

    Asks()
    gc.collect()
    ask()
    assert asked.could == [False, True]


def test_nor_a_weak_dictionary_that_lets_go_of_a_key(asked: Asked) -> None:
    class Key:
        pass

    kept: weakref.WeakKeyDictionary[Key, Key] = weakref.WeakKeyDictionary()
    key, value = Key(), Key()
    calls = weakref.ref(value, ask)  # within the dictionary's callback, which holds the last of it
    kept[key] = value
    del value, key
    gc.collect()
    assert calls() is None
    assert asked.could == [False]
