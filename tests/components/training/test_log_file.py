import logging
import os
import re
import signal
from pathlib import Path

import pytest

from components.config import Config
from components.errors import ConfigError
from components.progress import bars
from components.store import Store
from components.training import fit
from components.training.log_file import LOG, logged


def lines(folder: Path) -> list[str]:
    return (folder / LOG).read_text(encoding="utf-8").splitlines()


def test_a_plain_fit_leaves_what_it_said(config: Config, store: Store, tmp_path: Path) -> None:
    fit(config, store, tmp_path, bars)
    said = lines(tmp_path)
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO components\.training\.\w+: ", line) for line in said), said
    assert any("step 10: loss" in line for line in said)
    assert "kept the weights of step" in said[-1]


def test_all_three_packages_and_nobody_else(tmp_path: Path) -> None:
    with logged(tmp_path):
        for name in ("components.a", "steps.b", "timbre.c", "elsewhere"):
            logging.getLogger(name).warning("from %s", name)
        logging.getLogger("components.a").debug("a detail")
    logging.getLogger("components.a").warning("later")
    assert [line.partition(": ")[2] for line in lines(tmp_path)] == ["from components.a", "from steps.b", "from timbre.c"]


@pytest.mark.parametrize("level", [logging.WARNING, logging.INFO])
def test_who_listens_hears_no_more_than_before(tmp_path: Path, caplog: pytest.LogCaptureFixture, level: int) -> None:
    logger = logging.getLogger("components")
    own: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: own.append(record.getMessage())
    before = logger.handlers[:], logger.level, logger.propagate
    logger.addHandler(handler)
    try:
        with caplog.at_level(level), logged(tmp_path):
            logging.getLogger("components.a").info("quiet")
            logging.getLogger("components.a").warning("loud")
    finally:
        logger.removeHandler(handler)
    heard = ["quiet", "loud"] if level == logging.INFO else ["loud"]
    assert ([record.getMessage() for record in caplog.records], own) == (heard, heard)
    assert len(lines(tmp_path)) == 2
    assert (logger.handlers, logger.level, logger.propagate) == before


def test_what_ended_it_stands_last_and_a_resumed_training_adds(config: Config, store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError), logged(tmp_path):  # noqa: PT012 - what is said before it belongs to it
        logging.getLogger("components").warning("on the way")
        raise ConfigError("the loss is nan at step 3")
    assert lines(tmp_path)[-1].endswith("ERROR components.training: ended by ConfigError: the loss is nan at step 3")
    with pytest.raises(KeyboardInterrupt), logged(tmp_path):  # noqa: PT012
        logging.getLogger("components").warning("again")
        os.kill(os.getpid(), signal.SIGINT)
    assert len(lines(tmp_path)) == 4
    assert lines(tmp_path)[-1].endswith("ended by KeyboardInterrupt")


def test_what_is_refused_before_anything_runs_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError), logged(tmp_path / "run"):
        raise ConfigError("no")
    assert not (tmp_path / "run").exists()
