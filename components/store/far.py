"""Featurize over a Dask cluster: workers write shards straight into the store, and only what failed comes back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from components.audio import DECODER_VERSION
from components.cluster import ENDS_WORKERS, connected, here, make_room, refuse_blind, shrinking, unreadable
from components.config import AudioConfig
from components.errors import ClusterError
from components.places import mirror
from components.progress import Progress
from components.s3 import Remote, is_remote
from components.store.build import Job, decode
from components.store.folder import Folder
from components.store.identity import identity
from components.store.shards import SHARD_BYTES, holds

LEAST_BYTES = 4 * 2**20  # of decoded clips that are worth the way to a worker


@dataclass(frozen=True)
class _Place:
    """A folder of the store as every machine finds it, and what tells it from another of the same path."""

    root: str
    name: str
    identity: str

    def folder(self) -> Folder:
        """The folder as this worker sees it.

        Raises:
            ClusterError: if it does not.
        """
        if is_remote(self.root):
            remote = Remote.of(self.root) / "clips" / self.name
            folder = Folder(mirror(remote.address), remote)
            for inner in (folder.shards, folder.views):
                inner.mkdir(parents=True, exist_ok=True)
            return folder
        folder = Folder(Path(self.root) / "clips" / self.name)
        if not folder.shards.is_dir() or identity(Path(self.root)) != self.identity:
            raise ClusterError(
                f"{here()} does not see the store at {self.root}: let all workers mount it at this path, or set TIMBRE_STORE to s3://"
            )
        return folder


@dataclass(frozen=True)
class _Done:
    """What came of a piece: sha256 -> reason of the clips that failed, and which of these no file could be opened of."""

    failed: dict[str, str]
    unseen: list[str]


def decode_far(jobs: Sequence[Job], audio: AudioConfig, folder: Folder, root: Path, address: str, progress: Progress) -> dict[str, str]:
    """`decode` on the workers of a cluster: decode into shards; sha256 -> reason of those that failed.

    Args:
        root: of the store.
        address: of the scheduler.
    Raises:
        ClusterError: if the cluster is away, or its workers see neither the store nor the clips.
        StoreError: if the store is full.
    """
    if not jobs:
        return {}
    place = _Place(folder.store.address if folder.store else str(root), folder.path.name, identity(root))
    seen = [job if is_remote(job.path) else job._replace(path=str(Path(job.path).absolute())) for job in jobs]
    failed: dict[str, str] = {}

    def clips() -> Iterator[Job]:
        with connected(address) as cluster:
            pieces = shrinking(seen, [job.nbytes for job in seen], cluster.threads, SHARD_BYTES, LEAST_BYTES)
            for piece, done in cluster.spread(partial(_decode_piece, audio=audio, place=place, decoder=DECODER_VERSION), pieces):
                if done is None:
                    failed.update((job.sha256, ENDS_WORKERS) for job in piece)
                else:
                    refuse_blind(done.unseen)
                    failed.update(done.failed)
                yield from piece

    for _ in progress(clips(), "featurize", len(jobs)):
        pass
    return failed


def _decode_piece(piece: list[Job], *, audio: AudioConfig, place: _Place, decoder: str) -> _Done:
    """On a worker: one piece into the store; one that is there already, as its worker was lost on the way back, stays."""
    if decoder != DECODER_VERSION:
        raise ClusterError(f"{here()} decodes with {DECODER_VERSION}, and this run with {decoder}: install the same packages in both")
    folder = place.folder()
    with folder.in_use():
        if holds(folder, [job.sha256 for job in piece]):
            return _Done({}, [])
        failed = decode(piece, audio, folder, 1, when_decoded=make_room, one_shard=True)
    return _Done(failed, unreadable(job.path for job in piece if job.sha256 in failed))
