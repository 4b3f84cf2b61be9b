"""A server of ZenML that is away, or does not take who asks, is one sentence of whichever command needs it."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.fixtures.listeners import answering
from tests.fixtures.zenml_server import without

ROOT = Path(__file__).parents[2]
LOCAL = str(ROOT / "configs/stacks/local.yaml")
SAMPLE = str(ROOT / "configs/sample.yaml")
AT_ONCE = """
import sys
from urllib3.util import Retry
from zenml.zen_stores import rest_zen_store
rest_zen_store.Retry = lambda **_: Retry(0)
from timbre.cli import main
sys.argv[0] = "timbre"
main()
"""
ABOUT = json.dumps({"version": version("zenml"), "auth_scheme": "OAUTH2_PASSWORD_BEARER"}).encode()


def said(home: Path, url: str, *command: str) -> str:
    """What a command says last that needs the server at an address; it is bad input, and no bug."""
    told = {"ZENML_STORE_TYPE": "rest", "ZENML_STORE_URL": url, "ZENML_STORE_API_KEY": "ZENKEY_old", "ZENML_CONFIG_PATH": str(home)}
    own = {**without("TIMBRE_", "ZENML_", "AWS_"), **told, "ZENML_ANALYTICS_OPT_IN": "false", "PYTHONPATH": str(ROOT), "HOME": str(home)}
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", AT_ONCE, *command], cwd=home, env=own, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, "Traceback" in ran.stdout + ran.stderr) == (2, False), ran.stdout + ran.stderr
    return ran.stderr.splitlines()[-1]


@pytest.mark.parametrize("command", [("stack", "check", LOCAL), ("train", "--config", SAMPLE)], ids=lambda words: words[0])
def test_a_server_that_is_away(tmp_path: Path, command: tuple[str, ...]):
    url = "http://127.0.0.1:9"
    assert said(tmp_path, url, *command).startswith(f"timbre: ZenML at {url} gives no answer (ConnectionError): start it, or ")


@pytest.mark.parametrize(
    ("status", "name", "sentence"),
    [
        (401, "CredentialsNotValid", "does not take who asks: log in anew by `zenml login http://127.0.0.1:"),
        (500, "RuntimeError", "gives no answer (RuntimeError): start it, or "),
    ],
)
def test_a_server_that_refuses(tmp_path: Path, status: int, name: str, sentence: str):
    detail = json.dumps({"detail": [name, "no"]}).encode()
    with answering(status, detail, {"/api/v1/info": ABOUT}) as (url, _):
        assert said(tmp_path, url, "stack", "register", LOCAL).startswith(f"timbre: ZenML at {url} {sentence}")
