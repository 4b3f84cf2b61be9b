"""The files that a batch is to score, by name, size and time; none of them is opened."""

from collections.abc import Sequence
from pathlib import Path

from components.audio import name_of
from components.datasets import BadClip, reading
from components.datasets.bucket import stamp
from components.datasets.files import shown
from components.errors import DataError
from components.labels import LabelSet
from components.s3 import find, is_remote
from components.scoring.rows import File


def list_files(specs: Sequence[str], label_set: LabelSet) -> tuple[list[File], list[BadClip]]:
    """Every audio file of some data sets, each once, and what is there and cannot be read.

    Args:
        specs: TYPE:PATH; a bare path is `inference:`.
        label_set: that labelled data sets are read with.
    Raises:
        DataError: if a data set is not there, or none has a file.
        S3Error: if S3 refuses.
    """
    files: dict[str, File] = {}
    bad: list[BadClip] = []
    for spec in specs:
        bad += _add(files, spec, label_set)  # of what it reads nothing is held while S3 is asked
    if not files and not bad:
        raise DataError(f"no audio files in {', '.join(specs)}: name files, folders, globs or s3://bucket/prefix")
    for name, item in find(name for name, file in files.items() if is_remote(name) and file.size < 0).items():
        files[name] = File(name, item.size, stamp(item))
    return list(files.values()), bad


def _add(files: dict[str, File], spec: str, label_set: LabelSet) -> list[BadClip]:
    """Put the files of one data set, or of all that a glob names, to the others; what is there and cannot be read."""
    bad: list[BadClip] = []
    with reading(spec, label_set) as datasets:
        for dataset in datasets:
            bad += dataset.bad
            dataset.clips.reverse()
            while dataset.clips:
                clip = dataset.clips.pop()  # it goes when its file has come
                found = _look(clip.path, dataset.root)
                if isinstance(found, BadClip):
                    bad.append(found)
                elif found.size >= 0 or found.path not in files:
                    files[found.path] = found
    return bad


def _look(path: Path, root: Path) -> File | BadClip:
    """A file as its folder has it; of an object, as its stand-in has it, where that was laid out with the data set."""
    name = name_of(path)
    if shown(path) != name:
        return BadClip(shown(path), "lies in a folder whose name is not UTF-8: rename it")
    if is_remote(name) and not (is_remote(name_of(root)) and path.is_relative_to(root)):
        return File(name, -1, 0)
    try:
        found = path.stat()
    except OSError as error:
        return File(name, -1, 0) if is_remote(name) else BadClip(name, f"cannot be read: {error.strerror}")
    return File(name if is_remote(name) else str(path.absolute()), found.st_size, found.st_mtime_ns)
