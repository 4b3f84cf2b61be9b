"""The images' pins: as requirements.lock has them, all that the code needs, and nothing of training in the service's."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
EXTRAS = {
    "serve": {"serve", "s3", "postgres", "pretrained"},
    "worker": {"train", "watch", "kubeflow", "s3", "postgres", "pretrained", "scale"},
}
TRAINING = {"zenml", "dvc", "dvc-s3", "great-expectations", "lightning", "evidently", "pytest", "ruff"}
CUDA = re.compile(r"nvidia-.+|cuda-.+|triton")


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text().splitlines()
    return {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in lines}


def needed(extras: set[str]) -> set[str]:
    """Every package that Timbre with these extras leads to, by the installed packages' own word."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    found, waiting = set(), [Requirement(line) for line in lines]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in requirement.extras | {""}:
            if (name, extra) in found:
                continue
            found.add((name, extra))
            below = [Requirement(line) for line in _requires(name)]
            waiting += [each for each in below if not each.marker or each.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def _requires(name: str) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError:
        return []  # CUDA's, beside a PyTorch for the CPU


@pytest.mark.parametrize("image", EXTRAS)
@pytest.mark.parametrize("variant", ["", "-cuda"])
def test_pins_are_those_of_the_whole(image, variant):
    whole = pins("requirements.lock")
    own = pins(f"requirements-{image}{variant}.lock")
    assert {name: version for name, version in own.items() if whole.get(name) != version and not CUDA.fullmatch(name)} == {}


@pytest.mark.parametrize("image", EXTRAS)
def test_nothing_is_missing_and_nothing_too_much(image):
    assert {name for name in pins(f"requirements-{image}.lock").keys() ^ needed(EXTRAS[image]) if not CUDA.fullmatch(name)} == set()


@pytest.mark.parametrize("variant", ["", "-cuda"])
def test_the_service_holds_nothing_of_training(variant):
    assert TRAINING & pins(f"requirements-serve{variant}.lock").keys() == set()


@pytest.mark.parametrize("image", EXTRAS)
def test_the_variants_differ_in_cuda_alone(image):
    cpu, cuda = pins(f"requirements-{image}.lock"), pins(f"requirements-{image}-cuda.lock")
    assert cpu.items() <= cuda.items()
    assert {name for name in cuda.keys() - cpu.keys() if not CUDA.fullmatch(name)} == set()
    assert {"nvidia-cublas", "nvidia-cudnn-cu13", "triton"} <= cuda.keys() - cpu.keys()
