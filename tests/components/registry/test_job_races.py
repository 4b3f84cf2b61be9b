"""Many workers at once: each job is taken once, on both databases."""

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.registry import Registry
from components.registry.jobs import Jobs

from .conftest import UrlMaker

HOUSE = Path(__file__).parents[3]
LONG_S = 60.0
pytestmark = pytest.mark.usefixtures("configs")


def test_many_threads_take_each_job_once(jobs: Jobs) -> None:
    asked = [jobs.submit("tones", [], "ann").id for _ in range(50)]

    def work(number: int) -> list[str]:
        taken = []
        while (job := jobs.lease(f"w{number}", LONG_S)) is not None:
            taken.append(job.id)
            jobs.heartbeat(job.token, LONG_S)
            jobs.finish(job.token, "succeeded")
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [job_id for ids in pool.map(work, range(8)) for job_id in ids]
    assert Counter(taken) == Counter(asked)
    assert jobs.list("succeeded").total == 50


def test_many_processes_take_each_job_once(new_url: UrlMaker) -> None:
    url = new_url()
    with Registry(url) as registry:
        jobs = Jobs(registry.database)
        asked = [jobs.submit("tones", [], "ann").id for _ in range(50)]
        command = [sys.executable, str(Path(__file__).with_name("lease_all.py")), url]
        environment = {"PYTHONPATH": str(HOUSE)}
        started = [
            subprocess.Popen([*command, str(number)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for number in range(4)
        ]
        said = [process.communicate(timeout=120) for process in started]
        assert [process.returncode for process in started] == [0] * 4, said
        assert Counter(" ".join(out for out, _ in said).split()) == Counter(asked)
        assert jobs.list("succeeded").total == 50
