"""Score what was not scored yet, here or on a cluster, and keep it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from components.cluster import ENDS_WORKERS, connected, refuse_blind, unreadable
from components.datasets import BadClip, parse
from components.datasets.files import expand
from components.errors import DataError
from components.progress import Progress, quiet
from components.registry.database import Database
from components.registry.predictions import Predictions
from components.registry.tables import now
from components.s3 import is_remote
from components.scoring.doubles import settle
from components.scoring.hear import hear
from components.scoring.keep import Keeper, mend
from components.scoring.ledger import Ledger
from components.scoring.listing import list_files
from components.scoring.model import Model
from components.scoring.parts import BATCHES, FILES, SCORES, Parts
from components.scoring.rows import File, Row
from components.tagger.folder import check
from components.work_config import PredictionConfig

WORKERS_READERS = 2  # of each thread of a worker, which has others beside it
PIECES_A_THREAD = 8  # of a worker
LEAST_FILES, MOST_FILES = 4, 64  # of a piece


@dataclass(frozen=True)
class Scored:
    """What a batch came to.

    Attributes:
        model: the tagger's digest.
        batch: None where there was nothing to write.
        began: when the batch began, an ISO time; one that was taken up again began before this run.
        scored: contents that were scored now.
        same: files whose content another file has.
        before: files that had been scored already.
        bad: files that could not be heard; `first_bad` has some of them with their reasons.
        newly_bad: those of them that no earlier run has listed as they are, for the same reason.
    """

    out: str
    model: str
    model_key: str
    batch: str | None
    began: str
    scored: int
    same: int
    before: int
    bad: int
    newly_bad: int
    first_bad: tuple[BadClip, ...]


def score(wanted: PredictionConfig, dask_address: str | None = None, progress: Progress = quiet) -> Scored:
    """Score the clips of some data sets that this model has not scored in this place.

    It may be killed at any moment and run again. A content is scored once, whatever files have it; the prediction log gets each once.

    Args:
        dask_address: of a scheduler whose workers score; this machine where none.
    Raises:
        DataError: if there is nothing to score, another run is at it, or the place cannot be written.
        RegistryError: if there is no such model, or the log's database is away.
        ClusterError, S3Error: if a cluster or S3 is away.
    """
    model, found = look(wanted)
    label_set = check(model.folder, model.digest).settings.label_set
    log = Predictions(Database()).add if wanted.log else None
    with found.alone() as place:
        parts = place.seen(SCORES, FILES, BATCHES)
        if mend(parts, model, label_set, log):
            parts = place.seen(SCORES, FILES, BATCHES)
        with closing(Ledger()) as ledger:
            settle(parts, ledger)
            ledger.learn_broken_off(parts)
            files, bad = list_files(wanted.data, label_set)
            todo = [file for file in files if not ledger.knows(file)]
            begun = parts.unfinished(list(wanted.data))
            note = begun or _note(wanted.data, model)
            told: dict[str, Any] = {"out": str(parts), "model": model.digest, "model_key": model.key, "before": len(files) - len(todo)}
            if not todo and not bad:
                if begun:  # it was killed after its last part
                    parts.note(_finished(begun))
                return Scored(**told, batch=None, began=note["began"], scored=0, same=0, bad=0, newly_bad=0, first_bad=())
            keeper = Keeper(parts, note["batch"], model, label_set, ledger, log, begin=lambda: parts.note(note))
            rows = _far(todo, model, wanted, dask_address) if dask_address else _here(todo, model, wanted, ledger)
            lost = (Row(file=File(one.path, -1, 0), at=now(), error=one.reason) for one in bad)
            with keeper:
                for row in chain(lost, progress(rows, "score", len(todo))):
                    keeper.take(row)
            if begun or keeper.begun:
                parts.note(_finished(note))
    told |= {"scored": keeper.scored, "same": keeper.same}
    told |= {"bad": keeper.bad, "newly_bad": keeper.newly_bad, "first_bad": tuple(keeper.first_bad)}
    return Scored(**told, batch=note["batch"] if begun or keeper.begun else None, began=note["began"])


def look(wanted: PredictionConfig) -> tuple[Model, Parts]:
    """The model of a batch and what it has scored in its place, once all that can be told without a look at the files is in order.

    Raises:
        DataError: if no clips are named, a path of this machine is not there, or the place cannot be written or has another run.
        RegistryError: if there is no such model.
        S3Error: if S3 refuses the place.
    """
    if not wanted.data:
        raise DataError("prediction.data names no clips: give at least one folder, file, CSV or s3://bucket/prefix")
    model = Model.find(wanted.model)
    for _, path in map(parse, wanted.data):
        if not is_remote(path):
            expand(path)
    parts = Parts.at(wanted.out, model.digest)
    parts.try_out()
    return model, parts


def _note(data: Sequence[str], model: Model) -> dict[str, Any]:
    """Of a batch that begins."""
    began = now()
    name = f"{began:%Y%m%dT%H%M%SZ}-{os.urandom(2).hex()}"
    return {"batch": name, "began": began.isoformat(), "finished": None, "model": model.digest, "model_key": model.key, "data": list(data)}


def _finished(note: dict[str, Any]) -> dict[str, Any]:
    return {**note, "finished": now().isoformat()}


def _here(todo: list[File], model: Model, wanted: PredictionConfig, ledger: Ledger) -> Iterator[Row]:
    if todo:
        yield from hear(model.open(wanted.device), todo, ledger.has, wanted.num_workers, wanted.batch_size)


def _far(todo: list[File], model: Model, wanted: PredictionConfig, address: str) -> Iterator[Row]:
    if not todo:
        return
    with connected(address) as cluster:
        size = min(MOST_FILES, max(LEAST_FILES, len(todo) // (PIECES_A_THREAD * cluster.threads)))
        pieces = (todo[first : first + size] for first in range(0, len(todo), size))
        for piece, done in cluster.spread(partial(_hear_piece, model=model, wanted=wanted), pieces):
            if done is None:
                yield from (Row(file=file, at=now(), error=ENDS_WORKERS) for file in piece)
            else:
                refuse_blind(done[1])
                yield from done[0]


def _hear_piece(piece: list[File], *, model: Model, wanted: PredictionConfig) -> tuple[list[Row], list[str]]:
    """On a worker: the rows of some files, and which of those that failed it cannot open."""
    readers = wanted.num_workers or WORKERS_READERS
    rows = list(hear(model.open(wanted.device), piece, workers=readers, batch_size=wanted.batch_size))
    return rows, unreadable(row.file.path for row in rows if row.error is not None)
