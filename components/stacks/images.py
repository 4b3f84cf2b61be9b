"""Whether a container registry has an image, asked as a node would that pulls it."""

import re
from typing import Literal, NamedTuple

import httpx

PATIENCE_S = 10.0
KINDS = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in ("oci.image.index.v1", "oci.image.manifest.v1", "docker.distribution.manifest.list.v2", "docker.distribution.manifest.v2")
)
NAME = re.compile(r"(?:(?P<host>[^/]+[.:][^/]*|localhost)/)?(?P<path>[^:@\s]+)(?::(?P<tag>[^@\s]+))?(?:@(?P<digest>\S+))?")
HUB, HUB_ANSWERS_AT = "docker.io", "registry-1.docker.io"
THERE, ASKS_WHO, GONE = 200, (401, 403), 404
State = Literal["ok", "unsure", "wrong"]


class Answer(NamedTuple):
    """What a registry says of an image."""

    state: State
    detail: str


def manifest(image: str) -> tuple[str, str] | None:
    """An image's name in full, and the address of its manifest; None where it is no name of an image.

    A name without a host is one of Docker Hub, and one without a folder lies in its `library`, as nodes read it.
    """
    found = NAME.fullmatch(image)
    if found is None:
        return None
    host, path, version = found["host"] or HUB, found["path"], found["digest"] or found["tag"] or "latest"
    if host in (HUB, f"index.{HUB}"):
        host, path = HUB, path if "/" in path else f"library/{path}"
    scheme = "http" if host.startswith(("localhost", "127.")) else "https"
    full = f"{host}/{path}{'@' if found['digest'] else ':'}{version}"
    return full, f"{scheme}://{HUB_ANSWERS_AT if host == HUB else host}/v2/{path}/manifests/{version}"


def look_for(image: str) -> Answer:
    """Ask the registry for an image's manifest; what it shows only to those with a password is unsure from here."""
    if (found := manifest(image)) is None:
        return Answer("wrong", f"{image!r} is no name of an image: write HOST/NAME:TAG, of a registry that nodes reach")
    full, url = found
    try:
        status = httpx.head(url, headers={"Accept": KINDS}, timeout=PATIENCE_S, follow_redirects=True).status_code
    except (httpx.InvalidURL, UnicodeError):  # the second of a host's name that no name can be
        return Answer("wrong", f"{image} names no registry that there can be: write HOST/NAME:TAG or HOST:PORT/NAME:TAG")
    except httpx.HTTPError as error:
        return Answer("unsure", f"{full}: its registry is not reached from here ({type(error).__name__}); nodes must reach it")
    if status == THERE:
        return Answer("ok", full)
    if status == GONE:
        return Answer("wrong", f"{full} is not in its registry: make image-worker, and push it there")
    if status in ASKS_WHO:
        return Answer("unsure", f"{full}: its registry asks who wants it; nodes need kubeflow.image_pull_secrets, if they have no access")
    return Answer("unsure", f"{full}: its registry answers {status}")
