"""Log lines are JSON, whoever writes them."""

import json
import logging
from collections.abc import Iterator

import pytest

from bentos.log import LOGGERS, set_up_logging


@pytest.fixture
def untouched() -> Iterator[None]:
    """The loggers as they were, and bare in between."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(one.handlers, one.level, one.propagate) for one in loggers]
    for one in loggers:
        one.handlers = []
    yield
    for one, (handlers, level, propagate) in zip(loggers, before, strict=True):
        one.handlers, one.propagate = handlers, propagate
        one.setLevel(level)


def test_all_of_timbres_loggers_write_json_once(untouched: None, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging()
    set_up_logging()
    names = ["timbre.service", "components.tagger.tagger", "bentos.page"]
    for name in names:
        logging.getLogger(name).warning("that is %s", "odd")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["logger"], line["level"], line["message"]) for line in lines] == [(name, "WARNING", "that is odd") for name in names]
