"""How many threads a matrix product has."""

import os
import subprocess
import sys


def test_a_matrix_product_has_one_thread_for_as_long_as_it_is_told() -> None:
    code = """
import components.audio.facts, threadpoolctl
from components.cores import multiply_alone

def threads():
    return {one["num_threads"] for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"}

before = threads()
with multiply_alone():
    within = threads()
print(within, threads() == before)
multiply_alone()
print(threads())
"""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines() == ["{1} True", "{1}"]
