"""A compiled pipeline, submitted through kfp's client, is run as it is: each pod a process, with S3 and ZenML's server between them."""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import pytest
import yaml

from components.registry import Registry
from components.registry.jobs import Jobs
from tests.fixtures.buckets import Server, s3_server
from tests.fixtures.kubeflow import Containers, Executor, Kubeflow, Pod, kubeflow, pods
from tests.fixtures.podman import NEEDS_PODMAN, build
from tests.fixtures.postgres import postgres
from tests.fixtures.running import free_port, until
from tests.fixtures.zenml_server import ZenmlServer, zenml_server
from tests.pipelines.conftest import CONFIG, ROOT, Project, write_data

pytestmark = [pytest.mark.slow, pytest.mark.timeout(5400)]  # each wait has its own limit, and the fixtures count too
STEPS = ["validate", "featurize", "train", "evaluate", "register"]
SECRET = "timbre-zenml"
IMAGE = "localhost/timbre-worker:test"  # stands for all that the stack names, as nothing here has a GPU
IMAGES = {step: f"registry.example.org/timbre-worker:{'cuda' if step == 'train' else 'cpu'}" for step in STEPS}
PATIENCE_S = 300
# Long enough for a kill between two checkpoints.
TRAINING = {"max_steps": 400, "val_every_steps": 80, "batch_size": 4, "engine": "torch"}
SHORT = ("training.max_steps=4", "training.val_every_steps=2")
GONE_ON = "going on from the checkpoint"
BEGUN = "has started"


