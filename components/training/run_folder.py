"""Run folders: `models/<MM-DD-HH-MM-SS>_<name>/`, one a training run, for people to read."""

from datetime import datetime
from itertools import count
from pathlib import Path

from components.places import runs_root


def new_run_folder(name: str, root: Path | None = None) -> Path:
    """Make a run folder of its own; where one of this second exists, the name gets a suffix.

    Args:
        root: where run folders lie; `models/` in the working folder by default.
    """
    root = root or runs_root()
    root.mkdir(parents=True, exist_ok=True)
    base = f"{datetime.now():%m-%d-%H-%M-%S}_{name}"
    for suffix in count():
        folder = root / (f"{base}_{suffix}" if suffix else base)
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise AssertionError("count() has no end")
