"""Featurize: decode each clip of a manifest that the store does not have yet, and name the result."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from components.audio import Arrived, Clip16, Fetchers, digest_of, limits_of, load
from components.config import AudioConfig
from components.cores import cores
from components.datasets import BadClip, Manifest
from components.errors import AudioError, S3Error, StoreError
from components.places import store_root
from components.progress import Progress, quiet
from components.store.folder import Folder, sentences
from components.store.ref import StoreRef
from components.store.shards import ShardWriter, locate

WAITING_BYTES = 64 * 2**20  # decoded clips that wait for a slow one before them
LAST_BYTES = 4 * 2**20  # of a shard, at least, that goes to S3 before it is full


@dataclass(frozen=True)
class Built:
    """A view of the store and how it came about.

    Attributes:
        bad: clips that could not be decoded; they are not in the view.
        decoded: clips that were decoded now.
        reused: clips of the view that were there before, or share their content with another.
    """

    ref: StoreRef
    bad: list[BadClip]
    decoded: int
    reused: int


class Job(NamedTuple):
    path: str
    sha256: str
    nbytes: int


def build_store(
    manifest: Manifest,
    audio: AudioConfig,
    root: Path | None = None,
    workers: int | None = None,
    progress: Progress = quiet,
    dask_address: str | None = None,
) -> Built:
    """Put every clip of the manifest into the store, on all cores; what is there already is not decoded again.

    It may be interrupted at any moment and run again, and several may run at once: what is finished counts, the rest is swept.

    Args:
        root: of the store; TIMBRE_STORE by default.
        workers: threads that decode; one a core by default.
        dask_address: of a scheduler whose workers decode instead.
    Raises:
        ClusterError: if the cluster is away, or its workers do not see the store or the clips.
        StoreError: if the disk is full or cannot be written.
    """
    folder = Folder.of(audio, root)
    with folder.in_use():
        jobs = _missing(manifest, audio, folder)
        if dask_address:
            from components.store.far import decode_far  # it imports what is here

            failed = decode_far(jobs, audio, folder, Path(root or store_root()).absolute(), dask_address, progress)
        else:
            failed = decode(jobs, audio, folder, workers or cores(), progress)
        frame = manifest.frame
        is_bad = frame["sha256"].isin(list(failed))
        stored = Manifest(frame[~is_bad].reset_index(drop=True), manifest.label_set) if failed else manifest
        ref = StoreRef(uri=f"clips/{folder.path.name}", digest=_digest(stored, folder))
        with sentences(folder.path):
            view = stored.write(folder.view(ref.digest))
        if folder.remote:
            folder.remote.put(f"views/{view.name}", view)
    bad = [BadClip(path, failed[sha256]) for path, sha256 in zip(frame["path"][is_bad], frame["sha256"][is_bad], strict=True)]
    decoded = len(jobs) - len(failed)
    return Built(ref, bad, decoded, len(stored) - decoded)


def _digest(stored: Manifest, folder: Folder) -> str:
    return hashlib.sha256(f"{folder.path.name}\n{stored.digest}".encode()).hexdigest()


def _missing(manifest: Manifest, audio: AudioConfig, folder: Folder) -> list[Job]:
    """One job for each content that is not stored."""
    frame = manifest.frame
    stored = locate(folder, set(frame["sha256"]))
    todo = frame[~frame["sha256"].isin(list(stored))].drop_duplicates("sha256")
    return [
        Job(path, sha256, int(duration_s * audio.sample_rate) * 2)
        for path, sha256, duration_s in zip(todo["path"], todo["sha256"], todo["duration_s"], strict=True)
    ]


def decode(
    jobs: list[Job],
    audio: AudioConfig,
    folder: Folder,
    workers: int,
    progress: Progress = quiet,
    when_decoded: Callable[[], None] | None = None,
    one_shard: bool = False,
) -> dict[str, str]:
    """Decode into shards; sha256 -> reason of those that failed.

    Args:
        one_shard: the jobs are a piece of a cluster's work, which counts as done when its one shard is there.
        when_decoded: called when all are decoded and the last of them are still to be written.
    """
    limits = limits_of(audio)

    def work(job: Job, arrived: Arrived) -> Clip16 | str:
        try:
            with arrived() as source:
                clip = load(source, audio.sample_rate, limits)  # first, as it refuses what would block
                return clip if digest_of(source) == job.sha256 else "has changed since it was listed: run validate again"
        except AudioError as error:
            return str(error).removeprefix(job.path).strip(" :")

    failed: dict[str, str] = {}
    writer = ShardWriter(folder)
    left = sum(job.nbytes for job in jobs)
    tapers = folder.remote is not None and not one_shard  # the last shards are smaller, so that little is left to send at the end
    # Threads, not processes: libsndfile, soxr, hashing and writing let go of the interpreter's lock, two threads are as fast as two
    # processes here, and they start at once and hand clips over without copying.
    pool, fetchers = ThreadPoolExecutor(workers, thread_name_prefix="featurize"), Fetchers()

    def submit(job: Job) -> Future[Clip16 | str]:
        return pool.submit(work, job, fetchers.ask(job.path))

    try:
        for job, result in progress(_in_order(submit, jobs, workers), "featurize", len(jobs)):
            if isinstance(result, str):
                failed[job.sha256] = result
            else:
                writer.add(job.sha256, result)
            left -= job.nbytes
            if tapers and writer.nbytes >= max(LAST_BYTES, left):
                writer.flush()
    except (StoreError, S3Error):
        raise
    except BaseException:
        pool.shutdown(wait=True, cancel_futures=True)
        writer.flush()
        raise
    else:
        if when_decoded:
            when_decoded()
        writer.flush()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        fetchers.close()
    return failed


def _in_order(submit: Callable[[Job], "Future[Clip16 | str]"], jobs: Iterable[Job], workers: int) -> Iterator[tuple[Job, Clip16 | str]]:
    """Results in the order of the jobs, with few enough under way that memory does not grow with their number."""
    waiting: deque[tuple[Job, Future[Clip16 | str]]] = deque()
    waiting_bytes = 0
    for job in jobs:
        waiting.append((job, submit(job)))
        waiting_bytes += job.nbytes
        while len(waiting) > 2 * workers and (waiting_bytes > WAITING_BYTES or len(waiting) > 16 * workers):
            done, future = waiting.popleft()
            waiting_bytes -= done.nbytes
            yield done, future.result()
    while waiting:
        done, future = waiting.popleft()
        yield done, future.result()