@dataclass(frozen=True)
class Cluster:
    """All that a run needs; pods share nothing but a bucket, the database and ZenML's server."""

    project: Project
    kubeflow: Kubeflow
    s3: Server
    zenml: ZenmlServer
    database: str
    told: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Of whoever registers stacks and asks for trainings."""
        return {**self.project.environment, **self.zenml.environment(self.project.folder / "client")}

    def timbre(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "timbre", *words]
        environment = {**self.environment, **variables}
        return subprocess.run(command, cwd=self.project.folder, env=environment, capture_output=True, text=True, check=False)

    @contextlib.contextmanager
    def submitted(self, *words: str) -> Iterator[str]:
        """The run that `timbre train --stack kubeflow` and these words has submitted; the command must end well when this does."""
        before = set(self.kubeflow.runs)
        command = [sys.executable, "-m", "timbre", "train", "--stack", "kubeflow", *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(command, cwd=self.project.folder, env=self.environment, **pipes) as asked:
            try:
                until(lambda: set(self.kubeflow.runs) - before or asked.poll() is not None, PATIENCE_S)
                assert set(self.kubeflow.runs) - before, asked.communicate()[0]
                (name,) = set(self.kubeflow.runs) - before
                yield name
                self.told.append(asked.communicate(timeout=PATIENCE_S)[0])
            finally:
                asked.kill()
        assert asked.returncode == 0, self.told[-1]

    def executor(self, name: str) -> Executor:
        image = {"PYTHONPATH": str(self.project.folder), "ZENML_CUSTOM_SOURCE_ROOT": str(self.project.folder), "OMP_WAIT_POLICY": "PASSIVE"}
        return Executor(self.project.folder / "pods" / name, image, {SECRET: {"ZENML_STORE_API_KEY": self.zenml.key}})

    def checkpoints(self) -> list[str]:
        found = self.s3.client.list_objects_v2(Bucket="timbre", Prefix="artifacts/timbre-checkpoints/")
        return [one["Key"] for one in found.get("Contents", ()) if one["Key"].endswith("last.ckpt")]


@pytest.fixture(scope="module")
def cluster(bare_project: Project) -> Iterator[Cluster]:
    folder = bare_project.folder
    write_data(folder / "data")
    kinds = {"train": "irmastrain", "val": "irmastest", "test": "irmastest"}
    data = {split: [f"{kind}:s3://timbre/data/{split}"] for split, kind in kinds.items()}
    (folder / "configs" / "stacks").mkdir(parents=True)
    (folder / "configs" / "stacks" / "kubeflow.yaml").write_text((ROOT / "configs" / "stacks" / "kubeflow.yaml").read_text())
    (folder / "configs" / "sample.yaml").write_text(yaml.safe_dump({**yaml.safe_load(CONFIG), "data": data, "training": TRAINING}))
    with ExitStack() as held:
        server, s3 = held.enter_context(kubeflow()), held.enter_context(s3_server())
        s3.make("timbre")
        for file in (path for path in (folder / "data").rglob("*") if path.is_file()):
            s3.put(file.relative_to(folder).as_posix(), file.read_bytes(), "timbre")
        shutil.rmtree(folder / "data")
        database, zenml = held.enter_context(postgres(free_port())), held.enter_context(zenml_server(folder / "server"))
        found = Cluster(bare_project, server, s3, zenml, database)
        given = [
            f"kubeflow.host={server.url}",
            "kubeflow.zenml_url=null",
            f"artifact_store.endpoint_url={s3.url}",
            f"environment.AWS_ENDPOINT_URL={s3.url}",
        ]
        secrets = {"TIMBRE_DATABASE_URL": database, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        done = found.timbre("stack", "register", "kubeflow", *(word for one in given for word in ("--set", one)), **secrets)
        assert done.returncode == 0, done.stdout + done.stderr
        yield found


def test_a_run_through_what_goes_wrong_comes_to_what_a_run_here_comes_to(cluster: Cluster):
    """Its training is evicted, the API is away for some questions, and ZenML's server is killed while a step runs."""
    executor, killed = cluster.executor("first"), []

    def disturb(process: "subprocess.Popen[bytes]", pod: Pod, attempt: int) -> None:
        if (pod.step, attempt) == ("featurize", 0):
            cluster.kubeflow.broken = 2
        if (pod.step, attempt) == ("evaluate", 0):
            until(lambda: BEGUN in executor.log("evaluate") or process.poll() is not None, PATIENCE_S)
            cluster.zenml.kill()
            cluster.zenml.start()
        if (pod.step, attempt) == ("train", 0):
            until(lambda: cluster.checkpoints() or process.poll() is not None, PATIENCE_S)
            process.send_signal(signal.SIGKILL)
            killed.append(process.wait())

    with cluster.submitted() as name:
        compiled = cluster.kubeflow.runs[name]["pipeline_spec"]
        assert [pod.step for pod in pods(compiled)] == STEPS
        executor.run(cluster.kubeflow, name, disturb)
    assert killed == [-signal.SIGKILL]
    assert GONE_ON in executor.log("train", 1)
    assert (cluster.checkpoints(), cluster.kubeflow.broken) == ([], 0)
    with Registry(cluster.database) as registry:
        (job,) = Jobs(registry.database).list().items
    assert (job.state, job.by_hand, job.run) == ("succeeded", True, f"{cluster.kubeflow.url}/#/runs/details/{name}")
    assert job.model is not None
    there = json.loads((cluster.project.folder / "metrics.json").read_text())

    here = replace(cluster.project, environment={**cluster.project.environment, **cluster.s3.environment}).run(
        sys.executable, "-m", "timbre", "train"
    )
    assert json.loads((cluster.project.folder / "metrics.json").read_text()) == pytest.approx(there, abs=1e-6)
    digest = here.stdout.partition("sha256 ")[2].split()[0]
    assert f"sha256 {digest}" in cluster.told[0]


def cached(executor: Executor) -> list[str]:
    return [step for step in STEPS if "Using cached version of step" in executor.log(step)]


@NEEDS_PODMAN
def test_every_step_works_in_the_image_that_is_named_for_it_and_what_it_made_is_not_made_again(cluster: Cluster):
    """Another rate makes another store, so that no step finds its work done by the run before."""
    build("bentos.image.worker", IMAGE)
    other = [word for one in (*SHORT, "audio.sample_rate=16000") for word in ("--set", one)]
    plain = cluster.executor("in-images")
    executor = Containers(plain.folder, {}, plain.secrets, dict.fromkeys(IMAGES.values(), IMAGE))
    with cluster.submitted(*other) as name:
        assert {pod.step: pod.image for pod in pods(cluster.kubeflow.runs[name]["pipeline_spec"])} == IMAGES
        executor.run(cluster.kubeflow, name)
    assert cached(executor) == []
    assert [step for step in STEPS if BEGUN in executor.log(step)] == STEPS

    again = cluster.executor("again")
    with cluster.submitted(*other) as name:
        again.run(cluster.kubeflow, name)
    assert cached(again) == ["featurize", "train", "evaluate"]
