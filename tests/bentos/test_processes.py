"""What earlier processes left behind, and how many threads this one's matrix products have."""

import os
import subprocess
import sys
from pathlib import Path

from bentos.processes import prefix, sweep


def test_folders_of_dead_processes_go_and_those_of_others_that_live_stay(tmp_path: Path):
    for name in (f"{prefix('s3')}old", "timbre-s3-999999999-x", f"timbre-s3-{os.getppid()}-x", f"timbre-metrics-{os.getpid()}-x", "other"):
        (tmp_path / name).mkdir()
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"timbre-s3-{os.getppid()}-x", f"timbre-metrics-{os.getpid()}-x", "other"}


def test_a_matrix_product_has_one_thread() -> None:
    code = (
        "import components.audio.facts, numpy, threadpoolctl; from bentos.processes import multiply_alone; multiply_alone(); "
        "print({one['num_threads'] for one in threadpoolctl.threadpool_info() if one['user_api'] == 'blas'})"
    )
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "{1}"
