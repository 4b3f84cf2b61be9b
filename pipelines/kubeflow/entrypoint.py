"""What a pod runs: one step, in the folder where its image starts."""

import os

from zenml.client import Client
from zenml.entrypoints import StepEntrypointConfiguration
from zenml.utils.env_utils import get_runtime_secret_environment

from pipelines.cached import look_at_cached
from pipelines.signals import wait_to_stop


class Entrypoint(StepEntrypointConfiguration):
    """ZenML's own changes to /app, where an image's user writes nothing, and tells a step its secrets only when it begins.

    Whether a cached result still holds is asked before, and the answer may lie in a bucket.
    """

    def prepare_code_environment(self) -> None:
        """The image holds the code, and PYTHONPATH names it."""
        wait_to_stop()
        look_at_cached()
        os.environ |= get_runtime_secret_environment(self.step.config, Client().active_stack)
