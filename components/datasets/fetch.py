"""Fetch the official archives: resumed where a download broke off, verified, and unpacked without leaving the folder."""

import logging
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.datasets.resume import ResumingDownloader
from components.datasets.unpack import unpack
from components.errors import DataError
from components.menus import canonical, nearest
from components.progress import Progress, quiet

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Archive:
    """A published file.

    Args:
        checksum: `md5:...` as published; None where no citable source has one, which leaves the file unverified.
        into: folder, inside the one that the user names, that it is unpacked into.
    """

    file: str
    url: str
    checksum: str | None
    into: str


@dataclass(frozen=True)
class Publication:
    """A data set as its authors publish it.

    Args:
        terms: what it may be used for, in a sentence.
        specs: `TYPE:PATH` of what is unpacked, PATH inside the user's folder.
    """

    archives: tuple[Archive, ...]
    terms: str
    specs: tuple[str, ...]


def _zenodo(record: int, file: str, md5: str, into: str) -> Archive:
    return Archive(file, f"https://zenodo.org/records/{record}/files/{file}?download=1", f"md5:{md5}", into)


# The md5 sums are those of the Zenodo records (10.5281/zenodo.1290750 and 10.5281/zenodo.1432913), as mirdata cites them in
# mirdata/datasets/irmas.py and mirdata/datasets/openmic2018.py (https://github.com/mir-dataset-loaders/mirdata).
PUBLICATIONS: dict[str, Publication] = {
    "irmas": Publication(
        archives=(
            _zenodo(1290750, "IRMAS-TrainingData.zip", "4fd9f5ed5a18d8e2687e6360b5f60afe", "train"),
            _zenodo(1290750, "IRMAS-TestingData-Part1.zip", "5a2e65520dcedada565dff2050bb2a56", "test"),
            _zenodo(1290750, "IRMAS-TestingData-Part2.zip", "afb0c8ea92f34ee653693106be95c895", "test"),
            _zenodo(1290750, "IRMAS-TestingData-Part3.zip", "9b3fb2d0c89cdc98037121c25bd5b556", "test"),
        ),
        terms="IRMAS (Bosch et al., 2012) is free for non-commercial use: CC BY-NC-SA 3.0",
        specs=("irmastrain:train", "irmastest:test"),
    ),
    "openmic": Publication(
        archives=(_zenodo(1432913, "openmic-2018-v1.0.0.tgz", "e4ccf187e2bb5ab2e115416e8aafe7f4", "."),),
        terms="OpenMIC-2018 (Humphrey et al., 2018) is CC BY 4.0; each recording has a Creative Commons licence of its own",
        specs=("openmic:openmic-2018",),
    ),
}


def fetch(
    name: str,
    directory: Path | str,
    progress: Progress = quiet,
    mirror: str | None = None,
    publications: Mapping[str, Publication] = PUBLICATIONS,
) -> tuple[str, ...]:
    """Download and unpack a data set; what is there already is not fetched again, and a broken download goes on where it stopped.

    Args:
        name: irmas or openmic.
        directory: the folder to fill; it need not exist.
        mirror: a URL under which the archives lie by their file names, instead of the official ones.
    Returns:
        `TYPE:PATH` of what is there now.
    Raises:
        DataError: if the name is unknown, the server refuses, the checksum differs or the archive cannot be unpacked safely.
    """
    if (key := canonical(name).lower()) not in publications:
        raise DataError(f"unknown data set {name!r}{nearest(key, publications)}: choose one of: {', '.join(publications)}")
    publication, folder = publications[key], Path(directory).expanduser()
    log.info("%s", publication.terms)
    for archive in publication.archives:
        done = folder / ".fetched" / f"{archive.file}.done"
        if done.is_file():
            log.info("%s is there already", archive.file)
            continue
        path = _download(archive, folder / ".fetched", progress, mirror)
        log.info("unpacking %s", archive.file)
        _place(path, folder / archive.into, progress)
        done.write_text(f"{archive.checksum}\n")
        path.unlink()
    return tuple(f"{source}:{folder / inside}" for source, inside in (spec.split(":") for spec in publication.specs))


def _download(archive: Archive, folder: Path, progress: Progress, mirror: str | None) -> Path:
    """The archive's file, whole and verified."""
    import pooch

    if archive.checksum is None:
        log.warning("%s has no published checksum that could be cited: it is not verified", archive.file)
    pooch.get_logger().setLevel("WARNING")
    url = f"{mirror.rstrip('/')}/{archive.file}" if mirror else archive.url
    downloader = ResumingDownloader(folder / f"{archive.file}.part", progress)
    try:
        return Path(pooch.retrieve(url, archive.checksum, fname=archive.file, path=folder, downloader=downloader))
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{url} is not what was published, its checksum is not {archive.checksum}: try again or name a mirror") from None
    except OSError as error:
        raise DataError(f"cannot keep {archive.file} in {folder}: {error.strerror or error}") from None


def _place(archive: Path, into: Path, progress: Progress) -> None:
    """Unpack beside the target first, so that a folder that is there is whole."""
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=into) as beside:
        unpack(archive, Path(beside), progress)
        entries = [entry for entry in sorted(Path(beside).iterdir()) if entry.name != "__MACOSX"]
        if there := next((entry.name for entry in entries if (into / entry.name).exists()), None):
            raise DataError(f"{into / there} is there already: move it away, then fetch again")
        for entry in entries:
            shutil.move(entry, into / entry.name)
