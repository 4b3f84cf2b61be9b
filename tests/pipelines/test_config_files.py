"""ZenML's configuration files, while other processes write them."""

import os
import runpy
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import zenml.utils.yaml_utils as yaml_utils
from zenml.client import ClientConfiguration

from pipelines import config_files

config_files.share()
PLAIN_READ: Callable[[str], Any] = yaml_utils.read_yaml.__wrapped__
PLAIN_WRITE: Callable[[str, Any], None] = yaml_utils.write_yaml.__wrapped__
SECONDS = 1.5
PLAIN, OURS = "", "from pipelines.config_files import share; share()"
WRITER = """
import sys
from uuid import uuid4
from zenml.client import ClientConfiguration
{before}
config = ClientConfiguration(config_file=sys.argv[1])
print("writes", flush=True)
while True:
    config.active_stack_id = uuid4()
"""


@contextmanager
def writers(file: Path, before: str) -> Iterator[None]:
    """Processes that write without end: two of ours, which read too, or a plain one."""
    PLAIN_WRITE(str(file), {"active_project_id": str(uuid4()), "active_stack_id": str(uuid4())})
    command = [sys.executable, "-W", "ignore", "-c", WRITER.format(before=before), str(file)]
    environment = {**os.environ, "ZENML_LOGGING_VERBOSITY": "ERROR"}
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(2 if before else 1)]
    try:
        assert [process.stdout.readline() for process in processes] == [b"writes\n"] * len(processes)
        yield
        assert [process.poll() for process in processes] == [None] * len(processes)
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def read_often(read: Callable[[str], Any], file: Path) -> list[Any]:
    """What was read that is not whole."""
    ends, wrong = time.monotonic() + SECONDS, []
    while time.monotonic() < ends:
        found = read(str(file))
        if set(found or ()) != {"active_project_id", "active_stack_id"}:
            wrong.append(found)
    return wrong


def test_what_ours_write_is_whole_to_plain_readers_and_to_each_other(tmp_path: Path) -> None:
    with writers(tmp_path / "config.yaml", OURS):
        assert read_often(PLAIN_READ, tmp_path / "config.yaml") == []


def test_ours_read_what_plain_ones_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_files, "PATIENCE_S", 10.0)  # a busy machine may let the writer rest while the file is empty
    with writers(tmp_path / "config.yaml", PLAIN):
        assert read_often(yaml_utils.read_yaml, tmp_path / "config.yaml") == []


def test_a_file_that_says_the_same_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    config = ClientConfiguration(config_file=str(file))
    before = file.stat()
    config.active_stack_id = None
    ClientConfiguration(config_file=str(file))
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert list(tmp_path.iterdir()) == [file]


def test_rights_and_links_stay(tmp_path: Path) -> None:
    file, link = tmp_path / "credentials.yaml", tmp_path / "link.yaml"
    file.touch(0o600)
    link.symlink_to(file)
    yaml_utils.write_yaml(str(link), {"a": 1})
    assert (link.is_symlink(), file.stat().st_mode & 0o777, file.read_text()) == (True, 0o600, "a: 1\n")


def test_one_that_stays_empty_has_no_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_files, "PATIENCE_S", 0.05)
    file = tmp_path / "config.yaml"
    file.touch()
    assert ClientConfiguration(config_file=str(file)).active_stack_id is None
    assert "active_stack_id: null" in file.read_text()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what the steps load
@pytest.mark.parametrize("name", ["training", "prediction", "drift"])
def test_a_pipeline_that_zenml_runs_by_its_name_shares_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shared: list[bool] = []
    monkeypatch.setattr(config_files, "share", lambda: shared.append(True))
    runpy.run_path(str(Path(config_files.__file__).with_name(f"{name}.py")))
    assert shared == [True]


def test_a_command_shares_them() -> None:
    code = (
        "from timbre.cli.zenml import prepare; prepare(); from zenml.utils import yaml_utils; raise SystemExit(not yaml_utils.shares_files)"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False).returncode == 0
