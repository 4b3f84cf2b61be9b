"""What a pipeline reads and writes by the paths in its configuration, which other machines must see too."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from components.config import Config
from components.config_texts import AISFX, SOURCES, looks_like_a_path, texts_in
from components.registry.folders import TAGGER


@dataclass(frozen=True)
class Wants:
    """What a pipeline names.

    Args:
        data: data sets, as `TYPE:PATH`.
        paths: dotted key -> file or folder; a key may have several.
        aisfx: whether it starts from weights that were fetched to the models' folder.
        out: where it leaves what it makes, if not in the artifact store alone.
    """

    data: tuple[str, ...] = ()
    paths: tuple[tuple[str, str], ...] = ()
    aisfx: bool = False
    out: str | None = None

    @classmethod
    def of_training(cls, config: Config) -> "Wants":
        """Of pipelines/training.py."""
        data = (*config.data.train, *config.data.val, *config.data.test, *config.data.reviewed)
        return cls(data, tuple(_files(config)), config.model.pretrained == AISFX)

    @classmethod
    def of_scoring(cls, config: Config) -> "Wants":
        """Of pipelines/prediction.py."""
        told = config.prediction
        taggers = [told.model] if (Path(told.model) / TAGGER).is_file() else []
        return cls(told.data, tuple(("prediction.model", path) for path in taggers), out=told.out)

    @classmethod
    def of(cls, config: Config) -> "Wants":
        """Of what a configuration is for: training, and scoring too where it says what to score."""
        training, scoring = cls.of_training(config), cls.of_scoring(config)
        if not scoring.data:
            return training
        return replace(training, data=(*training.data, *scoring.data), paths=(*training.paths, *scoring.paths), out=scoring.out)


def _files(config: Config) -> Iterator[tuple[str, str]]:
    """What a training starts from, and what its parts read, such as the noise of an augmentation."""
    for section in ("feature", "model", "training"):
        for key, text in texts_in(getattr(config, section).model_dump(mode="json"), section):
            if key == "model.pretrained":
                is_file = text not in SOURCES
            else:
                is_file = key == "training.ckpt" or ("params." in key and (key.endswith("folder") or looks_like_a_path(text)))
            if is_file and text:
                yield key, text
