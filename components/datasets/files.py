"""Files under a folder, a glob or a single path: which are audio, which lead out of the folder, and how their text is read."""

import codecs
import glob
import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from components.audio import name_of
from components.datasets.clips import BadClip
from components.errors import DataError

# Extensions of the formats that libsndfile decodes, headerless RAW left out: its bytes do not say what they are.
AUDIO_EXTENSIONS = frozenset({
    ".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".w64",
    ".rf64", ".voc", ".sph", ".nist", ".iff", ".svx", ".8svx", ".avr", ".pvf", ".sf",
})  # fmt: skip
FOREIGN_EXTENSIONS = frozenset({
    ".m4a", ".aac", ".mp4", ".m4b", ".wma", ".webm", ".mka", ".amr", ".ape", ".wv", ".mpc", ".ac3", ".dsf", ".ra",
})  # fmt: skip
MOST_TEXT_MIB = 1024  # some ten million clips
_BOMS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8-sig"))


@dataclass
class Found:
    """Files of a data set, in the order of their names.

    Args:
        root: the folder that names are relative to.
        files: (path as readable from here, path inside the root with / between folders).
        bad: what was refused or cannot be read.
    """

    root: Path
    files: list[tuple[Path, str]] = field(default_factory=list)
    bad: list[BadClip] = field(default_factory=list)

    @property
    def audio(self) -> list[tuple[Path, str]]:
        return [(path, name) for path, name in self.files if path.suffix.lower() in AUDIO_EXTENSIONS]


def find_files(where: str) -> Found:
    """Every file under a folder (recursively), of a glob, or the one file.

    Hidden files and `__MACOSX` are skipped. A link that leads out of the root is refused, a link to a folder is not followed;
    a single file is the user's own choice and may be a link to anywhere.

    Raises:
        DataError: if nothing is there.
    """
    starts = expand(where)
    only = starts[0] if len(starts) == 1 else None
    if only is not None and only.is_dir():
        root = only
    elif only is not None:
        root = only.parent
    else:
        root = Path(os.path.commonpath([start.parent for start in starts]))
    found = Found(root)
    inside = root.resolve() if only is None or only.is_dir() else Path(root.resolve().anchor)
    for start in starts:
        walk = _walk(start, found) if start.is_dir() else iter([start])
        for path in walk:
            _take(path, inside, found)
    found.files.sort(key=lambda pair: pair[1])
    return found


def expand(where: str) -> list[Path]:
    """The paths that `where` names: itself where it exists, else the matches of it as a glob, sorted.

    Raises:
        DataError: if there are none.
    """
    path = Path(where).expanduser()
    if os.path.lexists(path):
        return [path]
    names = glob.iglob(str(path), recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    matches = sorted(map(Path, names)) if glob.has_magic(where) else []
    if not matches:
        name = shown(where)
        what = f"the path, which is read from {Path.cwd()}" if name == where else "bucket and key"
        raise DataError(f"{name} is not there: check {what}")
    return matches


def read_text(path: Path) -> str:
    """The text of a small file: UTF-8 or, with its mark, UTF-16; the mark is dropped and line ends become \\n.

    Raises:
        DataError: if it cannot be read, is no such text, or has more than 1 GiB.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_TEXT_MIB * 2**20 + 1)  # however large it is, or grows meanwhile
        if len(raw) > MOST_TEXT_MIB * 2**20:
            raise DataError(f"{shown(path)} has more than {MOST_TEXT_MIB} MiB of text: split it into smaller files")
        encoding = next((name for mark, name in _BOMS if raw.startswith(mark)), "utf-8")
        text = raw.decode(encoding)
    except OSError as error:
        raise DataError(f"cannot read {shown(path)}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{shown(path)} is not UTF-8 text: save it as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def shown(path: Path | str) -> str:
    """A path that can be printed and stored, whatever bytes its name has; of a stand-in, the `s3://` address."""
    return name_of(path).encode("utf-8", "backslashreplace").decode()


def leads_out(path: Path, *roots: Path) -> bool:
    """Whether a path, links followed, lies in none of the (resolved) roots."""
    real = path.resolve()
    return not any(real.is_relative_to(root) for root in roots)


def _walk(folder: Path, found: Found) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        found.bad.append(BadClip(shown(folder), f"is a folder that cannot be read: {error.strerror}"))
        return
    for entry in entries:
        path = folder / entry.name
        if entry.name.startswith(".") or entry.name == "__MACOSX":
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path, found)
        elif entry.is_symlink() and entry.is_dir():
            found.bad.append(BadClip(shown(path), "is a link to a folder, which is not followed: name that folder itself"))
        else:
            yield path


def _take(path: Path, inside: Path, found: Found) -> None:
    suffix = path.suffix.lower()
    if path.is_symlink() and suffix in AUDIO_EXTENSIONS | {".txt"} and leads_out(path, inside):
        found.bad.append(BadClip(shown(path), "is a link that leads out of the data set's folder: copy the file instead"))
        return
    if suffix in FOREIGN_EXTENSIONS:
        found.bad.append(BadClip(shown(path), f"is {suffix}, which libsndfile does not read: convert it to flac, ogg or wav"))
        return
    if shown(path) != name_of(path):
        if suffix in AUDIO_EXTENSIONS:
            found.bad.append(BadClip(shown(path), "has a name that is not UTF-8: rename it"))
        return
    found.files.append((path, unicodedata.normalize("NFC", path.relative_to(found.root).as_posix())))
