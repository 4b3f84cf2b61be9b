"""Waiting for a submitted run outlives a real server of ZenML that is killed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.kubeflow import kubeflow
from tests.fixtures.running import until
from tests.fixtures.zenml_server import without, zenml_server

ROOT = Path(__file__).parents[2]
RUN = "run-1"
PATIENCE_S = 300
WAITS = """
import logging
import sys
from types import SimpleNamespace
from uuid import uuid4

from kfp.client import Client
from components.stacks import load_stack
from pipelines.kubeflow import waiting

logging.basicConfig(level="INFO", stream=sys.stdout)
waiting.EVERY_S = 0.5
snapshot = SimpleNamespace(id=uuid4(), step_configurations={})
waiting.wait(Client(host=sys.argv[1], namespace="kubeflow"), sys.argv[2], snapshot, load_stack("kubeflow"))
"""


@pytest.mark.slow
def test_a_server_that_is_away_for_longer_than_its_own_client_tries(tmp_path: Path):
    log = tmp_path / "log"
    with zenml_server(tmp_path / "zenml") as zenml, kubeflow() as server, log.open("w") as told:
        server.runs[RUN] = {"state": "RUNNING"}
        own = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), **zenml.environment(tmp_path / "client")}
        command = [sys.executable, "-W", "ignore", "-c", WAITS, server.url, RUN]
        with subprocess.Popen(command, cwd=ROOT, env={**without("TIMBRE_", "ZENML_"), **own}, stdout=told, stderr=told) as asked:

            def until_said(words: str) -> None:
                until(lambda: words in log.read_text() or asked.poll() is not None, PATIENCE_S)
                assert words in log.read_text()

            try:
                until_said("0 of 0 steps are done")
                zenml.kill()
                until_said("ZenML gives no answer for now")
                zenml.start()
                server.runs[RUN]["state"] = "SUCCEEDED"
                assert asked.wait(PATIENCE_S) == 0, log.read_text()
            finally:
                asked.kill()
    assert "Traceback" not in log.read_text()
