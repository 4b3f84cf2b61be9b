"""What ZenML adds to a run: seconds for the run, and for each of its steps, where the steps do nothing.

    python tests/benchmarks/bench_zenml_step.py

Runs of one step and of eleven take turns, on a ZenML of their own on the local stack; the best of each counts. No bar is set.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded

from timbre.cli.zenml import own, prepare

FEW, MANY, ROUNDS = 1, 11, 4
IN_ITS_OWN = "import sys, bench_zenml_step as bench; sys.exit(bench.compare())"


def compare() -> int:
    """0: the figures are to be read."""
    prepare()
    from zenml import pipeline

    @pipeline(enable_cache=False)
    def idle(steps: int) -> None:
        count = 0
        for _ in range(steps):
            count = nothing(count)

    idle(FEW)  # the first run makes the database
    took = {FEW: list[float](), MANY: list[float]()}
    for _ in range(ROUNDS):
        for steps, times in took.items():
            start = time.perf_counter()
            idle(steps)
            times.append(time.perf_counter() - start)
    a_step = (min(took[MANY]) - min(took[FEW])) / (MANY - FEW)
    print(f"ZenML adds {min(took[FEW]) - a_step:.2f} s to a run and {a_step:.2f} s to each of its steps")
    return 0


if __name__ == "__main__":
    with own():  # a process that finds it when it loads ZenML, and this file as a module with a step
        folder = Path(__file__).parent
        os.environ |= {"ZENML_CUSTOM_SOURCE_ROOT": str(folder), "ZENML_LOGGING_VERBOSITY": "ERROR"}
        sys.exit(subprocess.call([sys.executable, "-W", "ignore", "-c", IN_ITS_OWN], cwd=folder))
else:
    from zenml import step

    @step(enable_cache=False)
    def nothing(before: int) -> int:
        """A step that does nothing."""
        return before
