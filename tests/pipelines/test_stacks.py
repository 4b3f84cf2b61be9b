"""Stacks in ZenML: registering twice is registering once, secrets come from the environment, and what a run lacks is said before it."""

import json
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from zenml.exceptions import StackValidationError

from components.errors import ConfigError, S3Error, StackError
from components.stacks import load_stack
from components.stacks.wants import Wants
from pipelines import stack_check, stacks
from tests.fixtures.kubeflow import stack_on
from tests.pipelines.conftest import ROOT, Project
from timbre.cli import stack as command

CRYPT = "ignore:'crypt' is deprecated:DeprecationWarning"  # ZenML's store imports it
REGISTER = f"""
import json
from zenml.client import Client
from components.errors import StackError
from components.stacks import load_stack
from pipelines.stacks import register, registered, secret_values, told_of

def stack(*settings):
    return load_stack({str(ROOT / "configs/stacks/local_s3.yaml")!r}, settings)

said = []
try:
    register("mine", stack(), {{"AWS_ACCESS_KEY_ID": "a"}})
except StackError as error:
    said.append(str(error))
keys = {{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}}
first = register("mine", stack("environment={{A: one, B: two}}"), keys)
again = register("mine", stack("environment={{A: three}}", "artifact_store.path=s3://other/place"), {{"AWS_SECRET_ACCESS_KEY": "c"}})
(store,) = again.components["artifact_store"]
client = Client()
client.create_stack("theirs", {{kind: parts[0].id for kind, parts in client.get_stack("default").components.items()}})
try:
    register("theirs", stack(), keys)
except StackError as error:
    said.append(str(error))
found = {{
    "same": first.id == again.id,
    "stacks": sorted(one.name for one in client.list_stacks().items),
    "components": len(client.list_stack_components(name="mine").items),
    "path": store.configuration["path"],
    "authentication": store.configuration["authentication_secret"],
    "environment": registered("mine").environment,
    "told": told_of(registered("mine")).environment,
    "secrets": secret_values("mine"),
    "of the store": client.get_secret("timbre_s3-mine").secret_values,
    "active": client.active_stack_model.name,
    "said": said,
}}
def left():
    return sorted(one.name for one in client.list_secrets().items)
register("mine-s3", stack(), keys)
register("mine", stack("secrets=[AWS_SECRET_ACCESS_KEY]"))
few = [*left(), *secret_values("mine")]
open_one = register("mine", stack("secrets=[]"))
(open_store,) = open_one.components["artifact_store"]
none = [*left(), *secret_values("mine"), *(open_one.secrets or []), *filter("authentication_secret".__eq__, open_store.configuration)]
print(json.dumps({{**found, "few": few, "none": none}}))
"""


@pytest.mark.slow
def test_registering_twice_is_registering_once_and_leaves_no_secret_that_is_no_longer_named(bare_project: Project):
    found = json.loads(bare_project.python(REGISTER).splitlines()[-1])
    assert found["said"][0].endswith("whose values are not known: set AWS_SECRET_ACCESS_KEY and register it again")
    assert "theirs that was not registered by Timbre" in found["said"][1]
    assert (found["same"], found["stacks"], found["components"], found["active"]) == (True, ["default", "mine", "theirs"], 1, "default")
    assert (found["path"], found["authentication"]) == ("s3://other/place", "timbre_s3-mine")
    assert found["environment"] == found["told"] == {"A": "three"}
    of_another = ["timbre-mine-s3", "timbre_s3-mine-s3"]
    assert found["few"] == ["timbre-mine", *of_another, "AWS_SECRET_ACCESS_KEY"]
    assert found["none"] == of_another
    assert found["secrets"] == {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "c"}
    assert found["of the store"] == {"aws_access_key_id": "a", "aws_secret_access_key": "c"}


@pytest.mark.parametrize("named", ["far", None])
def test_the_active_stack_is_looked_at_like_one_that_is_named(monkeypatch: pytest.MonkeyPatch, named: str | None):
    told = stack_on("http://127.0.0.1:9").model_dump(mode="json", by_alias=True, exclude_unset=True)
    active = SimpleNamespace(name="far", labels={stacks.LABEL: told})
    monkeypatch.setattr(stack_check, "connected", lambda: SimpleNamespace(active_stack_model=active))
    monkeypatch.setattr(stack_check, "use", {"far": active}.__getitem__)
    monkeypatch.setattr(stack_check, "secret_values", lambda _: {})
    with pytest.raises(StackError, match="the stack's store: it would be a folder that other pods do not see"):
        stack_check.take(named, Wants())


