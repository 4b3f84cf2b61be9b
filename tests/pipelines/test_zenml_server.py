"""A server of ZenML that is away, or does not take who asks, is one sentence of whichever command needs it."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest

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
ABOUT = {"version": version("zenml"), "auth_scheme": "OAUTH2_PASSWORD_BEARER"}


@contextmanager
def answering(status: int, detail: list[str]) -> Iterator[str]:
    """A server that tells of itself, and answers so whatever else it is asked; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            known = self.path.endswith("/info")
            body = json.dumps(ABOUT if known else {"detail": detail}).encode()
            self.send_response(200 if known else status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


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
    with answering(status, [name, "no"]) as url:
        assert said(tmp_path, url, "stack", "register", LOCAL).startswith(f"timbre: ZenML at {url} {sentence}")
