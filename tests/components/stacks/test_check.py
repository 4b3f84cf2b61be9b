"""What a stack lacks is said in its table: buckets on a real S3 server, the database, and what no pod could read."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from components.config import Config, DataConfig, load_config
from components.errors import StackError
from components.stacks import StackConfig, parse_stack
from components.stacks.check import Check, Finding
from components.stacks.wants import Wants
from tests.fixtures.buckets import Server, s3_environment
from tests.fixtures.listeners import answering

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
SECRETS = {"TIMBRE_DATABASE_URL": "postgresql://timbre:not-asked@127.0.0.1:9/timbre", **KEYS}
ELSEWHERE = b"<Error><Code>AuthorizationHeaderMalformed</Code><Message>expecting 'eu-central-1'</Message></Error>"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    with s3_environment(monkeypatch, tmp_path / "mirror", "music") as found:
        yield found


def stack(**changes: object) -> StackConfig:
    values = {
        "orchestrator": "kubeflow",
        "kubeflow": {"host": "https://kubeflow.example.org"},
        "artifact_store": {"path": "s3://music/artifacts"},
        "container_registry": "registry.example.org",
        "environment": {"TIMBRE_STORE": "s3://music/store", "TIMBRE_MODELS": "s3://music/models"},
        "secrets": list(SECRETS),
        "pods": {"all": {"image": "127.0.0.1:9/worker:cpu"}},
    }
    return parse_stack({**values, **changes}, "stack.yaml")


def found(told: StackConfig, secrets: dict[str, str] = SECRETS, data: DataConfig | None = None) -> dict[str, Finding]:
    wants = Wants.of_training(Config(data=data)) if data else Wants()
    return {one.what: one for one in Check(told, secrets, wants).findings()}


def test_what_is_there_and_what_is_unsure(server: Server):
    table = found(stack())
    assert {what: one.state for what, one in table.items()} == {
        "extra kubeflow": "ok",
        "extra s3": "ok",
        "secrets": "ok",
        "artifact store": "ok",
        "store": "ok",
        "models": "ok",
        "database": "unsure",  # pods may reach what is not reached from here
        "image": "unsure",
    }
    assert "pods must reach it" in table["database"].detail
    assert "Contents" not in server.client.list_objects_v2(Bucket="music")


def test_wrong_credentials_are_told_from_a_missing_bucket(server: Server):
    lost = found(stack(artifact_store={"path": "s3://musik/artifacts"}))["artifact store"]
    assert (lost.state, lost.detail) == ("wrong", "there is no bucket musik: make it, or check its name")
    switch = f"{server.url}/moto-api/reset-auth"
    httpx.post(switch, content="0", trust_env=False, timeout=60).raise_for_status()
    try:
        wrong = found(stack())
    finally:
        httpx.post(switch, content="inf", trust_env=False, timeout=60).raise_for_status()
    for what in ("artifact store", "store", "models"):
        assert wrong[what].state == "wrong"
        assert "S3 does not know these credentials (InvalidAccessKeyId)" in wrong[what].detail


@pytest.mark.parametrize("also", [None, "AWS_ENDPOINT_URL_S3"])
def test_a_bucket_in_another_region_is_said(server: Server, monkeypatch: pytest.MonkeyPatch, also: str | None):
    """By the S3 that the stack names, whichever this process is told of."""
    if also:
        monkeypatch.setenv(also, server.url)
    with answering(400, ELSEWHERE) as (url, _):
        table = found(stack(artifact_store={"path": "s3://music/artifacts", "endpoint_url": url}))
    assert table["artifact store"].state == "wrong"
    assert "lies in another region" in table["artifact store"].detail
    assert table["store"].state == "ok"  # its endpoint is another


@pytest.mark.parametrize("url", ["", "sqlite:////srv/timbre.db"])
def test_pods_do_not_share_sqlite(server: Server, url: str):
    database = found(stack(secrets=list(KEYS), environment={"TIMBRE_DATABASE_URL": url}), KEYS)["database"]
    assert database.state == "wrong"
    assert "other pods do not see: set TIMBRE_DATABASE_URL to PostgreSQL's URL" in database.detail


def test_pods_do_not_share_folders_unless_they_mount_them(server: Server):
    folders = {"TIMBRE_STORE": "/srv/timbre/store"}
    table = found(stack(environment=folders))
    assert (
        table["store"].detail
        == "/srv/timbre/store is a folder that other pods do not see: set environment.TIMBRE_STORE to s3://BUCKET/PREFIX"
    )
    assert (table["models"].state, "it would be a folder" in table["models"].detail) == ("wrong", True)
    mounted = found(stack(environment=folders, volume={"claim": "timbre", "path": "/srv/timbre"}))
    assert (mounted["store"].state, mounted["models"].state) == ("ok", "wrong")


def test_data_lie_where_pods_see_them(server: Server):
    server.put("train/cel/1.wav", b"-", "music")
    here = found(stack(), data=DataConfig(train=("irmastrain:data/train", "irmastrain:s3://music/train")))["data"]
    assert (here.state, here.detail) == ("wrong", "no pod sees data/train: copy it to a bucket, and name it as TYPE:s3://BUCKET/PREFIX")
    assert found(stack(), data=DataConfig(train=("irmastrain:s3://music/train",)))["data"].state == "ok"
    assert found(stack(), data=DataConfig(train=("irmastrain:s3://musik/train",)))["data"].state == "wrong"


@pytest.mark.parametrize(
    ("spec", "state"),
    [
        ("irmastrain:s3://music/train", "ok"),
        ("irmastrain:s3://music/train/", "ok"),
        ("irmastrain:s3://music", "ok"),
        ("csv:s3://music/lists/a.csv", "ok"),
        ("csv:s3://music/lists/*.csv", "ok"),
        ("irmastrain:s3://music/trian", "wrong"),
        ("irmastrain:s3://music/trai", "wrong"),  # a part of a name is none
        ("irmastrain:s3://music/empty", "wrong"),  # a folder's mark is nothing
        ("csv:s3://music/lists/b.csv", "wrong"),
        ("csv:s3://music/list/*.csv", "wrong"),
    ],
)
def test_data_are_looked_for_under_their_prefix(server: Server, spec: str, state: str):
    for key in ("train/cel/1.wav", "lists/a.csv", "empty/"):
        server.put(key, b"-", "music")
    data = found(stack(), data=DataConfig(test=(spec,)))["data"]
    address = spec.partition(":")[2]
    nothing = f"nothing lies at {address}: check how it is spelt, or copy the data there"
    assert (data.state, data.detail) == (state, address if state == "ok" else nothing)


def test_an_unknown_type_of_data_is_said():
    (data,) = (one for one in Check(stack(), SECRETS, Wants(data=("irmas:s3://music/train",)), ask=False).findings() if one.what == "data")
    assert (data.state, "unknown type 'irmas'" in data.detail) == ("wrong", True)


NOISY = [{"name": "BACKGROUND_NOISE", "params": {"noise_folder": "noises"}}]


@pytest.mark.parametrize(
    ("values", "key", "path"),
    [
        ({"model.pretrained": "taggers/first"}, "model.pretrained", "taggers/first"),
        ({"training.ckpt": "models/03-01_sample"}, "training.ckpt", "models/03-01_sample"),
        ({"training.augmentations": NOISY}, "training.augmentations.params.noise_folder", "noises"),
        ({"model.params": {"weights": "~/ast"}}, "model.params.weights", "~/ast"),
        ({"model.params": {"options": {"vocabulary": "./words"}}}, "model.params.options.vocabulary", "./words"),
        ({"training.loss_params": {"priors": "data/priors.csv"}}, "training.loss_params.priors", "data/priors.csv"),
    ],
)
def test_what_a_training_reads_beside_its_data_lies_where_pods_see_it(values: dict[str, object], key: str, path: str):
    wants = Wants.of_training(load_config(overrides=values))
    with pytest.raises(StackError) as refused:
        Check(stack(), SECRETS, wants, ask=False).require()
    assert str(refused.value) == f"the stack's {key}: no pod sees {path}: put it on a claim that all pods mount (volume), and name it there"
    Check(parse_stack({"orchestrator": "local"}, "local.yaml"), {}, wants, ask=False).require()


def test_what_lies_on_the_claim_of_all_pods_is_taken():
    volume = {"claim": "timbre", "path": "/shared"}
    noise = [{"name": "BACKGROUND_NOISE", "params": {"noise_folder": "/shared/noises"}}, {"name": "COLOR_NOISE"}]
    config = load_config(overrides={"model.pretrained": "/shared/taggers/first", "training.augmentations": noise})
    Check(stack(volume=volume), SECRETS, Wants.of_training(config), ask=False).require()


@pytest.mark.parametrize("pretrained", ["none", "hub"])
def test_names_are_no_paths(pretrained: str):
    parts = {"model.name": "timm/convnext_tiny", "training.backbone_after": "stages/3", "model.params": {"widths": [8, 8]}}
    config = load_config(overrides={"model.pretrained": pretrained, **parts})
    Check(stack(), SECRETS, Wants.of_training(config), ask=False).require()


def test_fetched_weights_lie_on_the_claim_of_all_pods():
    wants = Wants.of_training(load_config(overrides={"model.pretrained": "aisfx"}))
    with pytest.raises(StackError, match=r"no pod sees the weights aisfx: let environment\.TIMBRE_MIRROR be on a claim"):
        Check(stack(), SECRETS, wants, ask=False).require()
    places = {"TIMBRE_STORE": "s3://music/store", "TIMBRE_MODELS": "s3://music/models", "TIMBRE_MIRROR": "/shared/mirror"}
    Check(stack(environment=places, volume={"claim": "timbre", "path": "/shared"}), SECRETS, wants, ask=False).require()


def test_scores_go_where_pods_share_them(tmp_path: Path):
    data = {"prediction.data": ["s3://music/incoming"]}
    with pytest.raises(StackError, match=r"prediction\.out: scores is a folder that other pods do not see: set prediction\.out to s3://"):
        Check(stack(), SECRETS, Wants.of_scoring(load_config(overrides=data)), ask=False).require()
    there = {**data, "prediction.out": "s3://music/scores"}
    Check(stack(), SECRETS, Wants.of_scoring(load_config(overrides=there)), ask=False).require()
    (tmp_path / "tagger.json").write_text("{}")
    mine = load_config(overrides={**there, "prediction.model": str(tmp_path)})
    with pytest.raises(StackError, match=r"prediction\.model: no pod sees "):
        Check(stack(), SECRETS, Wants.of_scoring(mine), ask=False).require()


def test_a_configuration_without_clips_to_score_is_one_for_training():
    config = load_config(overrides={"data.train": ["irmastrain:s3://music/train"]})
    assert Wants.of(config) == Wants.of_training(config)
    both = Wants.of(load_config(overrides={"data.train": ["irmastrain:s3://music/train"], "prediction.data": ["s3://music/incoming"]}))
    assert (both.data, both.out) == (("irmastrain:s3://music/train", "s3://music/incoming"), "scores")


def test_a_secret_without_a_value_is_named(server: Server):
    secrets = found(stack(), {**SECRETS, "AWS_SECRET_ACCESS_KEY": ""})["secrets"]
    assert (secrets.state, "no value is known of AWS_SECRET_ACCESS_KEY" in secrets.detail) == ("wrong", True)


def test_before_a_run_nothing_is_asked_and_the_first_wrong_one_is_raised():
    Check(stack(), SECRETS, ask=False).require()
    with pytest.raises(StackError, match=r"the stack's database: none is named, and a SQLite file other pods do not see"):
        Check(stack(secrets=list(KEYS)), KEYS, ask=False).require()


def test_a_local_stack_needs_nothing():
    local = parse_stack({"orchestrator": "local"}, "local.yaml")
    assert {one.state for one in found(local, {}, DataConfig(train=("irmastrain:data/train",))).values()} == {"ok"}


@pytest.mark.parametrize(
    ("set_here", "changes", "data", "told"),
    [
        ({}, {}, "s3://music/sets", True),
        ({}, {}, "sets", False),
        ({"AWS_ACCESS_KEY_ID": "test"}, {}, "s3://music/sets", False),
        ({"AWS_PROFILE": "me"}, {}, "s3://music/sets", False),
        ({}, {"secrets": []}, "s3://music/sets", False),
        ({}, {"orchestrator": "kubeflow"}, "s3://music/sets", False),
    ],
)
def test_a_shell_without_the_stack_s_credentials_is_said(
    monkeypatch: pytest.MonkeyPatch, set_here: dict[str, str], changes: dict[str, object], data: str, told: bool
):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in set_here.items():
        monkeypatch.setenv(name, value)
    asked = stack(**{"orchestrator": "local", **changes})
    rows = {one.what: one for one in Check(asked, SECRETS, Wants(data=(f"irmastrain:{data}",)), ask=False).findings()}
    assert ("shell" in rows) == told
    if told:
        assert (rows["shell"].state, "commands without --stack" in rows["shell"].detail) == ("unsure", True)