def test_pods_would_not_reach_a_zenml_on_this_machine(monkeypatch: pytest.MonkeyPatch):
    told = stack_on("http://127.0.0.1:9").model_dump(mode="json", by_alias=True, exclude_unset=True)
    server = SimpleNamespace(is_local_store=lambda: True)
    monkeypatch.setattr(stack_check, "connected", lambda: SimpleNamespace(zen_store=server))
    monkeypatch.setattr(stack_check, "use", lambda _: SimpleNamespace(name="far", labels={stacks.LABEL: told}))
    monkeypatch.setattr(stack_check, "secret_values", lambda _: {})
    monkeypatch.setattr(stack_check.Check, "require", lambda _: None)
    with pytest.raises(StackError, match="the stack's ZenML: its database lies on this machine, where no pod reaches it: zenml login URL"):
        stack_check.take("far", Wants())


def test_a_stack_that_was_registered_with_a_password_is_refused_without_saying_it():
    told = {"environment": {"TIMBRE_DATABASE_URL": "postgresql://u:hunter2@db.example.org/timbre"}}
    with pytest.raises(ConfigError, match=r"^the stack far as it was registered: environment holds TIMBRE_DATABASE_URL, which") as refused:
        stacks.told_of(SimpleNamespace(name="far", labels={stacks.LABEL: told}))
    assert "hunter2" not in str(refused.value)


def test_of_a_stack_that_was_not_registered_here_nothing_is_asked(monkeypatch: pytest.MonkeyPatch):
    active = SimpleNamespace(name="default", labels=None)
    monkeypatch.setattr(stack_check, "connected", lambda: SimpleNamespace(active_stack_model=active))
    monkeypatch.delattr(stack_check, "use")
    assert not stack_check.take(None, Wants(data=("irmastrain:data/train",))).remote


@pytest.mark.filterwarnings(CRYPT)
@pytest.mark.parametrize("settings", [None, ["environment={A: one}"]])
@pytest.mark.parametrize("labels", [None, {"team": "audio"}])
def test_a_stack_of_others_is_one_row_that_claims_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: list[str] | None, labels: dict[str, str] | None
):
    monkeypatch.setattr(command, "log_to_stderr", lambda: None)
    monkeypatch.setattr("timbre.cli.zenml.prepare", lambda: None)
    monkeypatch.setattr(stacks, "registered", lambda name: SimpleNamespace(name=name, labels=labels))
    command.check(str(ROOT / "configs/stacks/local.yaml"), settings)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert [lines[0], *lines[2:]] == ["what detail", " ".join(stack_check.OF_OTHERS)]
    assert "timbre stack register" in lines[-1]


def test_a_run_takes_a_stack_of_others_as_it_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stack_check, "use", lambda name: SimpleNamespace(name=name, labels=None))
    monkeypatch.setattr(stack_check, "secret_values", lambda _: {})
    assert stack_check.take("theirs", Wants(data=("irmastrain:data/train",))) == stack_check.StackConfig()


def test_what_s3_refuses_the_artifact_store_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    parts = {stacks.TYPES.ARTIFACT_STORE: [SimpleNamespace(configuration={"path": "s3://music/artifacts"})]}
    _active(monkeypatch, parts, "s3://music/artifacts")
    full = OSError(5, "no room")
    full.__cause__ = ClientError({"Error": {"Code": "XMinioStorageFull", "Message": "no room"}}, "PutObject")
    with (
        pytest.raises(S3Error, match="S3 has no room left for s3://music/artifacts: free some"),
        stacks.artifact_sentences(),
    ):
        raise full
    for other in (StackError("as it is"), OSError(28, "no space left on device"), FileNotFoundError("/home/me/data.csv")):
        with pytest.raises(type(other)) as raised, stacks.artifact_sentences():
            raise other
        assert raised.value is other


