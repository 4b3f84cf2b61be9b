"""Stacks: what their files say, what is refused, and what each step's pod comes to."""

from pathlib import Path

import pytest
import yaml

from components.errors import ConfigError
from components.stacks import load_stack, parse_stack, stack_path, steps

FILES = sorted((Path(__file__).parents[3] / "configs/stacks").glob("*.yaml"))
KUBEFLOW = yaml.safe_load(next(file for file in FILES if file.stem == "kubeflow").read_text())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_loads(file):
    assert load_stack(str(file)).remote == (file.stem == "kubeflow")


def test_there_are_files():
    assert {file.stem for file in FILES} == {"local", "local_s3", "kubeflow"}


def test_steps_are_those_that_there_are():
    folder = Path(__file__).parents[3] / "steps"
    doors = {file.stem for file in folder.glob("*.py") if "\n@step" in file.read_text()}
    assert set(steps()) == doors


def test_a_step_says_what_differs_from_all():
    stack = parse_stack(KUBEFLOW, "here")
    train, evaluate = stack.pod("train"), stack.pod("evaluate")
    assert (train.gpus, train.retries, train.image) == (1, 5, "registry.example.org/timbre-worker:cuda")
    assert evaluate == stack.pods.all
    assert stack.pod("featurize").image == stack.pods.all.image
    assert stack.pod("featurize").memory_gib == 8


def test_overrides_have_the_last_word():
    stack = load_stack(str(stack_path("kubeflow")), ["pods.train.gpus=2", "kubeflow.host=http://127.0.0.1:1"])
    assert stack.pod("train").gpus == 2
    assert stack.cluster.host == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kubeflow": None}, "a stack with Kubeflow lacks kubeflow: add it"),
        ({"container_registry": None, "artifact_store": None}, "lacks artifact_store, container_registry: add it"),
        ({"kubeflow": {"host": None}}, "kubeflow: name a host or a context, and not both"),
        ({"artifact_store": {"path": "/srv/artifacts"}}, "artifact_store.path: write s3://BUCKET/PREFIX"),
        ({"artifact_store": {"path": "s3:///artifacts"}}, "artifact_store.path: write s3://BUCKET/PREFIX"),
        ({"pods": {"all": {}}}, "no image is named for validate, "),
        ({"pods": {"all": {"image": "a/b"}, "trian": {}}}, "unknown key pods.trian"),
        ({"environment": {"AWS_SECRET_ACCESS_KEY": "x"}}, "environment holds AWS_SECRET_ACCESS_KEY, which others would read"),
        ({"environment": {"TIMBRE_DATABASE_URL": "x"}}, "environment holds TIMBRE_DATABASE_URL, which others would read"),
        ({"kubeflow": {"host": "https://ann:hunter2@kubeflow"}}, "kubeflow.host holds a password, which others would read"),
        (
            {"artifact_store": {"path": "s3://a/b", "endpoint_url": "http://ann:hunter2@s3"}},
            "artifact_store.endpoint_url holds a password, which others would read",
        ),
        ({"orchestrator": "airflow"}, "orchestrator: input should be 'local' or 'kubeflow'"),
    ],
)
def test_what_is_refused_and_how(changes, said):
    with pytest.raises(ConfigError, match=said.replace("(", r"\(")) as refused:
        parse_stack({**KUBEFLOW, **changes}, "stack.yaml")
    assert str(refused.value).startswith("stack.yaml: ")
    assert "hunter2" not in str(refused.value)


def tolerating(**toleration: object) -> dict[str, object]:
    return {**KUBEFLOW, "pods": {**KUBEFLOW["pods"], "train": {"tolerations": [toleration]}}}


@pytest.mark.parametrize(
    ("toleration", "said"),
    [
        ({"key": "spot", "operator": "exists"}, ".operator: input should be 'Equal' or 'Exists'"),
        ({"key": "spot", "effect": "NoSchedul"}, ".effect: input should be 'NoSchedule', 'PreferNoSchedule' or 'NoExecute'"),
        ({"key": "spot", "effekt": "NoSchedule"}, ".effekt"),
        ({"key": "spot", "operator": "Exists", "value": "x"}, ": operator Exists goes with no value: leave x out, or write operator Equal"),
        ({"effect": "NoSchedule"}, ": operator Equal needs a key: name the taint's key, or write operator Exists for every taint"),
        ({"key": "", "value": "x"}, ": operator Equal needs a key"),
        ({"key": "spot", "tolerationSeconds": 0}, ": toleration_seconds goes with effect NoExecute alone"),
        ({"key": "spot", "effect": "NoSchedule", "toleration_seconds": 300}, ": toleration_seconds goes with effect NoExecute alone"),
        ({"key": "spot", "effect": "NoExecute", "tolerationSeconds": "soon"}, ".tolerationSeconds: input should be a valid integer"),
        ({"key": "spot", "effect": "NoExecute", "tolerationSeconds": 1, "toleration_seconds": 2}, ".tolerationSeconds"),
    ],
)
def test_a_toleration_that_kubernetes_would_refuse_is_refused_by_its_key(toleration, said):
    with pytest.raises(ConfigError) as refused:
        parse_stack(tolerating(**toleration), "stack.yaml")
    key = "pods.train.tolerations.0"
    assert str(refused.value).startswith((f"stack.yaml: {key}{said}", f"stack.yaml: unknown key {key}{said}"))


@pytest.mark.parametrize("seconds", [{"tolerationSeconds": 300}, {"toleration_seconds": 300}, {"toleration_seconds": "300"}], ids=str)
def test_a_toleration_takes_the_spelling_of_kubernetes_and_is_kept_in_one(seconds):
    stack = parse_stack(tolerating(key="spot", operator="Exists", effect="NoExecute", **seconds), "here")
    kept = stack.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert kept["pods"]["train"]["tolerations"] == [{"key": "spot", "operator": "Exists", "effect": "NoExecute", "toleration_seconds": 300}]
    assert parse_stack(kept, "as kept") == stack


@pytest.mark.parametrize("said", [{"operator": "Exists"}, {"key": "gpu", "effect": "", "value": None}], ids=str)
def test_a_toleration_of_every_taint_and_of_every_effect_is_taken(said):
    (one,) = parse_stack(tolerating(**said), "here").pod("train").tolerations
    assert (one.effect, one.value, one.toleration_seconds) == (None, "", None)


def test_an_unknown_stack_names_those_that_there_are():
    with pytest.raises(ConfigError, match=r"no stack 'kubflow' .*did you mean 'kubeflow'.*there are: kubeflow, local, local_s3"):
        load_stack("kubflow")


def test_a_local_stack_has_no_cluster():
    with pytest.raises(ConfigError, match="runs nothing on Kubeflow"):
        _ = load_stack("local").cluster
