"""Folders of this machine below which a client may name files; nothing outside them is looked at, and a name tells nothing about it."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from bentos.source_errors import SourceError, is_text, quoted
from components.datasets.files import AUDIO_EXTENSIONS

LONGEST = 4096  # characters of a path
MOST_ENTRIES = 200_000  # of a folder that is searched, whatever they are


class Roots:
    """The folders, which may be links and need not exist yet."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders = tuple(folder.absolute() for folder in folders)

    def find(self, text: str, hidden: bool = True) -> Path:
        """The real path of what a client wrote, links followed: a regular file or a folder below a root.

        A relative path is tried below each root, with or without the root's own name; nothing in it is decoded or expanded.

        Args:
            hidden: whether a part below the root may begin with a dot.
        Raises:
            SourceError: malformed, or missing; the latter is the same sentence for what is not there and what lies elsewhere.
        """
        parts = _parts(text)
        for candidate in self._candidates(parts, text.startswith("/")):
            real = self.real(candidate)
            if real is None or not (hidden or self._is_plain(candidate)):
                continue
            try:
                mode = real.stat().st_mode
            except OSError:
                continue
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise SourceError("malformed", f"{quoted(text)} is no regular file and no folder: name an audio file or a folder of them")
            return real
        raise missing(text)

    def real(self, path: Path) -> Path | None:
        """The path with its links followed, where it is there and below a root."""
        try:
            real = Path(os.path.realpath(path, strict=True))
        except (OSError, ValueError):
            return None
        return real if any(real.is_relative_to(os.path.realpath(folder)) for folder in self.folders) else None

    def open(self, path: Path, shown: str, max_bytes: int) -> BinaryIO:
        """A real path that `find` or `walk` gave, opened for reading; the file object's name is what the client wrote.

        Raises:
            SourceError: if it is not what it was, cannot be read, or is too large.
        """
        if self.real(path) != path:
            raise missing(shown)
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            file = open(shown, "rb", opener=lambda _shown, _flags: os.open(path, flags))  # noqa: SIM115 - Path knows no opener
        except OSError:
            raise missing(shown) from None
        found = os.fstat(file.fileno())
        if stat.S_ISREG(found.st_mode) and found.st_size <= max_bytes:
            return file
        file.close()
        raise too_large(shown, found.st_size, max_bytes) if stat.S_ISREG(found.st_mode) else missing(shown)

    def walk(self, folder: Path, text: str) -> Iterator[tuple[Path, str]]:
        """(real path, path below the folder) of every file under a real folder; text stands for it in an error.

        What is hidden and what a link leads out to is left out, and a link to a folder is not followed.

        Raises:
            SourceError: if there are too many entries.
        """
        waiting, entries = [(folder, "")], 0
        while waiting:
            here, below = waiting.pop()
            for name, is_folder, is_link in _entries(here):
                entries += 1
                if entries > MOST_ENTRIES:
                    raise SourceError("too_large", f"{quoted(text)} holds more than {MOST_ENTRIES} entries: name a smaller folder")
                if is_folder:
                    waiting.append((here / name, f"{below}{name}/"))
                    continue
                real = self.real(here / name) if is_link else here / name
                if real is not None and real.is_file():
                    yield real, f"{below}{name}"

    def leading_out(self, place: Path) -> str | None:
        """Below a real folder, the first link to what lies under no root, hidden ones too; of a real file, the first among its namesakes.

        Readers take a clip's labels from a namesake, and follow links.
        """
        if not place.is_dir():
            try:
                beside = [path for path in place.parent.iterdir() if path.stem == place.stem]
            except OSError:  # then its readers find none either
                return None
            return next((path.name for path in beside if path.is_symlink() and self.real(path) is None), None)
        for here, folders, files in os.walk(place):
            for name in (*folders, *files):
                path = Path(here, name)
                if path.is_symlink() and self.real(path) is None:
                    return path.relative_to(place).as_posix()
        return None

    def _is_plain(self, path: Path) -> bool:
        """Whether no part of a path below a root begins with a dot."""
        bases = [base for folder in self.folders for base in (folder, Path(os.path.realpath(folder))) if path.is_relative_to(base)]
        return any(not any(part.startswith(".") for part in path.relative_to(base).parts) for base in bases)

    def _candidates(self, parts: list[str], absolute: bool) -> Iterator[Path]:
        for folder in self.folders:
            if absolute:
                path = Path("/", *parts)
                if any(path.is_relative_to(base) for base in (folder, os.path.realpath(folder))):
                    yield path
            else:
                yield folder.joinpath(*parts)
                if parts[:1] == [folder.name]:
                    yield folder.joinpath(*parts[1:])


def is_audio(name: str) -> bool:
    """Whether a name below a folder is that of audio to score: by its ending, and not hidden."""
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))
    return not hidden and os.path.splitext(name)[1].lower() in AUDIO_EXTENSIONS  # noqa: PTH122 - no path


def missing(text: str) -> SourceError:
    return SourceError("missing", f"{quoted(text)} is not in this service's data folders: check the name")


def too_large(text: str, size: int, max_bytes: int) -> SourceError:
    said = f"has {size / 2**20:.1f} MiB or more, and {max_bytes / 2**20:g} MiB are allowed"
    return SourceError("too_large", f"{quoted(text)} {said}: cut it into parts")


def _parts(text: str) -> list[str]:
    """The parts of a path; what could be read in two ways is no path."""
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if not text.strip() or len(text) > LONGEST or not is_text(text):
        raise SourceError("malformed", f"{quoted(text)} is no path: write 1 to {LONGEST} characters, none of them a control character")
    if "://" in text or text.startswith("~") or ".." in parts:
        raise SourceError("malformed", f"{quoted(text)} is no path to name here: write one below a data folder, without .., ~ and ://")
    return parts


def _entries(folder: Path) -> list[tuple[str, bool, bool]]:
    """(name, is a folder, is a link) of what is not hidden; none where the folder cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return [
                (entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink())
                for entry in entries
                if not entry.name.startswith(".") and entry.name != "__MACOSX"
            ]
    except OSError:
        return []
