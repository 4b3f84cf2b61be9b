"""timbre serve refuses in one sentence what cannot be, before anything is started."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from timbre.cli.serve import _places

HOUSE = Path(__file__).parents[2]


def refused(home: Path, *flags: str, **variables: str) -> str:
    """What it says of flags that it does not take."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIMBRE_")}
    command = [sys.executable, "-m", "timbre", "serve", *flags]
    environment |= {"PYTHONPATH": str(HOUSE), "TMPDIR": str(home), **variables}
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 2
    assert list(home.iterdir()) == []  # nothing is left behind
    (sentence,) = done.stderr.splitlines()
    return sentence.removeprefix("timbre: ")


def test_a_port_that_is_taken(tmp_path: Path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = refused(tmp_path, "--port", str(port))
    assert said == f"something listens on port {port} of localhost already: stop it, or choose another by --port"


@pytest.mark.parametrize(
    ("flags", "variables", "said"),
    [
        (["--host", "192.0.2.1"], {}, "cannot listen on port 8090 of 192.0.2.1: Cannot assign requested address; choose others by --host"),
        (["--host", "example"], {}, "--host example is no IP address: write 127.0.0.1, 0.0.0.0"),
        (["--host", "0.0.0.0"], {"TIMBRE_AUTH": "off"}, "TIMBRE_AUTH=off is for this machine alone"),  # noqa: S104
        ([], {"TIMBRE_MAX_FILES": "many"}, "TIMBRE_MAX_FILES='many' does not fit: Input should be a valid integer"),
        (["--device", "tpu"], {}, "TIMBRE_DEVICE='tpu' does not fit: write auto, cpu, cuda or cuda:0"),
        (
            ["--model-dir", "/nowhere"],
            {},
            "TIMBRE_MODEL_DIR='/nowhere' does not fit: there is no such folder: name one that holds tagger folders",
        ),
        ([], {"TIMBRE_AUTH": "on"}, "TIMBRE_AUTH='on' does not fit: Input should be 'required' or 'off'"),
    ],
)
def test_what_it_does_not_take(tmp_path: Path, flags: list[str], variables: dict[str, str], said: str):
    assert refused(tmp_path, *flags, **variables).startswith(said)


def test_what_is_named_by_a_relative_path_lies_below_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    given = {"DATABASE_URL": "sqlite:///kept/a.db", "MODELS": "kept", "DATA_ROOTS": "mine: /srv/clips", "MODEL_DIR": "beside"}
    given |= {"LOG_AUDIO": "kept/audio", "WORKER_FOLDER": "."}
    for name in ("STORE", "CONFIGS", "MIRROR"):
        monkeypatch.delenv(f"TIMBRE_{name}", raising=False)
    for name, value in given.items():
        monkeypatch.setenv(f"TIMBRE_{name}", value)
    monkeypatch.chdir(tmp_path)
    assert _places() == {
        "TIMBRE_DATABASE_URL": f"sqlite:///{tmp_path}/kept/a.db",
        "TIMBRE_MODELS": f"{tmp_path}/kept",
        "TIMBRE_STORE": f"{tmp_path}/.timbre/store",
        "TIMBRE_MIRROR": f"{tmp_path}/.timbre/mirror",
        "TIMBRE_CONFIGS": f"{tmp_path}/configs",
        "TIMBRE_DATA_ROOTS": f"{tmp_path}/mine:/srv/clips",
        "TIMBRE_MODEL_DIR": f"{tmp_path}/beside",
        "TIMBRE_LOG_AUDIO": f"{tmp_path}/kept/audio",
        "TIMBRE_WORKER_FOLDER": str(tmp_path),
    }
    for place in ("none", "", "s3://clips/kept"):
        monkeypatch.setenv("TIMBRE_LOG_AUDIO", place)
        assert "TIMBRE_LOG_AUDIO" not in _places()
    for url in ("postgresql://ann@host/timbre", "sqlite:////srv/a.db"):
        monkeypatch.setenv("TIMBRE_DATABASE_URL", url)
        assert _places()["TIMBRE_DATABASE_URL"] == url
