"""What a pod does before ZenML asks whether its step's result is cached."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from zenml.orchestrators import cache_utils
from zenml.orchestrators.signal_handler import SignalHandler
from zenml.utils import env_utils

from pipelines import cached, signals
from pipelines.kubeflow import entrypoint

KEY = "AWS_SECRET_ACCESS_KEY"
OPTIONS = {"entrypoint_config_source": "-", "snapshot_id": "-", "step_name": "train"}


class Bucket:
    """An artifact store that tells nothing to who has another key."""

    def listdir(self, uri: str) -> list[str]:
        if os.environ.get(KEY) != "kept":
            raise PermissionError(uri)
        return [file.name for file in Path(uri).iterdir()]


@pytest.fixture
def result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """What ZenML finds of `train` in its database, until the pod of that step has begun on a stack that keeps the bucket's key."""
    run = SimpleNamespace(name="train", outputs={"tagger": [SimpleNamespace(uri=str(tmp_path / "tagger"))]})
    client = SimpleNamespace(
        active_project=SimpleNamespace(id=1),
        active_stack=SimpleNamespace(artifact_store=Bucket(), secrets=["timbre-far"], components={}),
        list_run_steps=lambda **_: SimpleNamespace(items=[run]),
        get_secret={"timbre-far": SimpleNamespace(secret_values={KEY: "kept"})}.__getitem__,
    )
    for module in (cached, entrypoint, env_utils):
        monkeypatch.setattr(module, "Client", lambda: client)
    monkeypatch.setattr(cache_utils, "get_cached_step_run", lambda _: run)
    monkeypatch.setattr(cache_utils, "looks_at_cached", False, raising=False)
    monkeypatch.setattr(SignalHandler, "_handle", lambda *_: None)
    monkeypatch.setattr(SignalHandler, "waits_to_stop", False, raising=False)
    monkeypatch.setenv(KEY, "old")
    pod = entrypoint.Entrypoint([word for option, value in OPTIONS.items() for word in (f"--{option}", value)])
    pod._snapshot = SimpleNamespace(step_configurations={"train": SimpleNamespace(config=SimpleNamespace(secrets=[]))})
    pod.prepare_code_environment()
    return run


def test_a_result_that_is_gone_from_the_bucket_is_made_again(result: SimpleNamespace) -> None:
    assert cache_utils.get_cached_step_run("key") is None


def test_a_result_that_lies_in_the_bucket_is_used(result: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "tagger").mkdir()
    (tmp_path / "tagger" / "data.tar.gz").touch()
    assert cache_utils.get_cached_step_run("key") is result


def test_a_signal_waits_until_the_step_can_be_stopped(result: SimpleNamespace) -> None:
    assert SignalHandler._handle.__module__ == signals.__name__
