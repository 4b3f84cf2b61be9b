"""What a stack says of a step, put onto its task in the compiled pipeline."""

from typing import Any

from kfp import kubernetes
from kfp.dsl import PipelineTask
from kfp.dsl.structures import RetryPolicy

from components.stacks import ZENML_KEY, PodConfig, StackConfig

USER = 1034  # of the images
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - no temporary file, the place where processes share memory
BACKOFF_S, BACKOFF_FACTOR = 30, 2.0


def dress(task: PipelineTask, step: str, stack: StackConfig, retries: int) -> None:
    """Resources, nodes, volumes and secrets of a step's pod.

    ZenML's orchestrator knows limits of CPUs and GPUs only: it drops a GPU that has no selector named `accelerator`, and cannot say memory.

    Args:
        retries: how often ZenML lets the step begin anew.
    """
    pod = stack.pod(step)
    task.set_cpu_request(f"{pod.cpus:g}")
    task.set_memory_request(gib(pod.memory_gib)).set_memory_limit(gib(pod.memory_gib))
    _on_its_node(task, pod)
    if pod.shared_memory_gib:
        kubernetes.empty_dir_mount(task, "shared-memory", SHARED_MEMORY, "Memory", gib(pod.shared_memory_gib))
    if pod.timeout_s:
        kubernetes.set_timeout(task, pod.timeout_s)
    if retries := min(pod.retries, retries):
        within = f"{stack.cluster.timeout_s}s"
        task._task_spec.retry_policy = Retries(retries, f"{BACKOFF_S}s", BACKOFF_FACTOR, within)
    if stack.volume:
        kubernetes.mount_pvc(task, stack.volume.claim, stack.volume.path)
    _as_its_user(task, stack)


def backoff_s(attempts: int) -> float:
    """How long a step waits until it begins anew, after so many attempts."""
    return float(BACKOFF_S * BACKOFF_FACTOR ** (attempts - 1))


class Retries(RetryPolicy):
    """kfp's, without the hour that it cuts them to.

    What kfp calls the longest back-off is to Argo the time for all attempts together, from the first one's start: after it none begins, and
    one that has begun is ended.
    """

    def to_proto(self) -> Any:
        made = super().to_proto()
        made.backoff_max_duration.FromJsonString(self.backoff_max_duration)
        return made


def gib(size: float) -> str:
    """`4Gi`, or `512Mi` where it is no whole number of them."""
    return f"{size:g}Gi" if size == int(size) else f"{round(size * 1024)}Mi"


def _on_its_node(task: PipelineTask, pod: PodConfig) -> None:
    if pod.gpus:
        task.set_accelerator_type(pod.gpu_resource).set_accelerator_limit(pod.gpus)
    for label, value in pod.node_selector.items():
        kubernetes.add_node_selector(task, label, value)
    for one in pod.tolerations:
        kubernetes.add_toleration(task, **one.model_dump(exclude_unset=True))


def _as_its_user(task: PipelineTask, stack: StackConfig) -> None:
    kubernetes.set_security_context(task, run_as_user=USER, run_as_group=USER, run_as_non_root=True)
    kubernetes.add_pod_label(task, "app.kubernetes.io/name", "timbre")
    kubernetes.add_pod_label(task, "app.kubernetes.io/component", "step")
    if secret := stack.cluster.zenml_secret:
        kubernetes.use_secret_as_env(task, secret, {ZENML_KEY: ZENML_KEY})
    if secrets := stack.cluster.image_pull_secrets:
        kubernetes.set_image_pull_secrets(task, list(secrets))
