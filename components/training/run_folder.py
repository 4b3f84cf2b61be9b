"""Run folders: `models/<MM-DD-HH-MM-SS>_<name>/`, one a training run, for people to read."""

from datetime import datetime
from itertools import count
from pathlib import Path

import yaml

from components.config import Config
from components.files import write_whole
from components.places import runs_root

BEST = Path("checkpoints", "best.safetensors")  # the weights that did best on val
LAST = Path("checkpoints", "last.ckpt")  # the whole state, to resume


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


def write_config(config: Config, run_folder: Path, name: str = "config.yaml") -> None:
    """Every key as it was in force, in a file that `load_config` reads."""
    write_whole(run_folder / name, yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False).encode())
