"""The worker's image trains a queued job as a container without rights; podman keeps the packages from one build to the next."""

import json
from pathlib import Path

import pytest

from tests.fixtures.podman import NEEDS_PODMAN, STRICT, build, podman

IMAGE = "localhost/timbre-worker:test"
SAMPLE = Path("data/sample").absolute()
JOBS = """
import json
from components.registry import Registry
from components.registry.jobs import Jobs

with Registry() as registry:
    jobs = Jobs(registry.database)
    if not jobs.list().items:
        jobs.submit("sample", ["training.epochs=1", "training.max_steps=3"], "tests")
    print(json.dumps([(job.state, job.error, job.model_id is not None) for job in jobs.list().items]))
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(5400), NEEDS_PODMAN]  # building the image has its own limit


@pytest.fixture(scope="module")
def run():
    """Run words in a container of the image; what they write is seen by the next."""
    build("bentos.image.worker", IMAGE)
    volume = podman("volume", "create").stdout.strip()
    mounts = ("--volume", f"{volume}:/var/lib/timbre", "--volume", f"{SAMPLE}:/var/lib/timbre/data/sample:ro")
    try:
        yield lambda *words: podman("run", "--rm", *STRICT, *mounts, IMAGE, *words, timeout_s=900).stdout
    finally:
        podman("volume", "rm", "--force", volume)


def test_a_queued_job_is_trained_and_registered(run):
    assert json.loads(run("python", "-c", JOBS)) == [["queued", None, False]]
    run("--once")
    assert json.loads(run("python", "-c", JOBS)) == [["succeeded", None, True]]
    assert [model["key"].split("@")[0] for model in json.loads(run("timbre", "models", "list", "--json"))] == ["sample"]


def test_it_is_nobody(run):
    assert run("id", "-u").strip() == "1034"


def test_it_asks_for_no_gpu(run):
    assert "NVIDIA_" not in run("env")
