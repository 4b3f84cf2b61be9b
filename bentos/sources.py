"""What a client may name instead of sending it: a file or folder below the data roots, or objects in S3. Knows no web.

Every name passes `Roots.find` or `Buckets.split` before anything is looked at.
"""

import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from bentos.buckets import SCHEME, Buckets
from bentos.processes import prefix
from bentos.roots import Roots, is_audio, too_large
from bentos.scratch import FULL_DISK, Copy, NamedFile, Scratch, writing
from bentos.source_errors import SourceError, is_text, quoted
from components.datasets.files import shown as printable

COMPANIONS = 3  # files beside each clip of a data set: its label file and the like
SCRATCH = "timbre-s3-"
Check = Callable[[], object]


@dataclass(frozen=True)
class SourceFile:
    """A file that may be read.

    Args:
        shown: what the client wrote, with the path below it where that was a folder; never a path of the server.
    """

    shown: str
    _open: Callable[[], BinaryIO] = field(repr=False, compare=False)

    @property
    def stem(self) -> str:
        return PurePosixPath(self.shown).stem

    def open(self) -> BinaryIO:
        """A seekable file object for `components.audio.load`, whose `name` is `shown`; the caller closes it.

        Raises:
            SourceError: if it is gone, too large, S3 does not give it, or there is no room for its copy.
        """
        return self._open()

    def opened(self) -> closing[BinaryIO]:
        """The same for a `with` block."""
        return closing(self.open())


