"""On which machines a step's work is done: it travels beside the parameters, as ZenML's cache compares those and this changes no result."""

from typing import Any

from zenml import get_step_context
from zenml.steps import BaseStep

from components.config import ExecutionConfig

EXTRA = "execution"


def run_on(execution: ExecutionConfig, step: BaseStep) -> BaseStep:
    """The step, to be done there."""
    return step.with_options(extra={EXTRA: execution.model_dump(mode="json")})


def execution() -> ExecutionConfig:
    """What `run_on` said to the step that is running; this machine where nothing was said."""
    try:
        extra: dict[str, Any] = get_step_context().step_run.config.extra
    except RuntimeError:  # called as a function
        extra = {}
    return ExecutionConfig.model_validate(extra.get(EXTRA, {}))
