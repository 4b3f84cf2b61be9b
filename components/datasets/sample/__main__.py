"""Render the sample data: `python -m components.datasets.sample data/sample --seed 0`."""

import argparse
import sys
from pathlib import Path

from components.datasets.sample.render import render_sample


def main() -> None:
    """Parse the command line and render, with a line of progress."""
    parser = argparse.ArgumentParser(prog="python -m components.datasets.sample", description="Render the sample data.")
    parser.add_argument("directory", type=Path, help="the folder to make; it must not exist yet")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=None, help="by default one a processor")
    arguments = parser.parse_args()
    render_sample(arguments.directory, arguments.seed, arguments.processes, _show)
    sys.stderr.write("\n")


def _show(done: int, total: int) -> None:
    if done % 10 == 0 or done == total:
        sys.stderr.write(f"\r{done} of {total} songs")
        sys.stderr.flush()


if __name__ == "__main__":
    main()
