import logging
import os
import signal
import threading
import time

import pytest

from components.training.interrupt import Interrupt, StopNowError, listening


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_once_only_asks(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), listening() as interrupt:
        assert not interrupt.asked
        press()
        assert interrupt.asked
    assert "press Ctrl+C again to stop now" in caplog.text


def test_twice_stops_now_and_gives_the_handler_back() -> None:
    former = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), listening():  # noqa: PT012 - the first press must not raise
        press()
        press()
    assert signal.getsignal(signal.SIGINT) is former


class Ending:
    def __del__(self) -> None:
        press()


def test_a_stop_waits_until_it_is_heard() -> None:
    """What is raised within a destructor is printed, and the work goes on."""
    with pytest.raises(KeyboardInterrupt), listening():  # noqa: PT012 - see above
        press()
        Ending()
        time.sleep(60)


def test_a_former_handler_is_put_back() -> None:
    pressed: list[int] = []
    former = signal.signal(signal.SIGINT, lambda signum, frame: pressed.append(signum))
    try:
        with listening():
            press()
        assert pressed == []
        press()
        assert pressed == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, former)


def test_no_handler_is_touched_in_another_thread() -> None:
    seen: list[object] = []

    def run() -> None:
        with listening() as interrupt:
            seen.append((interrupt.asked, signal.getsignal(signal.SIGINT)))

    former = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [(False, former)]


def test_the_stop_is_no_keyboard_interrupt_on_the_way() -> None:
    interrupt = Interrupt()
    interrupt(signal.SIGINT, None)
    with pytest.raises(StopNowError) as raised:
        interrupt(signal.SIGINT, None)
    assert not isinstance(raised.value, KeyboardInterrupt)


def test_inside_another_the_outer_one_is_asked() -> None:
    with listening() as outer, listening() as inner:
        press()
        assert (outer.asked, inner.asked) == (True, True)
    with listening(whole=True) as outer:
        with listening() as inner:
            press()
        assert (outer.asked, inner.asked) == (True, False)


def test_twice_inside_stops_what_is_outside_too() -> None:
    went_on = False
    with pytest.raises(KeyboardInterrupt), listening(whole=True):  # noqa: PT012 - the first press must not raise
        with listening():
            press()
            press()
        went_on = True
    assert not went_on
