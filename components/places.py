"""Where Timbre keeps things: environment variables, each with a default in the working folder."""

import os
from pathlib import Path


def home() -> Path:
    """The folder for everything that can be made again or is private to this machine."""
    return Path(".timbre").absolute()


def store_root() -> Path:
    """Decoded clips, manifests and embeddings (TIMBRE_STORE)."""
    return Path(os.environ.get("TIMBRE_STORE") or home() / "store").absolute()


def models_root() -> Path:
    """Tagger folders by digest (TIMBRE_MODELS)."""
    return Path(os.environ.get("TIMBRE_MODELS") or home() / "models").absolute()


def pretrained_root() -> Path:
    """Weights that were fetched to start from, a folder each."""
    return models_root() / "pretrained"


def database_url() -> str:
    """SQLAlchemy URL of the registry (TIMBRE_DATABASE_URL); a SQLite file by default."""
    return os.environ.get("TIMBRE_DATABASE_URL") or f"sqlite:///{home() / 'timbre.db'}"


def data_roots() -> tuple[Path, ...]:
    """Folders below which clients of the service may name paths (TIMBRE_DATA_ROOTS, several with the system's separator)."""
    roots = (os.environ.get("TIMBRE_DATA_ROOTS") or "data").split(os.pathsep)
    return tuple(Path(root.strip()).absolute() for root in roots if root.strip())


def watch_root() -> Path:
    """Drift reports, and Evidently's workspace with a snapshot a period."""
    return home() / "watch"


def runs_root() -> Path:
    """Run folders, `<MM-DD-HH-MM-SS>_<name>` each: what a training run leaves for people to read."""
    return Path("models").absolute()


def configs_root() -> Path:
    """Configurations that a training job may name (TIMBRE_CONFIGS)."""
    return Path(os.environ.get("TIMBRE_CONFIGS") or "configs").absolute()


def worker_folder() -> Path:
    """Where workers work, and what paths in a job are relative to (TIMBRE_WORKER_FOLDER); by default where the configurations lie."""
    return Path(os.environ.get("TIMBRE_WORKER_FOLDER") or configs_root().parent).absolute()
