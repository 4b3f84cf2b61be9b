"""The reviewed clips that jobs of retraining are queued with: a folder a job, which also forgets clips."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from components.errors import ConfigError
from components.monitoring import review_export
from components.monitoring.reviewed import Reviews
from components.places import data_roots, worker_folder
from components.registry.database import Database
from components.registry.job import Job
from components.registry.tables import JobRow
from components.watch_config import RetrainConfig

OWNER = "timbre retrain"  # of the jobs, whoever's schedule asks: a key is its owner's
PREFIX, DIGITS = "retrain-", 12


def exported(folder: str, reviews: Reviews, key: str) -> str:
    """The CSV of the reviews, from where workers work; written whole, in a folder of the key and of what the CSV says.

    Args:
        key: of the job; it begins with `retrain:`.
    Raises:
        ConfigError: if the folder lies where clients of the service may name files.
    """
    root = worker_folder() / folder
    for served in data_roots():
        if root.resolve().is_relative_to(served.resolve()):
            raise ConfigError(
                f"watch.retrain.folder: {folder} lies below the data root {served}, where whoever may predict may name files: name another"
            )
    root.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{_named(key)}-", dir=root))
    try:
        table = reviews.export(beside)
        target = root / f"{_named(key)}-{hashlib.sha256(table.read_bytes()).hexdigest()[:DIGITS]}"
        beside.chmod(0o755)
        try:
            beside.rename(target)
        except OSError:
            if not target.is_dir():  # else another run wrote the same
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    csv = target / table.name
    return str(csv if Path(folder).is_absolute() else csv.relative_to(worker_folder()))


def remove_unnamed(csv: str, job: Job, key: str) -> None:
    """Remove the exports of a key that its job does not name, which lie beside the CSV that `exported` gave."""
    for folder in (worker_folder() / csv).parent.parent.glob(f"{_named(key)}-{'?' * DIGITS}"):
        if not any(folder.name in override for override in job.overrides):
            shutil.rmtree(folder, ignore_errors=True)


def forget(database: Database, content: str) -> int:
    """Remove a clip from every export, whether its job is queued, running or done, and from those that were broken off; of how many.

    A job that is queued trains on the others. Where none is left, it fails with a sentence.

    Args:
        content: BLAKE3 of the file's bytes.
    Raises:
        OSError: if it cannot be removed.
    """
    folders = [folder for root in sorted(_roots(database)) for start in ("", ".") for folder in root.glob(f"{start}{PREFIX}*")]
    return sum(review_export.forget(folder, content) for folder in folders)


def _roots(database: Database) -> set[Path]:
    """Where exports lie: beside any that a job names, and where they do by default."""
    with database.read() as session:
        jobs = session.scalars(select(JobRow.overrides).where(JobRow.owner == OWNER)).all()
    found = {worker_folder() / path for texts in jobs for text in texts for path in _csvs(text)}
    named = {path.parent.parent for path in found if path.parent.name.startswith(PREFIX)}
    return named | {worker_folder() / RetrainConfig().folder}


def _csvs(override: str) -> Iterator[str]:
    value = json.loads(override.partition("=")[2])
    for spec in value if isinstance(value, list) else ():
        source, _, path = str(spec).partition(":")
        if source == "csv":
            yield path


def _named(key: str) -> str:
    return key.replace(":", "-").replace(" ", "-")
