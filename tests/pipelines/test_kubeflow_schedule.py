"""docs/scale.md's schedule on Kubeflow, typed as the page has it: a recurring run, with what the stack says of its pods."""

import sys

import pytest

from components.stacks import load_stack
from tests.fixtures.buckets import s3_server
from tests.fixtures.kubeflow import kubeflow, pods
from tests.fixtures.pages import ROOT, blocks, read, section
from tests.fixtures.zenml_server import zenml_server
from tests.pipelines.conftest import CONFIG, Project

TOLD = section(read("scale.md"), "On a schedule").partition("**Kubeflow's recurring runs**")[2].partition("\n**")[0]
SNIPPET = "".join(blocks(TOLD))
STACK = load_stack(str(ROOT / "configs/stacks/kubeflow.yaml"))
SECRETS = {"TIMBRE_DATABASE_URL": "postgresql://db.example.org/timbre", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
CRON = "0 0 3 * * *"  # seconds first


@pytest.mark.slow
def test_a_schedule_becomes_a_recurring_run_with_the_stacks_account_and_retries(bare_project: Project):
    folder = bare_project.folder
    (folder / "configs" / "stacks").mkdir(parents=True)
    (folder / "configs" / "stacks" / "kubeflow.yaml").write_text((ROOT / "configs/stacks/kubeflow.yaml").read_text())
    (folder / "my.yaml").write_text(CONFIG.replace(":data/", ":s3://timbre/data/"))
    with kubeflow() as server, s3_server() as s3, zenml_server(folder / "server") as zenml:
        s3.make("timbre")
        own = Project(folder, {**bare_project.environment, **zenml.environment(folder / "client")})
        given = [
            f"kubeflow.host={server.url}",
            "kubeflow.zenml_url=null",
            f"artifact_store.endpoint_url={s3.url}",
            f"environment.AWS_ENDPOINT_URL={s3.url}",
        ]
        settings = [word for one in given for word in ("--set", one)]
        registering = Project(folder, {**own.environment, **SECRETS})
        registering.run(sys.executable, "-m", "timbre", "stack", "register", "kubeflow", *settings)
        own.python(SNIPPET)
    assert server.runs == {}
    ((_, made),) = server.recurring_runs.items()
    assert made["trigger"]["cron_schedule"]["cron"] == CRON
    assert CRON in SNIPPET
    assert made["service_account"] == STACK.cluster.service_account
    assert (made["mode"], made["experiment_id"]) == ("ENABLE", server.experiments["training"])
    steps = pods(made["pipeline_spec"])
    assert {pod.step: pod.retries for pod in steps} == {
        step: STACK.pod(step).retries for step in ("validate", "featurize", "train", "evaluate", "register")
    }
    # Every night for as long as it stands: a token in it would be old by then, and open to whoever reads it.
    assert not any(name.startswith("ZENML_STORE_API") for pod in steps for name in pod.environment)