class Sources:
    """Files that clients may name.

    Args:
        roots: folders below which paths lie.
        buckets: S3 buckets that may be read; none: S3 is off.
        max_bytes: of one file.
        max_files: that one request may name, folders searched.
        scratch: takes the copies of objects.
    """

    def __init__(
        self, roots: Sequence[Path], buckets: Sequence[str], max_bytes: int, max_files: int, scratch: Scratch | None = None
    ) -> None:
        self.roots, self.buckets = Roots(roots), Buckets(tuple(buckets))
        self.max_bytes, self.max_files, self.scratch = max_bytes, max_files, scratch or Scratch()

    def files(self, text: str, check: Check = int) -> list[SourceFile]:
        """The file, or the audio files of the folder (searched recursively, sorted), that a client's words name.

        A single file's size is checked here, that of a folder's files by their `open`.

        Args:
            text: a path below a root, `s3://bucket/key`, or `s3://bucket/prefix/`.
            check: called now and then, also while a file is opened; what it raises ends the work.
        Raises:
            SourceError: malformed, missing, too_large, refused, denied or away.
        """
        found = self._objects(text, check) if text.startswith(SCHEME) else self._paths(text, check)
        if not found:
            raise SourceError("missing", f"{quoted(text)} holds no audio files: name another folder")
        return found

    def all_files(self, texts: Iterable[str], check: Check = int) -> list[SourceFile]:
        """The `files` of several names, in their order; `max_files` holds for all of them."""
        found: list[SourceFile] = []
        for text in texts:
            found += self.files(text, check)
            self._check_count(len(found), text)
        return found

    @contextmanager
    def local(self, text: str, above: Path | None = None, check: Check = int) -> Iterator[Path]:
        """A path on this machine for a data set, which its reader may open whole: no link in it leads out of the roots.

        What is hidden is as if it were not there: a reader's complaint would repeat the first line of a file of secrets.
        Objects of S3 are copied into a folder of their own, which is removed at the end; their count and sizes are checked before.

        Args:
            above: where that folder is made; the system's place for temporary files where none is given.
            check: as for `files`.
        Raises:
            SourceError: as `files` does.
        """
        if text.startswith(SCHEME):
            bucket, key = self.buckets.split(text)
            with ExitStack() as stack:
                with writing():
                    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix("s3"), dir=above))
                    place = self._copy(bucket, key, Path(folder), stack, check)
                yield place
            return
        path = self.roots.find(text, hidden=False)
        if (link := self.roots.leading_out(path)) is not None:
            raise SourceError("malformed", f"{quoted(text)} has the link {quoted(printable(link))}, which leads out of the data folders")
        yield path

    def file_of(self, path: Path, shown: str, local: Path) -> SourceFile:
        """A file of a data set that `local` gave, opened as carefully as one that a client names."""
        return SourceFile(shown, partial(self._open_of, path, shown, local))

    def allows(self, path: Path, local: Path) -> bool:
        """Whether a data set that `local` gave may name a path; no file outside is looked at, and it is no matter whether it is there."""
        folders = self._with(local).folders
        real = [Path(os.path.realpath(folder)) for folder in folders]
        if not any(Path(os.path.normpath(path)).is_relative_to(base) for base in (*folders, *real)):
            return False
        try:
            return any(Path(os.path.realpath(path)).is_relative_to(base) for base in real)
        except ValueError:  # it holds a null character
            return False

    def check(self, paths: Iterable[Path], local: Path) -> None:
        """Refuse files of a data set outside the roots and outside what `local` gave.

        Raises:
            SourceError: missing, the same for what is not there and what lies elsewhere.
        """
        for path in paths:
            if not self.allows(path, local):
                raise SourceError("missing", f"the data set names {quoted(printable(path.name))} outside the data folders")

    def hide(self, sentence: str) -> str:
        """A sentence of components with the server's paths cut to what a client may know of them."""
        sentence = re.sub(rf"/\S*/{SCRATCH}[^/\s]+/?", "", sentence)
        for folder in sorted({*self.roots.folders, *map(Path.resolve, self.roots.folders)}, key=lambda folder: -len(str(folder))):
            sentence = sentence.replace(str(folder), folder.name) if folder.name else sentence
        return sentence

    def _paths(self, text: str, check: Check) -> list[SourceFile]:
        path = self.roots.find(text)
        if not path.is_dir():
            if (size := path.stat().st_size) > self.max_bytes:
                raise too_large(text, size, self.max_bytes)
            return [self._file(path, text)]
        found = []
        for real, below in self.roots.walk(path, text):
            check()
            if is_audio(below):
                found.append((below, real))
                self._check_count(len(found), text)
        return [self._file(real, f"{text.rstrip('/')}/{printable(below)}") for below, real in sorted(found)]

    def _with(self, local: Path) -> Roots:
        """The roots, and what `local` gave, which may be a copy."""
        return Roots((*self.roots.folders, local if local.is_dir() else local.parent))

    def _open_of(self, path: Path, shown: str, local: Path) -> BinaryIO:
        roots = self._with(local)
        return roots.open(roots.real(path) or path, shown, self.max_bytes)

    def _file(self, path: Path, shown: str) -> SourceFile:
        return SourceFile(shown, partial(self.roots.open, path, shown, self.max_bytes))

    def _objects(self, text: str, check: Check) -> list[SourceFile]:
        bucket, key = self.buckets.split(text)
        if key and not key.endswith("/"):
            if (size := self.buckets.size(bucket, key)) > self.max_bytes:
                raise too_large(text, size, self.max_bytes)
            return [self._object(bucket, key, check)]
        found = []
        for name, _ in self.buckets.list(bucket, key):
            check()
            if is_audio(name.removeprefix(key)):
                found.append(self._object(bucket, name, check))
                self._check_count(len(found), text)
        return sorted(found, key=lambda file: file.shown)

    def _object(self, bucket: str, key: str, check: Check) -> SourceFile:
        shown = f"{SCHEME}{bucket}/{key}"
        return SourceFile(shown, partial(self._get, bucket, key, shown, check))

    def _get(self, bucket: str, key: str, shown: str, check: Check) -> BinaryIO:
        file = NamedFile(shown, self.scratch)
        try:
            self.buckets.read(bucket, key, self.max_bytes, file, lambda _: check())
            file.flush()
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return cast(BinaryIO, file)

    def _copy(self, bucket: str, key: str, folder: Path, stack: ExitStack, check: Check) -> Path:
        """Copy an object, or all below a prefix, into the folder; the path of what was copied. Its room is the stack's."""
        text = f"{SCHEME}{bucket}/{key}"
        alone = bool(key) and not key.endswith("/")
        items = [(key, self.buckets.size(bucket, key))] if alone else self.buckets.list(bucket, key)
        wanted, total = [], 0
        for name, size in items:
            check()
            total += size
            wanted.append((name, size, _place(name.rpartition("/")[2] if alone else name.removeprefix(key), folder)))
            self._check_count(len(wanted) // (1 + COMPANIONS), text)
            if size > self.max_bytes or total > self.scratch.max_bytes:
                raise too_large(text, max(size, total), self.max_bytes if size > self.max_bytes else self.scratch.max_bytes)
        if not wanted:
            raise SourceError("missing", f"{quoted(text)} holds no objects: check bucket and prefix")
        copy = stack.enter_context(closing(Copy(self.scratch, total)))

        def tell(size: int) -> None:
            check()
            copy.wrote(size)

        for name, size, place in wanted:
            self._fetch(bucket, name, size, place, tell)
        return wanted[0][2] if alone else folder

    def _fetch(self, bucket: str, key: str, size: int, place: Path, tell: Callable[[int], object]) -> None:
        with writing(), ExitStack() as stack:
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                file = stack.enter_context(place.open("xb"))
            except OSError as error:
                if error.errno in FULL_DISK:
                    raise
                raise _unkept(key) from None
            self.buckets.read(bucket, key, size, file, tell)

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
