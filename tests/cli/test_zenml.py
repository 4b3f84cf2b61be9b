"""What of ZenML's log a person sees."""

import errno
import subprocess
import sys

import pytest

FAILS = """
from components.errors import DataError
from timbre.cli.zenml import prepare
prepare()
import logging
import zenml.orchestrators.step_launcher as launcher
launcher.logger.error("Failed to run step `%s`: %s", "score", {error})
record = launcher.logger.makeRecord(launcher.logger.name, logging.ERROR, "", 0, "Failed to run step `%s`: %s", ("score", {error}), None)
kept = [type(handler).__name__ for handler in logging.getLogger().handlers if handler.filter(record)]
assert "ZenMLLoggingHandler" in kept, kept
"""
PREPARES = """
from timbre.cli.zenml import prepare
prepare()
import zenml.orchestrators.step_launcher as launcher
try:
    raise {error}
except BaseException:
    launcher.logger.exception("Failed preparing step `score`.")
"""


@pytest.mark.parametrize(("error", "shown"), [("KeyboardInterrupt()", False), ("ValueError('a bug')", True)])
def test_ctrl_c_before_a_step_has_begun_leaves_no_traceback(error: str, shown: bool) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PREPARES.format(error=error)], capture_output=True, text=True, check=True
    )
    assert ("Traceback" in result.stdout + result.stderr) == shown


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("DataError('no such clip')", False),
        ("KeyboardInterrupt()", False),
        (f"OSError({errno.ENOSPC}, 'full')", False),
        ("ValueError('a bug')", True),
        ("RuntimeError('a bug')", True),
    ],
)
def test_a_failed_step_is_shown_where_the_command_does_not_tell_of_it(error: str, shown: bool) -> None:
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", FAILS.format(error=error)], capture_output=True, text=True, check=True)
    assert ("Failed to run step" in result.stdout + result.stderr) == shown
