"""What every benchmark runs on: two cores, the command line's settings for threads, and the project on the path.

Import it before torch, which reads the settings for threads once.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from timbre.cli import ENVIRONMENT

for name, value in ENVIRONMENT.items():
    os.environ.setdefault(name, value)
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
