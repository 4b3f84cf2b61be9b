"""Only an image for CUDA asks for GPUs, by what its stages set."""

import re
from pathlib import Path

import pytest

from bentos.image.options import VARIANTS

FILES = sorted((Path(__file__).parents[2] / "bentos/image").glob("*.Containerfile*"))
GPUS = {"NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=compute,utility"}
STAGE = re.compile(r"^FROM (?P<base>\{\{.*?\}\}|\S+)(?: AS (?P<name>\S+))?$", re.MULTILINE)


def told(file: Path, variant: str) -> str:
    """What the last stage says, after all that the stages below it say."""
    text = file.read_text()
    found = list(STAGE.finditer(text))
    ends = [*(one.start() for one in found[1:]), len(text)]
    stages = {one["name"] or "": (one["base"], text[one.end() : end]) for one, end in zip(found, ends, strict=True)}
    name, said = found[-1]["name"] or "", ""
    while name in stages:
        base, own = stages.pop(name)
        name, said = base.replace("$VARIANT", variant), own + said
    return said


def test_there_are_files():
    assert [file.name.partition(".")[0] for file in FILES] == ["service", "worker"]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_an_image_for_cuda_alone_asks_for_gpus(file: Path, variant: str):
    said = told(file, variant)
    assert "ENTRYPOINT" in said
    assert set(re.findall(r"NVIDIA_\S+", said)) == (GPUS if variant == "cuda" else set())
