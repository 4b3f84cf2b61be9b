"""What notebooks and the command line share: a Tagger that is opened by its registered name, and the files that paths mean."""

import logging
from collections.abc import Iterable
from pathlib import Path

import torch

from components import tagger
from components.config import DataConfig
from components.datasets import parse, read_dataset, resolve_labels
from components.errors import DataError, TaggerError
from components.registry import Registry

log = logging.getLogger("components.face")  # shown with the log lines of components/
TAGGER = "tagger.json"
DEEPEST = 2  # checkpoints/last.ckpt in a run folder


class Tagger(tagger.Tagger):
    """A tagger by name: `Tagger.open("production").score(waveform, sample_rate)`."""

    @classmethod
    def open(cls, name: str | Path = "production", device: str | torch.device = "auto", digest: str | None = None) -> "Tagger":
        """Open a registered tagger, or a tagger folder.

        Args:
            name: `production`, `latest`, `name@digest8` (an inactive one too), a digest, or the path of a tagger folder, a run folder or
                a file in it.
            device: auto, cpu, cuda, cuda:1.
            digest: the tagger that is expected, where that is known.
        Raises:
            RegistryError: if the registry has no such model, or it may not be served.
            TaggerError: if the folder is damaged.
        """
        if folder := tagger_folder(name):
            return super().open(folder, device, digest)
        with Registry.look() as registry:
            model = registry.find(str(name), inactive=True)
            if not model.is_active:
                log.warning("%s is inactive: no service offers it until someone promotes it", model.key)
            return super().open(registry.folder(model), device, model.digest)


def tagger_folder(name: str | Path) -> Path | None:
    """The tagger folder that a path means: itself, the one in a run folder, or that of the run that a file such as a checkpoint lies in.

    None where it is no path of a tagger.

    Raises:
        TaggerError: if there are several, or a file lies in no run.
    """
    place = Path(name)
    if not place.exists():
        return None
    for folder in [place] if place.is_dir() else place.absolute().parents[:DEEPEST]:
        found = [folder] if (folder / TAGGER).is_file() else sorted(file.parent for file in folder.glob(f"*/{TAGGER}"))
        if len(found) > 1:
            raise TaggerError(f"{folder} holds several taggers ({', '.join(one.name for one in found)}): name one of them")
        if found:
            if not place.is_dir():
                log.info("%s is the tagger of the run that %s lies in", found[0], place)
            return found[0]
    if place.is_dir():
        return None
    raise TaggerError(f"{place} lies in no run folder with a tagger: name a tagger folder, a run folder or a registered model")


def audio_files(paths: Iterable[str]) -> list[Path]:
    """The audio files that files, folders, globs and TYPE:PATH mean, in that order.

    A file that is named itself is taken as it is, so that what is wrong with it is said when it is read.

    Raises:
        DataError: if a path is not there, or none of them has an audio file.
    """
    labels = resolve_labels(DataConfig(), "IRMAS")
    files: list[Path] = []
    for spec in paths:
        if Path(spec).is_file() and Path(spec).suffix.lower() != ".csv":
            files.append(Path(spec))
            continue
        source, path = parse(spec)
        # Only the files are wanted here; labels of another set are none of predict's business.
        files += [clip.path for dataset in read_dataset(f"{source}:{path}", labels) for clip in dataset.clips]
    if not files:
        raise DataError(f"no audio files in {', '.join(paths)}: name files, folders or globs")
    return files
