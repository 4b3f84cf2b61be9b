"""What notebooks and the command line share: a Tagger that is opened by its registered name, and the files that paths mean."""

import logging
from collections.abc import Iterable
from pathlib import Path

import torch

from components import tagger
from components.config import DataConfig
from components.datasets import parse, read_dataset, resolve_labels
from components.errors import DataError
from components.registry import Registry

log = logging.getLogger("components.registry")


class Tagger(tagger.Tagger):
    """A tagger by name: `Tagger.open("production").score(waveform, sample_rate)`."""

    @classmethod
    def open(cls, name: str | Path = "production", device: str | torch.device = "auto", digest: str | None = None) -> "Tagger":
        """Open a registered tagger, or a tagger folder.

        Args:
            name: `production`, `latest`, `name@digest8` (an inactive one too), a digest, or the path of a tagger folder.
            device: auto, cpu, cuda, cuda:1.
            digest: the tagger that is expected, where that is known.
        Raises:
            RegistryError: if the registry has no such model, or it may not be served.
            TaggerError: if the folder is damaged.
        """
        if (Path(name) / "tagger.json").is_file():
            return super().open(name, device, digest)
        with Registry.open() as registry:
            model = registry.find(str(name), inactive=True)
            if not model.is_active:
                log.warning("%s is inactive: no service offers it until someone promotes it", model.key)
            return super().open(registry.folder(model), device, model.digest)


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
