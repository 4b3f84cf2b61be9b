"""What a client may name instead of sending it: a file or folder below the data roots, or objects in S3. Knows no web.

Every name passes `Roots.find` or `Buckets.split` before anything is looked at.
"""

import io
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from bentos.buckets import SCHEME, Buckets
from bentos.processes import prefix
from bentos.roots import Roots, is_audio, too_large
from bentos.source_errors import SourceError, is_text, quoted
from components.datasets.files import shown as printable

MOST_BYTES = 4 * 2**30  # of all objects of a data set
COMPANIONS = 3  # files beside each clip of a data set: its label file and the like
SCRATCH = "timbre-s3-"


class NamedBytes(io.BytesIO):
    """Bytes that an error can name."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


@dataclass(frozen=True)
class SourceFile:
    """A file that may be read.

    Args:
        shown: what the client wrote, with the path below it where that was a folder; never a path of the server.
    """

    shown: str
    _opened: Callable[[], BinaryIO] = field(repr=False, compare=False)

    @property
    def stem(self) -> str:
        return PurePosixPath(self.shown).stem

    def open(self) -> BinaryIO:
        """A seekable file object for `components.audio.load`, whose `name` is `shown`; the caller closes it.

        Raises:
            SourceError: if it is gone, too large, or S3 does not give it.
        """
        return self._opened()


class Sources:
    """Files that clients may name.

    Args:
        roots: folders below which paths lie.
        buckets: S3 buckets that may be read; none: S3 is off.
        max_bytes: of one file.
        max_files: that one request may name, folders searched.
        max_total_bytes: of all objects of a data set, which are copied here to be read.
    """

    def __init__(
        self, roots: Sequence[Path], buckets: Sequence[str], max_bytes: int, max_files: int, max_total_bytes: int = MOST_BYTES
    ) -> None:
        self.roots, self.buckets = Roots(roots), Buckets(tuple(buckets))
        self.max_bytes, self.max_files, self.max_total_bytes = max_bytes, max_files, max_total_bytes

    def files(self, text: str) -> list[SourceFile]:
        """The file, or the audio files of the folder (searched recursively, sorted), that a client's words name.

        A single file's size is checked here, that of a folder's files by their `open`.

        Args:
            text: a path below a root, `s3://bucket/key`, or `s3://bucket/prefix/`.
        Raises:
            SourceError: malformed, missing, too_large, refused, denied or away.
        """
        found = self._objects(text) if text.startswith(SCHEME) else self._paths(text)
        if not found:
            raise SourceError("missing", f"{quoted(text)} holds no audio files: name another folder")
        return found

    def all_files(self, texts: Iterable[str]) -> list[SourceFile]:
        """The files of several names, in their order; `max_files` holds for all of them."""
        found: list[SourceFile] = []
        for text in texts:
            found += self.files(text)
            self._check_count(len(found), text)
        return found

    @contextmanager
    def local(self, text: str, scratch: Path | None = None) -> Iterator[Path]:
        """A path on this machine for a data set, which its reader may open whole: no link in it leads out of the roots.

        Objects of S3 are copied into a folder of their own, which is removed at the end; their count and sizes are checked before.

        Args:
            scratch: where that folder is made; the system's place for temporary files where none is given.
        Raises:
            SourceError: as `files` does.
        """
        if text.startswith(SCHEME):
            bucket, key = self.buckets.split(text)
            with tempfile.TemporaryDirectory(prefix=prefix("s3"), dir=scratch) as folder:
                yield self._copy(bucket, key, Path(folder))
            return
        path = self.roots.find(text)
        if path.is_dir() and (link := self.roots.leading_out(path)) is not None:
            raise SourceError("malformed", f"{quoted(text)} holds the link {quoted(printable(link))}, which leads out of the data folders")
        yield path

    def check(self, paths: Iterable[Path], local: Path) -> None:
        """Refuse files that a data set names (a CSV may name any) outside the roots and outside what `local` gave.

        Raises:
            SourceError: missing, the same for what is not there and what lies elsewhere.
        """
        inside = local if local.is_dir() else local.parent
        for path in paths:
            within = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(inside))
            if not within and self.roots.real(path) is None:
                raise SourceError("missing", f"the data set names {quoted(printable(path.name))} outside the data folders")

    def hide(self, sentence: str) -> str:
        """A sentence of components with the server's paths cut to what a client may know of them."""
        sentence = re.sub(rf"/\S*/{SCRATCH}[^/\s]+/?", "", sentence)
        for folder in sorted({*self.roots.folders, *map(Path.resolve, self.roots.folders)}, key=lambda folder: -len(str(folder))):
            sentence = sentence.replace(str(folder), folder.name) if folder.name else sentence
        return sentence

    def _paths(self, text: str) -> list[SourceFile]:
        path = self.roots.find(text)
        if not path.is_dir():
            if (size := path.stat().st_size) > self.max_bytes:
                raise too_large(text, size, self.max_bytes)
            return [self._file(path, text)]
        found = []
        for real, below in self.roots.walk(path, text):
            if is_audio(below):
                found.append((below, real))
                self._check_count(len(found), text)
        return [self._file(real, f"{text.rstrip('/')}/{printable(below)}") for below, real in sorted(found)]

    def _file(self, path: Path, shown: str) -> SourceFile:
        return SourceFile(shown, partial(self.roots.open, path, shown, self.max_bytes))

    def _objects(self, text: str) -> list[SourceFile]:
        bucket, key = self.buckets.split(text)
        if key and not key.endswith("/"):
            if (size := self.buckets.size(bucket, key)) > self.max_bytes:
                raise too_large(text, size, self.max_bytes)
            return [self._object(bucket, key)]
        found = []
        for name, _ in self.buckets.list(bucket, key):
            if is_audio(name.removeprefix(key)):
                found.append(self._object(bucket, name))
                self._check_count(len(found), text)
        return sorted(found, key=lambda file: file.shown)

    def _object(self, bucket: str, key: str) -> SourceFile:
        shown = f"{SCHEME}{bucket}/{key}"
        return SourceFile(shown, lambda: NamedBytes(self.buckets.read(bucket, key, self.max_bytes), shown))

    def _copy(self, bucket: str, key: str, folder: Path) -> Path:
        """Copy an object, or all below a prefix, into the folder; the path of what was copied."""
        text = f"{SCHEME}{bucket}/{key}"
        alone = bool(key) and not key.endswith("/")
        items = [(key, self.buckets.size(bucket, key))] if alone else self.buckets.list(bucket, key)
        wanted, total = [], 0
        for name, size in items:
            total += size
            wanted.append((name, size, _place(name.rpartition("/")[2] if alone else name.removeprefix(key), folder)))
            self._check_count(len(wanted) // (1 + COMPANIONS), text)
            if size > self.max_bytes or total > self.max_total_bytes:
                raise too_large(text, max(size, total), self.max_bytes if size > self.max_bytes else self.max_total_bytes)
        if not wanted:
            raise SourceError("missing", f"{quoted(text)} holds no objects: check bucket and prefix")
        if shutil.disk_usage(folder).free < 2 * total:
            raise SourceError("away", f"this service has no room for {quoted(text)} just now: try again later")
        for name, size, place in wanted:
            self._fetch(bucket, name, size, place)
        return wanted[0][2] if alone else folder

    def _fetch(self, bucket: str, key: str, size: int, place: Path) -> None:
        content = self.buckets.read(bucket, key, size)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as file:
                file.write(content)
        except OSError:
            raise _unkept(key) from None

    def _check_count(self, count: int, text: str) -> None:
        if count > self.max_files:
            raise SourceError("too_large", f"{quoted(text)} brings more than {self.max_files} files: name fewer at a time")


def result_names(files: Sequence[SourceFile]) -> list[str]:
    """A name for each file's result, all different: the stem; where stems clash the path, then the path with its ending."""
    stems = Counter(file.stem for file in files)
    paths = Counter(str(PurePosixPath(file.shown).with_suffix("")) for file in files)
    given: dict[str, None] = {}  # in their order
    for file in files:
        path = str(PurePosixPath(file.shown).with_suffix(""))
        name = file.stem if stems[file.stem] == 1 else path if paths[path] == 1 else file.shown
        again = (f"{name} ({number})" for number in count(2))
        given[name if name not in given else next(other for other in again if other not in given)] = None
    return list(given)


def _place(name: str, folder: Path) -> Path:
    """Where an object is kept; a key is any text, and not every text is a path below a folder."""
    parts = name.split("/")
    if any(part in ("", ".", "..") or not is_text(part) or len(part.encode()) > 255 for part in parts):
        raise _unkept(name)
    return folder.joinpath(*parts)


def _unkept(key: str) -> SourceError:
    return SourceError("malformed", f"the object {quoted(key)} cannot be kept as a file here: give it a plain name")
