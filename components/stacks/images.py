"""Whether a container registry has an image, asked as a node would that pulls it."""

import re
from typing import Literal, NamedTuple

import httpx

PATIENCE_S = 10.0
KINDS = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in ("oci.image.index.v1", "oci.image.manifest.v1", "docker.distribution.manifest.list.v2", "docker.distribution.manifest.v2")
)
NAME = re.compile(r"(?P<host>[^/]+[.:][^/]*|localhost)/(?P<path>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>.+))?")
THERE, ASKS_WHO, GONE = 200, (401, 403), 404
State = Literal["ok", "unsure", "wrong"]


class Answer(NamedTuple):
    """What a registry says of an image."""

    state: State
    detail: str


def look_for(image: str) -> Answer:
    """Ask the registry for an image's manifest; what it shows only to those with a password is unsure from here."""
    found = NAME.fullmatch(image)
    if found is None:
        return Answer("wrong", f"{image} names no registry: write HOST/NAME:TAG, as nodes have no images of this machine")
    scheme = "http" if found["host"].startswith(("localhost", "127.")) else "https"
    url = f"{scheme}://{found['host']}/v2/{found['path']}/manifests/{found['digest'] or found['tag'] or 'latest'}"
    try:
        status = httpx.head(url, headers={"Accept": KINDS}, timeout=PATIENCE_S, follow_redirects=True).status_code
    except httpx.HTTPError as error:
        return Answer("unsure", f"{image}: its registry is not reached from here ({type(error).__name__}); nodes must reach it")
    if status == THERE:
        return Answer("ok", image)
    if status == GONE:
        return Answer("wrong", f"{image} is not in its registry: make image-worker, and push it there")
    if status in ASKS_WHO:
        return Answer("unsure", f"{image}: its registry asks who wants it; nodes need kubeflow.image_pull_secrets, if they have no access")
    return Answer("unsure", f"{image}: its registry answers {status}")
