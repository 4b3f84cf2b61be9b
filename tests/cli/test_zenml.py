"""What of ZenML's log a person sees."""

import errno
import os
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
SAYS = """
from timbre.cli.zenml import prepare
prepare()
import logging
logging.getLogger("zenml.config.compiler").info(
    "[ZML002](USAGE) - You are specifying docker settings but no component in your stack makes use of them. Consider switching stacks."
)
logging.getLogger("zenml.integrations.kubeflow.orchestrators.kubeflow_orchestrator").warning(
    "The following pod settings are not supported in Kubeflow with Kubeflow Pipelines 2.x and will be ignored: ['affinity']."
)
logging.getLogger("botocore.credentials").info("Found credentials in %s.", "environment variables")
logging.getLogger("aiobotocore.credentials").info("Found credentials in environment variables.")
logging.getLogger("zenml.stack.utils").warning("no pod reaches it")
logging.getLogger("zenml.stack.stack").warning("a `stack` lacks something")
"""
OWN = """
from timbre.cli.zenml import own
with own():
    exec({says!r})
"""
COLOURED = """
import sys
from timbre import cli
sys.argv[1:] = ["stack", "--help"]
try:
    cli.main()
except SystemExit:
    pass
from timbre.cli.zenml import prepare
prepare()
import logging
logging.getLogger("zenml.stack.stack").warning("a `stack` lacks something")
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


@pytest.mark.parametrize(("code", "known"), [(SAYS, ["no pod reaches it"]), (OWN.format(says=SAYS), [])])
def test_what_nobody_has_done_is_not_said(code: str, known: list[str]) -> None:
    told = said(code, ZENML_LOGGING_COLORS_DISABLED="true")
    assert told == [*known, "a `stack` lacks something"]


@pytest.mark.parametrize(("set_to", "coloured"), [(None, False), ("false", True)])
def test_a_file_has_no_colours_unless_one_asks_for_them(set_to: str | None, coloured: bool) -> None:
    given = {} if set_to is None else {"ZENML_LOGGING_COLORS_DISABLED": set_to}
    assert ("\x1b[" in said(COLOURED, **given)[-1]) == coloured


def said(code: str, **environment: str) -> list[str]:
    """The lines of a process whose output is no terminal."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZENML_LOGGING")}
    command = [sys.executable, "-W", "ignore", "-c", code]
    result = subprocess.run(command, env={**kept, **environment}, capture_output=True, text=True, check=True)
    return (result.stdout + result.stderr).splitlines()
