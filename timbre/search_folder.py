"""The folder of a search: which search it is, and that one process at a time works on it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from components.config import ASIDE, Config
from components.errors import ConfigError
from components.files import write_whole
from components.locks import Turn, locked
from components.places import runs_root
from components.training import new_run_folder

STUDY, SEARCH = "study.db", "search.yaml"
HERE = ("data.num_workers", "training.device")  # where and how fast, which makes no other search


def place_of(config: Config, raw: Mapping[str, Any], data_digest: str, out: Path | None = None) -> Path:
    """The folder of this search: the one where it was begun, else a new one with its `search.yaml`.

    Args:
        raw: the spaces as they were written.
        data_digest: of the manifest that it is judged on.
        out: the folder to use; without it the newest run folder that holds the same search, or a new one.
    Raises:
        ConfigError: if `out` holds another search.
    """
    search = {"space": dict(raw), "data": data_digest, "config": _recipe(config)}
    if out is None:
        files = sorted(runs_root().glob(f"*_{config.name}_tune*/{SEARCH}"), key=lambda file: file.stat().st_mtime)
        out = next((file.parent for file in reversed(files) if _read(file) == search), None) or new_run_folder(f"{config.name}_tune")
    if (out / SEARCH).exists():
        if differing := _differing(_read(out / SEARCH), search):
            raise ConfigError(f"{out} holds a search with another {differing}: name another folder by --out, or none for a new one")
    else:
        write_whole(out / SEARCH, yaml.safe_dump(search, sort_keys=False, allow_unicode=True).encode())
    return out


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time: a trial that another one works on looks like one that was cut off."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / f"{STUDY}.lock", wait=False) as turn:
        if turn is Turn.TAKEN:
            raise ConfigError(f"another process searches in {folder}: wait for it, or name another folder by --out")
        yield


def _recipe(config: Config) -> dict[str, Any]:
    """What trials have in common, as JSON gives it back; without the sections that have no part in it."""
    values: dict[str, Any] = json.loads(config.model_dump_json(exclude=set(ASIDE) - {"data"}))
    for key in HERE:
        section, name = key.split(".")
        del values[section][name]
    return values


def _read(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        values = None
    return values if isinstance(values, dict) else {}


def _differing(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The first thing in which two searches differ; empty where they do not."""
    if found.get("space") != wanted["space"]:
        return "space"
    if found.get("data") != wanted["data"]:
        return "set of clips"
    theirs, ours = _flat(found.get("config")), _flat(wanted["config"])
    return next((key for key in ours if key not in theirs or theirs[key] != ours[key]), "")


def _flat(config: Any) -> dict[str, Any]:
    """Values by dotted key."""
    found: dict[str, Any] = {}
    for name, section in (config if isinstance(config, dict) else {}).items():
        found |= {f"{name}.{key}": value for key, value in section.items()} if isinstance(section, dict) else {name: section}
    return found
