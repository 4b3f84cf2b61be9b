"""What ZenML registers: the kind of orchestrator that a stack with Kubeflow has."""

from typing import Any

from zenml.integrations.kubeflow.flavors.kubeflow_orchestrator_flavor import KubeflowOrchestratorConfig, KubeflowOrchestratorFlavor

from pipelines.stacks import FLAVOR


class Config(KubeflowOrchestratorConfig):
    """ZenML's own configuration; what Timbre adds to it, the stack's label tells."""

    @property
    def supports_client_side_caching(self) -> bool:
        """Pods look for cached results, as they see the code and the store that results come from."""
        return False

    @property
    def handles_step_retries(self) -> bool:
        """Kubeflow starts a pod again; a step does not repeat itself in one."""
        return True


class Flavor(KubeflowOrchestratorFlavor):
    """Kubeflow Pipelines, with pods as a stack tells."""

    @property
    def name(self) -> str:
        return FLAVOR

    @property
    def config_class(self) -> type[Config]:
        return Config

    @property
    def implementation_class(self) -> Any:
        from pipelines.kubeflow.orchestrator import Orchestrator

        return Orchestrator