def test_what_zenml_finds_amiss_in_a_stack_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stacks, "Client", lambda: SimpleNamespace(active_stack_model=SimpleNamespace(name="far")))
    with pytest.raises(StackError) as refused, stacks.artifact_sentences():
        raise StackValidationError("no context named 'x',\n\n  list all\n")
    assert str(refused.value) == "ZenML runs nothing on the stack far, see `timbre stack check far`: no context named 'x', list all"


@pytest.mark.parametrize("place", ["s3://music/artifacts", "/home/me/zenml/local_stores/1"])
def test_what_is_gone_from_the_artifact_store_is_one_sentence(monkeypatch: pytest.MonkeyPatch, place: str):
    _active(monkeypatch, {}, place)
    with (
        pytest.raises(StackError, match=rf"^an artifact is gone \(Could not find artifact at {place}/train/1/data\): the same command"),
        stacks.artifact_sentences(),
    ):
        raise FileNotFoundError(f"Could not find artifact at {place}/train/1/data")


def _active(monkeypatch: pytest.MonkeyPatch, parts: dict[stacks.TYPES, list[SimpleNamespace]], place: str) -> None:
    """The active stack has these parts, and its artifact store lies there."""
    stack = SimpleNamespace(artifact_store=SimpleNamespace(path=place))
    client = SimpleNamespace(active_stack_model=SimpleNamespace(components=parts), active_stack=stack)
    monkeypatch.setattr(stacks, "Client", lambda: client)


@pytest.mark.filterwarnings(CRYPT)
@pytest.mark.parametrize("to_submit", [True, False])
def test_a_compiled_pipeline_that_no_server_knows_is_said_to_be_read_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], to_submit: bool
):
    monkeypatch.setattr(command, "log_to_stderr", lambda: None)
    monkeypatch.setattr("timbre.cli.zenml.prepare", lambda: None)
    monkeypatch.setattr(command, "_take", lambda *_: None)
    monkeypatch.setattr("pipelines.kubeflow.compile.compile_pipeline", lambda *_, **__: to_submit)
    command.compile_("far")
    assert ("to be read only" in capsys.readouterr().out) is not to_submit


@pytest.mark.filterwarnings(CRYPT)
def test_zenml_lets_each_step_begin_anew_as_often_as_its_pod(monkeypatch: pytest.MonkeyPatch):
    from zenml import pipeline, step

    @pipeline
    def training() -> None:
        for name in ("validate", "featurize", "train"):
            step(_nothing, name=name)()

    pods = {"all": {"image": "registry.example.org/worker"}, "train": {"retries": 5}, "validate": {"retries": 2}}
    told = stack_on("http://127.0.0.1:9").model_dump(mode="json", by_alias=True, exclude_unset=True) | {"pods": pods}
    labels: dict[str, object] = {stacks.LABEL: told}
    monkeypatch.setattr(stacks, "Client", lambda: SimpleNamespace(active_stack_model=SimpleNamespace(name="far", labels=labels)))
    made = stacks.on_active_stack(training).with_options(run_name="nightly")
    made.prepare()
    found = {name: one["retry"].max_retries for name, one in made._run_args["step_configurations"].items()}
    assert found == {"validate": 2, "train": 5}
    assert training.configuration.retry is None
    labels.clear()
    assert stacks.on_active_stack(training) is training


@pytest.mark.parametrize(
    ("name", "settings", "registered", "state", "said"),
    [
        ("local", [], False, "ok", "nor need it be: it is ZenML's own default"),
        ("local", [], True, "ok", "registered"),
        ("local", ["environment={A: one}"], False, "wrong", "not registered: timbre stack register local"),
        ("local_s3", [], False, "wrong", "not registered: timbre stack register local_s3"),
    ],
)
def test_what_runs_where_no_stack_is_named_needs_no_registration(name: str, settings: list[str], registered: bool, state: str, said: str):
    told = load_stack(str(ROOT / f"configs/stacks/{name}.yaml"), settings)
    (found,) = stack_check.look(name, told, registered)
    assert (found.state, found.what, said in found.detail) == (state, "stack", True)


def _nothing() -> None:
    """What a step does."""
