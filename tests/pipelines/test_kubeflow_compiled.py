"""The pipeline as Kubeflow gets it: what is in pipelines/kubeflow is what compiles, and says of each pod what the stack's YAML says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from kfp import dsl
from kfp.compiler import Compiler

from components.stacks import ZENML_KEY, load_stack
from pipelines.kubeflow.dressing import SHARED_MEMORY, dress
from tests.fixtures.kubeflow import Pod, pods

ROOT = Path(__file__).parents[2]
STACK = load_stack(str(ROOT / "configs/stacks/kubeflow.yaml"))
SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "DATABASE_URL")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `make kubeflow` writes of the training."""
    return written("training", tmp_path_factory.mktemp("compiled"))


def written(pipeline: str, folder: Path) -> str:
    """The text of a compiled pipeline."""
    file = folder / f"{pipeline}.yaml"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TIMBRE_", "ZENML_", "AWS_"))}
    command = [sys.executable, "-m", "timbre", "stack", "compile", "kubeflow", "--to-read", "--output", str(file), "--pipeline", pipeline]
    environment = {**kept, "PYTHONPATH": str(ROOT), "ZENML_ANALYTICS_OPT_IN": "false"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return file.read_text()


@pytest.fixture(scope="module")
def compiled(text: str) -> dict[str, Pod]:
    spec, platform = yaml.safe_load_all(text)
    return {pod.step: pod for pod in pods({"pipeline_spec": spec, "platform_spec": platform})}


def test_the_file_in_the_repository_is_what_compiles(text: str):
    assert text == (ROOT / "pipelines/kubeflow/training.yaml").read_text(), "make kubeflow, and look at what has changed"


def test_order(compiled: dict[str, Pod]):
    assert list(compiled) == ["validate", "featurize", "train", "evaluate", "register"]


def test_images_cuda_for_training_alone(compiled: dict[str, Pod]):
    assert {step: pod.image for step, pod in compiled.items()} == {step: STACK.pod(step).image for step in compiled}
    assert [step for step, pod in compiled.items() if "cuda" in pod.image] == ["train"]


def test_resources(compiled: dict[str, Pod]):
    asked = {step: pod.spec["resources"] for step, pod in compiled.items()}
    assert {step: one["resourceCpuRequest"] for step, one in asked.items()} == {
        "validate": "2",
        "featurize": "8",
        "train": "8",
        "evaluate": "2",
        "register": "2",
    }
    assert {step: one["resourceMemoryLimit"] for step, one in asked.items()} == {
        "validate": "4Gi",
        "featurize": "8Gi",
        "train": "32Gi",
        "evaluate": "4Gi",
        "register": "4Gi",
    }
    assert asked["train"]["accelerator"] == {"type": "nvidia.com/gpu", "count": "1", "resourceType": "nvidia.com/gpu", "resourceCount": "1"}
    assert [step for step, one in asked.items() if "accelerator" in one] == ["train"]


def test_training_goes_to_nodes_with_gpus(compiled: dict[str, Pod]):
    train = compiled["train"].platform
    assert train["nodeSelector"] == {"labels": {"nvidia.com/gpu.present": "true"}}
    assert train["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    for step, pod in compiled.items():
        assert step == "train" or not pod.platform.keys() & {"nodeSelector", "tolerations"}


def dressed(folder: Path, *settings: str) -> Pod:
    """The pod of `train`, compiled by itself, with what overrides the stack's YAML."""
    told = load_stack(str(ROOT / "configs/stacks/kubeflow.yaml"), settings)

    @dsl.container_component
    def trains() -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image="registry.example.org/worker", command=["true"])

    @dsl.pipeline
    def of_one_step() -> None:
        dress(trains(), "train", told, retries=0)

    Compiler().compile(of_one_step, str(folder / "compiled.yaml"))
    spec, platform = yaml.safe_load_all((folder / "compiled.yaml").read_text())
    (pod,) = pods({"pipeline_spec": spec, "platform_spec": platform})
    return pod


def test_processes_with_a_gpu_each_share_memory(tmp_path: Path):
    pod = dressed(tmp_path, "pods.train.gpus=2", "pods.train.shared_memory_gib=0.5")
    (mounted,) = pod.platform["emptyDirMounts"]
    assert mounted == {"volumeName": "shared-memory", "mountPath": SHARED_MEMORY, "medium": "Memory", "sizeLimit": "512Mi"}
    assert pod.spec["resources"]["accelerator"]["resourceCount"] == "2"


@pytest.mark.parametrize("seconds", ["tolerationSeconds: 300", "toleration_seconds: '300'"])
def test_a_pod_may_stay_for_a_while_on_a_node_that_is_taken_away(tmp_path: Path, seconds: str):
    told = f"pods.train.tolerations=[{{key: spot, operator: Exists, effect: NoExecute, {seconds}}}, {{key: team, value: audio}}]"
    assert dressed(tmp_path, told).platform["tolerations"] == [
        {"key": "spot", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": "300"},
        {"key": "team", "value": "audio"},
    ]


def test_retries(compiled: dict[str, Pod]):
    assert {step: pod.retries for step, pod in compiled.items()} == {step: STACK.pod(step).retries for step in compiled}
    assert compiled["train"].retries > 0


def test_retries_last_as_long_as_the_run_may(text: str):
    spec, _ = yaml.safe_load_all(text)
    policies = [task["retryPolicy"] for task in spec["root"]["dag"]["tasks"].values()]
    assert {one["backoffMaxDuration"] for one in policies} == {f"{STACK.cluster.timeout_s}s"}  # Argo counts it from the first start


def test_scoring_compiles_to_a_pod_of_its_own(tmp_path: Path):
    text = written("prediction", tmp_path)
    assert text == (ROOT / "pipelines/kubeflow/prediction.yaml").read_text(), "make kubeflow, and look at what has changed"
    spec, platform = yaml.safe_load_all(text)
    (pod,) = pods({"pipeline_spec": spec, "platform_spec": platform})
    assert (pod.step, pod.image, pod.retries) == ("score", STACK.pod("score").image, STACK.pod("score").retries)
    assert pod.command[-2:] == ["--step_name", "score"]
    assert [name for name in pod.environment if any(word in name for word in SECRET_WORDS)] == []


def test_environment_without_a_secret(compiled: dict[str, Pod]):
    for pod in compiled.values():
        assert pod.environment.items() >= STACK.environment.items()
        assert pod.environment["ZENML_STORE_URL"] == STACK.cluster.zenml_url
        assert [name for name in pod.environment if any(word in name for word in SECRET_WORDS)] == []
        assert pod.secrets == [(STACK.cluster.zenml_secret, ZENML_KEY, ZENML_KEY)]


def test_pods_run_one_step_each_as_nobody(compiled: dict[str, Pod]):
    for step, pod in compiled.items():
        assert pod.command[:3] == ["python", "-m", "zenml.entrypoints.entrypoint"]
        assert pod.command[-2:] == ["--step_name", step]
        assert "pipelines.kubeflow.entrypoint.Entrypoint" in pod.command
        assert pod.platform["securityContext"] == {"runAsUser": "1034", "runAsGroup": "1034", "runAsNonRoot": True}
        assert pod.platform["podMetadata"]["labels"]["app.kubernetes.io/component"] == "step"
