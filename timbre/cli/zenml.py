"""ZenML in a command: where it finds the steps, and what of its log a person need not see."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LAUNCHER = "zenml.orchestrators.step_launcher"  # who logs that a step failed, and then raises its error
NOISE = (
    "You are specifying docker settings but no component",  # which the pipelines have for stacks whose components do
    "The following pod settings are not supported in Kubeflow",  # of those that ZenML's Kubeflow orchestrator makes itself, empty
    "Found credentials in ",  # botocore, each time that it looks for them
)
MISMATCH = "zenml.stack.utils"  # who logs that pods do not reach this ZenML


def prepare() -> None:
    """Steps are found from the folder that holds them, wherever the command runs; an input error is told once, by the command."""
    import steps
    from components.errors import TimbreError
    from components.s3.connect import refusal

    os.environ.setdefault("ZENML_CUSTOM_SOURCE_ROOT", str(Path(steps.__file__).parents[1]))
    from zenml.integrations.registry import integration_registry
    from zenml.logger import ZenMLConsoleHandler  # whose module sets up ZenML's handlers

    from pipelines.config_files import share

    share()

    def keep(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if refusal(error) is not None:
            record.exc_info = None  # the record's own sentence stays, should nobody say another
        return not isinstance(error, TimbreError) and not any(noise in str(record.msg) for noise in NOISE)

    # ZenML would load what it knows of every library that is installed, for its materializers. Our steps hand on none of these, and a
    # stack's parts are loaded when they are needed.
    integration_registry.activate_integrations = lambda: None

    for handler in (*logging.getLogger().handlers, *logging.getLogger("zenml").handlers):
        handler.addFilter(keep)
        if isinstance(handler, ZenMLConsoleHandler):  # the log that ZenML keeps of the step has it
            handler.addFilter(lambda record: not _is_told(record))


def _is_told(record: logging.LogRecord) -> bool:
    """Whether it says of a step's error what the command says of it at its end."""
    from timbre.cli import sentence_of

    if record.name != LAUNCHER:
        return False
    told = (*(record.args if isinstance(record.args, tuple) else ()), *(record.exc_info or ()))
    return any(isinstance(one, KeyboardInterrupt) or (isinstance(one, Exception) and sentence_of(one) is not None) for one in told)


@contextmanager
def own() -> Iterator[None]:
    """A ZenML of this process alone, thrown away at the end, which no pod is to reach; to be entered before ZenML is loaded."""
    logging.getLogger(MISMATCH).addFilter(lambda record: record.levelno > logging.WARNING)
    for name in [name for name in os.environ if name.startswith("ZENML_STORE_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="timbre-", ignore_cleanup_errors=True) as folder:
        os.environ |= {"ZENML_CONFIG_PATH": folder, "ZENML_REPOSITORY_PATH": folder}
        yield
