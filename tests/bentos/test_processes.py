"""What earlier processes left behind."""

import os
from pathlib import Path

from bentos.processes import prefix, sweep


def test_folders_of_dead_processes_go_and_those_of_others_that_live_stay(tmp_path: Path):
    for name in (f"{prefix('s3')}old", "timbre-s3-999999999-x", f"timbre-s3-{os.getppid()}-x", f"timbre-metrics-{os.getpid()}-x", "other"):
        (tmp_path / name).mkdir()
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"timbre-s3-{os.getppid()}-x", f"timbre-metrics-{os.getpid()}-x", "other"}
