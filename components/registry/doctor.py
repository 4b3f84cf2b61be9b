"""What a crash, a lost disk or a stray hand left between the database and the tagger folders, and how to mend it."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import select

from components.errors import RegistryError, S3Error
from components.progress import Progress, quiet
from components.registry import folders, history, keys
from components.registry.records import Card
from components.registry.registry import Registry
from components.registry.tables import ModelRow

AGAIN = "register it again from its run folder (the same training run does so), or archive it"
PART_AGE_S = 3600  # an attachment in the writing is no leftover


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Args:
        what: what is wrong, one sentence.
        where: the folder, the model's key or the database.
        remedy: what `mend` does, or what a person has to do where there is none.
        mend: does it; audited under the name that `examine` was given.
    """

    what: str
    where: str
    remedy: str
    mend: Callable[[], None] | None = None


def examine(registry: Registry, who: str = "doctor", progress: Progress = quiet) -> list[Finding]:
    """Everything that is wrong with the database and the tagger folders; it changes nothing.

    Every file of every tagger folder is read, so it takes as long as that.
    """
    found = list(_leftovers(registry.root))
    try:
        with registry.database.read() as session:
            rows = {row.digest: row for row in session.scalars(select(ModelRow))}
            current, former = keys.production(session), history.former(session)
    except RegistryError as error:
        return [*found, Finding(str(error), registry.database.where, "start it, or set TIMBRE_DATABASE_URL")]
    try:
        there = registry.lying()
    except S3Error as error:
        return [*found, Finding(str(error), registry.place, "then look again")]
    here = folders.by_digest(registry.root)  # where they lie on S3, a copy here may be the only one
    where = {digest: str(folder) for digest, folder in here.items()} | {digest: f"{registry.place}/{digest}" for digest in there}
    if not where and any(row.archived_at is None for row in rows.values()):
        what = "the registry has models, but no tagger folders lie here"
        return [*found, Finding(what, registry.place, "set TIMBRE_MODELS to where they lie")]
    bad: dict[str, list[str]] = {}
    unread: set[str] = set()
    for digest in progress(sorted(where), "tagger folders", len(where)):
        try:
            if wrong := folders.faults(registry.folder_of(digest), digest):
                bad[digest] = wrong
        except (RegistryError, S3Error) as error:
            unread.add(digest)
            whose = f"of {rows[digest].key}" if digest in rows else "that the registry does not know"
            found.append(Finding(f"the tagger folder {whose} cannot be fetched: {error}", where[digest], f"look again, or {AGAIN}"))
    sound = [row for row in former if row.digest in there and row.digest not in unread | bad.keys()]
    found += _alias(registry, current, sound, who)
    for digest, row in rows.items():
        if digest in bad:
            what = f"the tagger folder of {row.key} is damaged: {'; '.join(bad[digest])}"
            found.append(Finding(what, str(registry.root / digest), AGAIN))
        elif digest not in there and row.archived_at is None:
            found.append(_lost(registry, row, here.get(digest)))
    for digest in sorted(where.keys() - rows.keys() - unread):
        found.append(_orphan(registry, digest, where[digest], bad.get(digest, []), who))
    return found


def _lost(registry: Registry, row: ModelRow, copy: Path | None) -> Finding:
    """A model whose tagger folder does not lie where all can have it."""
    if copy is None:
        return Finding(f"the tagger folder of {row.key} is missing", f"{registry.place}/{row.digest}", AGAIN)
    what = f"the tagger folder of {row.key} is missing on S3, and a copy lies here"
    return Finding(what, str(copy), "sends it", partial(registry.send, row.digest))


def _leftovers(root: Path) -> Iterator[Finding]:
    if not root.is_dir():
        return
    for path in folders.leftovers(root):
        what = "a process was killed while it copied a tagger here, or is at it now"
        yield Finding(what, str(path), "removes it, once nobody is at it", partial(_sweep, root))
    for path in sorted(root.glob(".*.part")):
        if time.time() - path.stat().st_mtime > PART_AGE_S:
            yield Finding("a process was killed while it attached a file", str(path), "removes it", partial(path.unlink, missing_ok=True))


def _sweep(root: Path) -> None:
    with folders.alone(root) as sure:
        if not sure:
            raise RegistryError(f"the file system of {root} cannot lock: remove {folders.INCOMING}* there when no training runs")
        folders.sweep(root)


def _alias(registry: Registry, current: ModelRow | None, sound: list[ModelRow], who: str) -> Iterator[Finding]:
    """`production` on a model that may not be served."""
    if current is None or (current.is_active and current.archived_at is None):
        return
    state = "archived" if current.archived_at is not None else "inactive"
    to = sound[0] if sound else None

    def mend() -> None:
        with registry.database.write() as session:
            row = None if to is None else session.get(ModelRow, to.id)
            history.put_in_production(session, row, who, history.ROLLED_BACK, f"{current.key} was in production though {state}")

    remedy = "leaves nothing in production" if to is None else f"puts {to.key} back, which was in production before"
    yield Finding(f"production is {current.key}, which is {state}", registry.database.where, remedy, mend)


def _orphan(registry: Registry, digest: str, where: str, wrong: list[str], who: str) -> Finding:
    """A folder that a crash kept from getting its row, or that another database knows."""
    what = "a tagger folder that the registry does not know"
    folder = registry.root / digest
    if wrong:
        return Finding(f"{what}, and damaged: {'; '.join(wrong)}", str(folder), "remove the folder")
    try:
        card = Card.from_json(json.loads((folder / "card.json").read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        return Finding(what, where, "run its training again, which registers it, or remove the folder")

    def mend() -> None:
        registry.adopt(digest, card, who)

    return Finding(what, where, "enters it, inactive: its training run again lets the gate decide, or promote it by hand", mend)
