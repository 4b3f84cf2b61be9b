"""Data sets on S3: a tree of stand-ins here, with the names, sizes and times of the objects, that every reader walks like any folder.

Labels and lists are fetched with it. Audio and all else is not: its stand-in is an empty hull, and what opens audio reads the object
(`audio.source`).
"""

import contextlib
import glob
import logging
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from components.datasets.clips import BadClip
from components.datasets.files import AUDIO_EXTENSIONS
from components.errors import DataError
from components.locks import Turn, locked
from components.places import stand_ins
from components.s3 import SCHEME, Remote
from components.s3.connect import room
from components.s3.remote import Object

MOST_TEXT_BYTES = 2**30  # of one label file or list
LONGEST_NAME = 255  # bytes of a folder's or file's name on most file systems
READ = frozenset({".csv", ".tsv", ".txt", ".npz", ".json"})
"""Extensions of label files and lists, which are fetched."""

log = logging.getLogger(__name__)


@contextlib.contextmanager
def standing_in(address: str) -> Iterator[tuple[str, list[BadClip]]]:
    """What to read in place of `s3://bucket/prefix`, an object or a glob of them: the path or the glob here.

    Of a prefix, also the audio whose name no folder here can hold. It stays as it was listed while this lasts: who else wants to read of
    the bucket waits. Not to be nested.

    Raises:
        DataError: if nothing is there.
        S3Error: if S3 refuses.
    """
    with _alone(Remote.of(address).bucket):
        yield _stand_in(address)


def _stand_in(address: str) -> tuple[str, list[BadClip]]:
    plain = address.rstrip("/")
    many, is_prefix = glob.has_magic(plain), True
    above = Remote.of(_before_magic(plain) if many else plain)
    found = above.objects()
    if not found and not many and above.prefix:
        name, is_prefix = PurePosixPath(above.prefix).name, False
        above = Remote.of(plain.rpartition("/")[0])  # an object: what it names lies beside it
        found = above.objects() if above.holds(name) else {}
    if not found:
        above.check()
        raise DataError(f"{address} is not there: check bucket and key")
    fit = _fit(found)
    _lay_out(above, fit)
    return str(stand_ins(plain)), _unfit(above, found.keys() - fit.keys()) if is_prefix and not many else []


def is_there(address: str) -> bool:
    """Whether anything lies at `s3://bucket/prefix`; of a glob, below what stands before it.

    Raises:
        S3Error: if S3 refuses.
    """
    plain = address.rstrip("/")
    if glob.has_magic(plain):
        return Remote.of(_before_magic(plain)).holds_any()
    place = Remote.of(plain)
    return place.holds_any() or (bool(place.prefix) and Remote.of(plain.rpartition("/")[0]).holds(plain.rpartition("/")[2]))


@contextlib.contextmanager
def _alone(bucket: str) -> Iterator[None]:
    """While stand-ins are made and read."""
    root = stand_ins("")
    with contextlib.ExitStack() as stack:
        with room(f"{SCHEME}{bucket}", str(root), "TIMBRE_MIRROR"):
            root.mkdir(parents=True, exist_ok=True)
            turn = stack.enter_context(locked(root / f".{bucket}.lock", wait=False))
        if turn is Turn.TAKEN:
            log.info("waiting for another process, which lists %s%s", SCHEME, bucket)
            stack.enter_context(locked(root / f".{bucket}.lock"))
        yield


def _before_magic(address: str) -> str:
    parts = address.split("/")
    magic = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    return "/".join(parts[:magic])


def _lay_out(above: Remote, found: dict[str, Object]) -> None:
    """Make the tree here what the listing says; only what has changed is fetched."""
    root = stand_ins(above.address)
    for folder, _, names in os.walk(root, topdown=False):
        for path in map(Path(folder).joinpath, names):
            if path.relative_to(root).as_posix() not in found:
                path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # an object may have the name that a folder had
            Path(folder).rmdir()
    changed = [name for name, item in found.items() if not _is_same(root / name, item)]
    above.bring([name for name in changed if _is_text(name, found[name])], root)
    for name in changed:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not _is_text(name, found[name]):
            with path.open("wb") as file:
                file.truncate(found[name].size)  # takes no room on the disk
        os.utime(path, ns=(stamp(found[name]),) * 2)


def _fit(found: dict[str, Object]) -> dict[str, Object]:
    """The objects whose keys can be paths here."""
    folders = {str(parent) for name in found for parent in PurePosixPath(name).parents}
    return {name: item for name, item in found.items() if _is_plain(name) and name not in folders}


def _unfit(above: Remote, names: Iterable[str]) -> list[BadClip]:
    audio = sorted(name for name in names if PurePosixPath(name).suffix.lower() in AUDIO_EXTENSIONS and not name.endswith("/"))
    return [BadClip(f"{above.address}/{name}", "has a name that no folder here can hold: rename it") for name in audio]


def _is_text(name: str, item: Object) -> bool:
    return PurePosixPath(name).suffix.lower() in READ and item.size <= MOST_TEXT_BYTES


def _is_plain(name: str) -> bool:
    """Whether a key can be a path here; one that leads elsewhere, or that no disk takes, is none."""
    return all(part not in ("", ".", "..") and "\0" not in part and len(part.encode()) <= LONGEST_NAME for part in name.split("/"))


def _is_same(path: Path, item: Object) -> bool:
    try:
        held = path.lstat()
    except OSError:
        return False
    return held.st_size == item.size and held.st_mtime_ns == stamp(item)


def stamp(item: Object) -> int:
    """A time for an object and its stand-in, in ns: its second, and as fraction a sum of the tag, as two contents may be of one second."""
    return int(item.written_s) * 10**9 + zlib.crc32(item.tag.encode()) % 10**9
