"""What every test leaves as it found it."""

import logging
import signal
from collections import Counter
from collections.abc import Iterator, Sequence

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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(ids: Sequence[str]) -> None:
    """xdist knows tests by their names, and would run the first of several that share one."""
    if names := [name for name, times in Counter(ids).items() if times > 1]:
        pytest.exit(f"xdist would run one test alone of those named {names[0]}: give each a name of its own, or run them without -n", 1)


@pytest.fixture(autouse=True)
def own_loggers() -> Iterator[None]:
    """A command that is called as a function sets up the log of its process, which is that of other tests too."""
    loggers = [logging.getLogger(name) for name in ("components", "timbre")]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)
