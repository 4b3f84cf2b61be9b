"""Whether Kubeflow is there and takes who submits is asked before a run."""

from pathlib import Path

import pytest

from pipelines import stack_check, stacks
from tests.fixtures.kubeflow import kubeflow, stack_on


@pytest.mark.parametrize(
    ("path", "state", "said"),
    [
        ("", "ok", "http://127.0.0.1"),
        ("/elsewhere", "wrong", "answers 404 to /apis/v2beta1/healthz: set kubeflow.host to the API's address"),
    ],
)
def test_kubeflow_is_asked(path: str, state: str, said: str):
    with kubeflow() as server:
        found = stack_check.ask_kubeflow(stack_on(server.url + path))
    assert (found.state, said in found.detail) == (state, True)


def test_kubeflow_that_is_away_is_wrong():
    found = stack_check.ask_kubeflow(stack_on("http://127.0.0.1:9"))
    assert (found.state, "gives no answer at http://127.0.0.1:9 (ConnectError)" in found.detail) == ("wrong", True)


def test_a_host_without_a_scheme_is_asked_by_https_as_kfp_does():
    with kubeflow() as server:  # which speaks http alone
        address = server.url.removeprefix("http://")
        found = stack_check.ask_kubeflow(stack_on(address))
    assert (found.state, found.detail.startswith(f"gives no answer at https://{address} (ConnectError)")) == ("wrong", True)


@pytest.mark.parametrize("host", ["http://127.0.0.1:x1/pipeline", "https://[::1", f"https://{'a' * 70}.example.org"])
def test_what_is_no_address_is_wrong(host: str):
    found = stack_check.ask_kubeflow(stack_on(host))
    assert found == ("wrong", "Kubeflow", f"{host} is no address: set kubeflow.host to the API's, as https://kubeflow.example.org/pipeline")


CONTEXTS = """
apiVersion: v1
kind: Config
current-context: here
clusters: [{name: one, cluster: {server: "https://127.0.0.1:9"}}]
users: [{name: me, user: {}}]
contexts: [{name: here, context: {cluster: one, user: me}}]
"""


@pytest.mark.parametrize(
    ("contexts", "name", "state", "said"),
    [
        (CONTEXTS, "here", "unsure", "is asked through the context here"),
        (CONTEXTS, "there", "wrong", "has no context there: set kubeflow.context to one that it has (here)"),
        (
            None,
            "here",
            "wrong",
            "the context here is looked for in vain (Invalid kube-config file. No configuration found.): set KUBECONFIG",
        ),
        ("", "here", "wrong", "the context here is looked for in vain"),
        ("a: [", "here", "wrong", "the context here is looked for in vain"),
    ],
)
def test_a_context_is_one_of_kubectls_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, contexts: str | None, name: str, state: str, said: str
):
    if contexts is not None:
        (tmp_path / "config").write_text(contexts)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "config"))
    found = stack_check.ask_kubeflow(stack_on(context=name))
    assert (found.state, said in found.detail) == (state, True), found


@pytest.mark.parametrize(
    ("token", "state", "said"),
    [
        ("good", "ok", "http://127.0.0.1"),
        ("old", "wrong", "does not take KUBEFLOW_TOKEN (401): set one that is still good"),
        (None, "unsure", "asks who submits: set KUBEFLOW_TOKEN"),
    ],
)
def test_kubeflow_is_asked_with_the_token_that_submits(token: str | None, state: str, said: str):
    with kubeflow() as server:
        server.token = "good"
        found = stack_check.ask_kubeflow(stack_on(server.url), token)
    assert (found.state, said in found.detail) == (state, True)


def test_the_token_is_of_the_stack_or_of_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stacks, "secret_values", {"mine": {"KUBEFLOW_TOKEN": "kept"}, "other": {}}.__getitem__)
    monkeypatch.setenv("KUBEFLOW_TOKEN", "set")
    assert [stacks.kubeflow_token(name) for name in ("mine", "other")] == ["kept", "set"]
