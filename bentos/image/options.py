"""What both images are built with: the arguments of `make`, PyTorch's variant, wheels and certificates of the machine that builds."""

import argparse
import os
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
BASE = "docker.io/library/python:3.11-slim"
UV_VERSION = "0.13.8"
VARIANTS = ("cpu", "cuda")
CODE = ["bentos/**", "components/**", "timbre/**", "configs/**", "pyproject.toml"]
NO_CODE = ["**/__pycache__/**", "**/*.pyc"]


def arguments(what: str) -> argparse.ArgumentParser:
    """The arguments that both have."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--variant", choices=VARIANTS, default="cpu", help="which build of PyTorch")
    parser.add_argument("--backend", choices=["podman", "docker"], default="podman" if shutil.which("podman") else "docker")
    parser.add_argument("--base", default=BASE, help="a Debian image with Python 3.11 and its venv module")
    parser.add_argument("--tag", help="name of the image")
    return parser


def lock(image: str, variant: str) -> str:
    """The file with the pins of `serve` or `worker`."""
    return f"requirements-{image}{'' if variant == 'cpu' else '-' + variant}.lock"


def build_options(variant: str, backend: str) -> dict[str, tuple[str, ...]]:
    """Option of `podman build` and `docker build` -> its values.

    The wheels of PIP_FIND_LINKS' folder come before PyTorch's own index, and SSL_CERT_FILE's certificates hold while packages come in.
    """
    options: dict[str, tuple[str, ...]] = {"build-arg": (f"UV_VERSION={UV_VERSION}", f"VARIANT={variant}")}
    if backend == "podman":
        options["format"] = ("docker",)  # OCI's own format knows no health check
    wheels = os.environ.get("PIP_FIND_LINKS")
    if variant == "cpu" and wheels and Path(wheels).is_dir():
        options["build-context"] = (f"wheels={Path(wheels).absolute()}",)
    if certificates := os.environ.get("SSL_CERT_FILE"):
        options["secret"] = (f"id=ca,src={certificates}",)
    return options
