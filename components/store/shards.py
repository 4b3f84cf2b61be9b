"""Shards: the int16 samples of many clips end to end in a flat .npy, and a Parquet index, written last, that makes them count."""

import hashlib
import io
import logging
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from components.audio import Clip16
from components.errors import S3Error
from components.store.folder import Folder, beside, sentences
from components.store.remote import bring_indexes, send_shard

log = logging.getLogger(__name__)

SHARD_BYTES = 32 * 2**20  # what an interrupt loses at most, what is written at once, and the least number of files
_HEADER_BYTES = 128  # of a flat .npy, whatever its length
_INDEX = pa.schema([("sha256", pa.string()), ("offset", pa.int64()), ("length", pa.int64()), ("scale", pa.float32())])
Samples = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Index:
    """Which clips a shard holds; the columns are parallel."""

    shard: str
    sha256: list[str]
    offset: list[int]
    length: list[int]
    scale: list[float]


class Place(NamedTuple):
    """Where a clip lies: offset and length in samples."""

    shard: str
    offset: int
    length: int
    scale: float


@dataclass
class ShardWriter:
    """Collects clips and writes a shard whenever enough are together; `written` names those."""

    folder: Folder
    written: list[str] = field(default_factory=list)
    _shas: list[str] = field(default_factory=list)
    _clips: list[Clip16] = field(default_factory=list)
    nbytes: int = 0  # collected

    def add(self, sha256: str, clip: Clip16) -> None:
        """Take one clip.

        Raises:
            StoreError: if a shard cannot be written; nothing half-written stays.
        """
        self._shas.append(sha256)
        self._clips.append(clip)
        self.nbytes += clip.samples.nbytes
        if self.nbytes >= SHARD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what was collected.

        Raises:
            StoreError: if it cannot be written; nothing half-written stays.
        """
        if not self._clips:
            return
        name = _name(self._shas)
        lengths = [len(clip.samples) for clip in self._clips]
        columns = [self._shas, [0, *np.cumsum(lengths[:-1]).tolist()], lengths, [clip.scale for clip in self._clips]]
        table = pa.Table.from_arrays([pa.array(column, kind.type) for column, kind in zip(columns, _INDEX, strict=True)], schema=_INDEX)
        with sentences(self.folder.path), beside(index_file(self.folder, name)) as index:
            pq.write_table(table, index)
            pieces = _pieces([clip.samples for clip in self._clips])
            if self.folder.remote:  # and not here, where they are fetched when they are needed, so that a small disk does
                send_shard(self.folder.remote, name, b"".join(pieces), index)
            else:  # both are whole before either counts; the samples take their place first
                with beside(samples_file(self.folder, name)) as samples:
                    _write_samples(samples, pieces)
        self.written.append(name)
        self._shas, self._clips, self.nbytes = [], [], 0


def _name(shas: Sequence[str]) -> str:
    """It follows from the content: two processes that write the same shard replace it by itself."""
    return hashlib.sha256("\n".join(shas).encode()).hexdigest()[:32]


def holds(folder: Folder, shas: Sequence[str]) -> bool:
    """Whether there is a whole shard of just these clips."""
    name = _name(shas)
    try:
        if folder.remote:
            _read_index(name, io.BytesIO(folder.remote.read(f"shards/{name}.parquet")), folder.remote.size(f"shards/{name}.npy"))
        else:
            _read_index(name, index_file(folder, name), samples_file(folder, name).stat().st_size)
    except S3Error as error:
        if error.kind not in ("missing", "damaged"):
            raise
        return False
    except (OSError, ValueError, TypeError):
        return False
    return True


def samples_file(folder: Folder, shard: str) -> Path:
    return folder.shards / f"{shard}.npy"


def index_file(folder: Folder, shard: str) -> Path:
    return folder.shards / f"{shard}.parquet"


def read_indexes(folder: Folder) -> Iterator[Index]:
    """The shards that are whole, by name; a damaged one is passed over, so that its clips are decoded again."""
    remote = bring_indexes(folder, folder.remote) if folder.remote else None
    for path in sorted(folder.shards.glob("*.parquet") if remote is None else map(folder.path.joinpath, remote)):
        try:
            held = samples_file(folder, path.stem).stat().st_size if remote is None else remote[f"shards/{path.name}"]
            index = _read_index(path.stem, path, held)
        except (OSError, ValueError, TypeError) as error:
            log.warning("shard %s is passed over: %s", path, error)
            continue
        yield index


def _read_index(shard: str, source: Path | io.BytesIO, held: int | None) -> Index:
    """A shard's index.

    Args:
        held: bytes of its samples.
    Raises:
        OSError, ValueError, TypeError: if it is damaged, or if the samples are not whole.
    """
    index = Index(shard, **pq.read_table(source, schema=_INDEX, partitioning=None).to_pydict())
    if held != _HEADER_BYTES + 2 * sum(index.length):
        raise ValueError("its samples are cut short")
    return index


def locate(folder: Folder, wanted: Collection[str]) -> dict[str, Place]:
    """sha256 -> place of the wanted clips that are stored."""
    found: dict[str, Place] = {}
    for index in read_indexes(folder):
        for sha256, offset, length, scale in zip(index.sha256, index.offset, index.length, index.scale, strict=True):
            if sha256 in wanted and sha256 not in found:
                found[sha256] = Place(index.shard, offset, length, scale)
    return found


def map_samples(folder: Folder, shard: str) -> Samples:
    """A shard's samples, int16 [time], mapped and not read.

    Raises:
        OSError, ValueError: if it is gone or damaged.
    """
    samples: Samples = np.load(samples_file(folder, shard), mmap_mode="r", allow_pickle=False).view(np.ndarray)
    return samples


def _pieces(clips: Sequence[Samples]) -> Iterator[bytes | memoryview]:
    """The .npy of clips end to end."""
    header, shape = io.BytesIO(), (sum(len(samples) for samples in clips),)
    np.lib.format.write_array_header_1_0(header, {"descr": "<i2", "fortran_order": False, "shape": shape})
    yield header.getvalue()
    for samples in clips:
        yield np.ascontiguousarray(samples, "<i2").data


def _write_samples(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    with path.open("wb") as file:
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())  # before the index says that they are there
