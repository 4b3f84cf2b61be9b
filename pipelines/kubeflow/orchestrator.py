"""ZenML's Kubeflow orchestrator, with the project's own images, pods as the stack tells, and no secret in what is compiled."""

import logging
import shutil
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import urllib3
from kfp.client import Client as KfpClient
from kfp.dsl import PipelineTask
from kfp_server_api.exceptions import ApiException
from zenml.client import Client
from zenml.config.build_configuration import BuildConfiguration
from zenml.config.resource_settings import ResourceSettings
from zenml.constants import ORCHESTRATOR_DOCKER_IMAGE_KEY
from zenml.enums import ExecutionMode
from zenml.integrations.kubeflow.orchestrators import KubeflowOrchestrator
from zenml.models import PipelineRunResponse, PipelineSnapshotBase, PipelineSnapshotResponse, ScheduleResponse, StackResponse
from zenml.orchestrators import SubmissionResult
from zenml.stack import Stack
from zenml.utils import source_utils

from components.errors import StackError
from components.pace import tell_where
from components.stacks import StackConfig
from pipelines.image import IN_IMAGE
from pipelines.kubeflow.dressing import dress
from pipelines.kubeflow.entrypoint import Entrypoint
from pipelines.kubeflow.waiting import page, wait
from pipelines.stacks import kubeflow_token, told_of

log = logging.getLogger(__name__)
OF_THE_STORE = "ZENML_STORE_"
PRIVATE = (OF_THE_STORE, "ZENML_SECRETS_STORE_", "ZENML_BACKUP_SECRETS_STORE_", "ZENML_USER_ID")
SOURCE = "--entrypoint_config_source"


class Orchestrator(KubeflowOrchestrator):
    """Kubeflow Pipelines. Where `write_to` is set, what was compiled is written there and not submitted."""

    write_to: Path | None = None

    @cached_property
    def stack(self) -> StackResponse:
        """The active stack as ZenML keeps it."""
        return Client().active_stack_model

    @property
    def told(self) -> StackConfig:
        """What its YAML said."""
        return told_of(self.stack)

    @property
    def supported_execution_modes(self) -> list[ExecutionMode]:
        """Kubeflow starts no step after one that failed, which is all that failing fast can mean where each waits for the one before."""
        return [ExecutionMode.FAIL_FAST, *super().supported_execution_modes]

    @property
    def run_init_cleanup_at_step_level(self) -> bool:
        """Whoever submitted exports what a run has made, as nobody would look for it in a pod."""
        return False

    def get_docker_builds(self, snapshot: PipelineSnapshotBase) -> list[BuildConfiguration]:
        """The image of each step; none is built."""
        return [
            BuildConfiguration(
                key=ORCHESTRATOR_DOCKER_IMAGE_KEY,
                settings=IN_IMAGE.model_copy(update={"parent_image": self.told.pod(step).image, "skip_build": True}),
                step_name=step,
            )
            for step in snapshot.step_configurations
        ]

    def submit_pipeline(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        base_environment: dict[str, str],
        step_environments: dict[str, dict[str, str]],
        placeholder_run: PipelineRunResponse | None = None,
    ) -> SubmissionResult | None:
        """Compile and submit, with nothing in the environment that others must not read."""
        told = {step: self._open(values) for step, values in step_environments.items()}
        return super().submit_pipeline(snapshot, stack, self._open(base_environment), told, placeholder_run)

    def _open(self, values: dict[str, str]) -> dict[str, str]:
        """A pod's environment; with a Secret for ZenML's key, where its server is and no more."""
        kubeflow = self.told.cluster
        if kubeflow.zenml_secret is None:
            return values
        url = kubeflow.zenml_url or values[f"{OF_THE_STORE}URL"]
        verify = {name: value for name, value in values.items() if name == f"{OF_THE_STORE}VERIFY_SSL"}
        rest = {name: value for name, value in values.items() if not name.startswith(PRIVATE)}
        return {**rest, **verify, f"{OF_THE_STORE}TYPE": "rest", f"{OF_THE_STORE}URL": url}

    def _create_dynamic_component(self, image: str, command: list[str], arguments: list[str], component_name: str) -> Any:
        place = arguments.index(SOURCE) + 1
        ours = [*arguments[:place], source_utils.resolve(Entrypoint).import_path, *arguments[place + 1 :]]
        return super()._create_dynamic_component(image, command, ours, component_name)

    def _configure_container_resources(
        self, dynamic_component: PipelineTask, resource_settings: ResourceSettings, node_selector_constraint: Any = None
    ) -> PipelineTask:
        step, snapshot = dynamic_component.name, self._active_snapshot
        retry = snapshot.step_configurations[step].config.retry if snapshot else None
        dress(dynamic_component, step, self.told, retry.max_retries if retry else 0)
        return dynamic_component

    def _upload_and_run_pipeline(
        self, snapshot: PipelineSnapshotResponse, pipeline_file_path: str, run_name: str
    ) -> SubmissionResult | None:
        if self.write_to is not None:
            shutil.copy(pipeline_file_path, self.write_to)
            return None
        kubeflow = self.told.cluster
        where = kubeflow.host or f"the context {kubeflow.context}"
        try:
            client = self._client(snapshot)
            if snapshot.schedule:
                self._repeat(client, snapshot.pipeline_configuration.name, snapshot.schedule, pipeline_file_path, run_name)
                return None
            run = client.create_run_from_pipeline_package(
                pipeline_file_path,
                run_name=run_name,
                experiment_name=snapshot.pipeline_configuration.name,
                namespace=kubeflow.user_namespace,
                enable_caching=False,
                service_account=kubeflow.service_account,
            )
        except urllib3.exceptions.HTTPError as error:
            raise StackError(f"Kubeflow Pipelines gives no answer at {where} ({type(error).__name__}): see timbre stack check") from error
        except ApiException as error:
            raise StackError(
                f"Kubeflow Pipelines at {where} refuses the run ({error.status} {error.reason}): see timbre stack check"
            ) from error
        log.info("submitted to %s as run %s", where, run.run_id)
        tell_where(page(client, run.run_id))
        if not kubeflow.wait:
            return None
        return SubmissionResult(wait_for_completion=lambda: wait(client, run.run_id, snapshot, self.told))

    def _client(self, snapshot: PipelineSnapshotResponse) -> KfpClient:
        settings: Any = self.get_settings(snapshot)
        token = kubeflow_token(self.stack.name)
        with warnings.catch_warnings(action="ignore", category=FutureWarning):  # kfp tells everyone which servers it is for
            return self._get_kfp_client(settings.model_copy(update={"client_args": {"existing_token": token}}) if token else settings)

    def _repeat(self, client: KfpClient, name: str, schedule: ScheduleResponse, pipeline_file_path: str, run_name: str) -> None:
        """Submit it as a recurring run."""
        kubeflow = self.told.cluster
        experiment = client.create_experiment(name, namespace=kubeflow.user_namespace)
        made = client.create_recurring_run(
            experiment_id=experiment.experiment_id,
            job_name=run_name,
            pipeline_package_path=pipeline_file_path,
            enable_caching=False,
            cron_expression=schedule.cron_expression,
            start_time=schedule.utc_start_time,
            end_time=schedule.utc_end_time,
            interval_second=int(schedule.interval_second.total_seconds()) if schedule.interval_second else None,
            no_catchup=not schedule.catchup,
            service_account=kubeflow.service_account,
        )
        log.info("submitted as recurring run %s", made.recurring_run_id)
