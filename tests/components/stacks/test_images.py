"""What a registry says of an image, on loopback."""

import pytest

from components.stacks.images import look_for, manifest
from tests.fixtures.listeners import answering


@pytest.mark.parametrize(
    ("status", "state", "said"),
    [
        (200, "ok", "worker:cpu"),
        (404, "wrong", "is not in its registry: make image-worker"),
        (401, "unsure", "image_pull_secrets"),
        (503, "unsure", "answers 503"),
    ],
)
def test_answers(status, state, said):
    with answering(status) as (url, asked):
        answer = look_for(f"{url.removeprefix('http://')}/team/worker:cpu")
    assert (answer.state, said in answer.detail) == (state, True)
    assert asked == ["/v2/team/worker/manifests/cpu"]


def test_a_digest_is_asked_for_by_itself():
    with answering(200) as (url, asked):
        address = url.removeprefix("http://")
        assert look_for(f"{address}/worker@sha256:{'a' * 64}").state == "ok"
        assert look_for(f"{address}/worker").state == "ok"
    assert asked == [f"/v2/worker/manifests/sha256:{'a' * 64}", "/v2/worker/manifests/latest"]


def test_a_registry_that_is_away_is_unsure():
    answer = look_for("127.0.0.1:9/worker:cpu")
    assert (answer.state, "not reached from here" in answer.detail) == ("unsure", True)


DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("image", "full", "url"),
    [
        ("timbre-worker:cpu", "docker.io/library/timbre-worker:cpu", "https://registry-1.docker.io/v2/library/timbre-worker/manifests/cpu"),
        ("me/worker", "docker.io/me/worker:latest", "https://registry-1.docker.io/v2/me/worker/manifests/latest"),
        ("docker.io/python:3.11", "docker.io/library/python:3.11", "https://registry-1.docker.io/v2/library/python/manifests/3.11"),
        ("index.docker.io/me/worker:cpu", "docker.io/me/worker:cpu", "https://registry-1.docker.io/v2/me/worker/manifests/cpu"),
        (f"me/worker:cpu@{DIGEST}", f"docker.io/me/worker@{DIGEST}", f"https://registry-1.docker.io/v2/me/worker/manifests/{DIGEST}"),
        ("ghcr.io/me/worker:cpu", "ghcr.io/me/worker:cpu", "https://ghcr.io/v2/me/worker/manifests/cpu"),
        ("localhost/worker:cpu", "localhost/worker:cpu", "http://localhost/v2/worker/manifests/cpu"),
    ],
)
def test_a_name_without_a_host_is_one_of_docker_hub_as_nodes_read_it(image: str, full: str, url: str):
    assert manifest(image) == (full, url)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("registry:abc/x:1", "registry:abc/x:1 names no registry that there can be: write HOST/NAME:TAG"),
        (f"{'a' * 70}.example.org/x:1", "names no registry that there can be"),
        ("", "'' is no name of an image"),
        ("my worker:cpu", "'my worker:cpu' is no name of an image"),
    ],
)
def test_what_no_registry_can_have_is_wrong(image: str, said: str):
    answer = look_for(image)
    assert (answer.state, said in answer.detail) == ("wrong", True)
