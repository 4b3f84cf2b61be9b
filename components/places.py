"""Where Timbre keeps things: environment variables, each with a default in the working folder."""

import os
from pathlib import Path


def home() -> Path:
    """The folder for everything that can be made again or is private to this machine."""
    return Path(".timbre").absolute()


def store_root() -> Path:
    """Decoded clips, manifests and embeddings (TIMBRE_STORE); where that is `s3://`, the folder that mirrors it here."""
    return _folder("TIMBRE_STORE", "store")


def store_remote() -> str | None:
    """The `s3://` address of the store, if it has one."""
    return _remote("TIMBRE_STORE")


def checks_root() -> Path:
    """What the checks of data said last."""
    return store_root() / "checks"


def models_root() -> Path:
    """Tagger folders by digest (TIMBRE_MODELS); where that is `s3://`, the folder that mirrors it here."""
    return _folder("TIMBRE_MODELS", "models")


def models_remote() -> str | None:
    """The `s3://` address of the tagger folders, if they have one."""
    return _remote("TIMBRE_MODELS")


def mirror_root() -> Path:
    """Where what was fetched from S3 lies (TIMBRE_MIRROR); it may be removed when nothing runs."""
    return Path(os.environ.get("TIMBRE_MIRROR") or home() / "mirror").absolute()


def mirror(address: str) -> Path:
    """The folder here for what Timbre itself keeps at an `s3://` address."""
    return _below(mirror_root() / "kept", address)


def stand_ins(address: str) -> Path:
    """The folder here that stands for somebody's data at an `s3://` address."""
    return _below(mirror_root() / "data", address)


def _below(root: Path, address: str) -> Path:
    return root.joinpath(*[part for part in address.removeprefix("s3://").split("/") if part])


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


def _folder(variable: str, name: str) -> Path:
    if address := _remote(variable):
        return mirror(address)
    return Path(os.environ.get(variable) or home() / name).absolute()


def _remote(variable: str) -> str | None:
    value = os.environ.get(variable, "")
    return value.rstrip("/") if value.startswith("s3://") else None
