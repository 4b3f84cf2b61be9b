"""Garbage collection: frees what no recent view of the store needs."""

import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from components.audio import Clip16
from components.errors import StoreError
from components.places import store_root
from components.store.embeddings import forget_embeddings
from components.store.folder import Folder, far, remove
from components.store.identity import renew
from components.store.shards import SHARD_BYTES, Index, ShardWriter, map_samples, read_indexes

DAY_S = 86_400
SMALL_SHARD_BYTES = SHARD_BYTES // 4  # each clip that changes makes a shard of its own: such are put together


@dataclass(frozen=True)
class Freed:
    """What was removed.

    Attributes:
        nbytes: on disk.
        clips: decoded clips.
        views: of manifests.
        busy: folders that were left alone because a process is in them.
    """

    nbytes: int
    clips: int
    views: int
    busy: list[str]


def collect_garbage(root: Path | None = None, unused_days: float = 30.0) -> Freed:
    """Forget views that no run has built or opened for some days, and remove the clips that no other view needs.

    A shard that nobody needs goes; those half empty or small are written anew, together and without waste. Embeddings that were not
    used for as long go too. A run that has a kept view open goes on.

    Args:
        root: of the store; TIMBRE_STORE by default.
        unused_days: age at which a view is forgotten; 0 forgets all.
    Raises:
        StoreError: if a view cannot be read, so that nobody knows what it needs, or the disk is full.
    """
    if remote := far(root):
        raise StoreError(
            f"garbage of the store at {remote.address} is not collected from here, as others may be reading it: remove all of it while "
            "nothing runs, and clips are decoded again; what this machine fetched may be removed when nothing runs here"
        )
    nbytes = clips = views = 0
    busy = []
    for path in sorted((Path(root or store_root()) / "clips").glob("*hz-*")):
        folder = Folder(path)
        with folder.alone() as alone:
            if not alone:
                busy.append(str(path))
                continue
            nbytes += folder.sweep()
            forgotten = [
                view for view in sorted(folder.views.glob("*.parquet")) if time.time() - view.stat().st_mtime >= unused_days * DAY_S
            ]
            needed = _needed(sorted(set(folder.views.glob("*.parquet")) - set(forgotten)))
            freed, removed = _free(folder, needed)
            # The views go last: an interrupt before this leaves views that lack clips, which say so, and the next call removes them.
            nbytes += freed + sum(remove(view) for view in forgotten)
            clips += removed
            views += len(forgotten)
    nbytes += forget_embeddings(Path(root or store_root()), unused_days)
    if views:
        renew(root)  # or a cached featurize would name one of them
    return Freed(nbytes, clips, views, busy)


def _needed(views: list[Path]) -> set[str]:
    needed: set[str] = set()
    for view in views:
        try:
            needed.update(pq.read_table(view, columns=["sha256"]).column("sha256").to_pylist())
        except (OSError, ValueError, KeyError):
            raise StoreError(f"{view} is damaged, so what it needs is not known: remove it and collect again") from None
    return needed


def _free(folder: Folder, needed: set[str]) -> tuple[int, int]:
    """Bytes freed and clips removed."""
    before = _size(folder)
    indexes = list(read_indexes(folder))
    kept: set[str] = set()
    staying: list[str] = []
    moving: list[Index] = []
    for index in indexes:
        useful = sum(length for sha256, length in zip(index.sha256, index.length, strict=True) if sha256 in needed and sha256 not in kept)
        kept.update(needed.intersection(index.sha256))
        if useful > max(sum(index.length) / 2, SMALL_SHARD_BYTES / 2):
            staying.append(index.shard)
        elif useful:
            moving.append(index)
    staying += _move(folder, moving, needed)
    for path in folder.shards.iterdir():  # the damaged ones too
        if path.stem not in staying:
            remove(path)
    return before - _size(folder), len({sha256 for index in indexes for sha256 in index.sha256} - kept)


def _move(folder: Folder, indexes: list[Index], needed: set[str]) -> list[str]:
    """Write the needed clips of these shards into new ones, and name those."""
    writer = ShardWriter(folder)
    moved: set[str] = set()
    for index in indexes:
        samples = map_samples(folder, index.shard)
        for sha256, offset, length, scale in zip(index.sha256, index.offset, index.length, index.scale, strict=True):
            if sha256 in needed and sha256 not in moved:
                writer.add(sha256, Clip16(samples[offset : offset + length], scale))
                moved.add(sha256)
    writer.flush()
    return writer.written


def _size(folder: Folder) -> int:
    return sum(path.stat().st_size for path in folder.shards.iterdir())
