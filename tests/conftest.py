"""What every test leaves as it found it."""

import logging
import signal
from collections.abc import Iterator

import pytest


def pytest_configure() -> None:
    """Processes that tests start can be interrupted, also where a shell started the tests in the background, which ignores Ctrl+C."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


LONG = ("pipelines", "bentos")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes come first, or the last of them would run while the other processes have nothing left to do."""
    places = {folder: place for place, folder in enumerate(LONG)}
    items.sort(key=lambda item: min(places.get(part, len(LONG)) for part in item.path.parts))


@pytest.fixture(autouse=True)
def own_loggers() -> Iterator[None]:
    """A command that is called as a function sets up the log of its process, which is that of other tests too."""
    loggers = [logging.getLogger(name) for name in ("components", "timbre")]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)
