"""Unpack zip and tar archives without leaving the folder: no absolute paths, no `..`, no links that lead out."""

import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from components.errors import DataError
from components.progress import Progress, quiet


def unpack(archive: Path, into: Path, progress: Progress = quiet) -> None:
    """Unpack everything.

    Raises:
        DataError: if it is no archive, is damaged, would leave the folder, or does not fit on the disk.
    """
    try:
        if zipfile.is_zipfile(archive):
            _unzip(archive, into, progress)
        else:
            _untar(archive, into, progress)
    except tarfile.FilterError as error:
        raise DataError(f"{archive} would write outside its folder ({error}): it is not unpacked") from None
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error) as error:
        raise DataError(f"{archive} is no archive or is damaged ({error}): remove it and fetch it again") from None


def _unzip(archive: Path, into: Path, progress: Progress) -> None:
    with zipfile.ZipFile(archive) as zipped:
        members = zipped.infolist()
        _check_space(archive, sum(member.file_size for member in members), into)
        for member in progress(members, f"unpacking {archive.name}", len(members)):
            name = PurePosixPath(member.filename.replace("\\", "/"))
            if name.is_absolute() or ".." in name.parts:
                raise DataError(f"{archive} would write outside its folder ({member.filename!r}): it is not unpacked")
            zipped.extract(member, into)


def _untar(archive: Path, into: Path, progress: Progress) -> None:
    with tarfile.open(archive) as tarred:
        members = tarred.getmembers()
        _check_space(archive, sum(member.size for member in members), into)
        for member in progress(members, f"unpacking {archive.name}", len(members)):
            tarred.extract(member, into, filter="data")


def _check_space(archive: Path, needed: int, into: Path) -> None:
    free = shutil.disk_usage(into).free
    if needed > free:
        raise DataError(f"{archive} needs {needed / 1e9:.1f} GB unpacked and {into} has {free / 1e9:.1f} GB: make room")
