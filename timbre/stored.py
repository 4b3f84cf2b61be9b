"""From the Config to clips in the store, as the pipeline's first two steps do it, for work that goes through no pipeline."""

from components.config import AudioConfig, Config, DataConfig
from components.datasets import Manifest, build_manifest, too_many_bad
from components.errors import DataError
from components.places import checks_root, store_root
from components.progress import Progress, quiet
from components.store import Store, build_store, open_store
from components.training.quick import quick_data
from components.validation import validate


def checked(config: Config, progress: Progress = quiet) -> Manifest:
    """The clips that the data come to, less those that cannot be used.

    Raises:
        DataError: if the gate says no: more than `data.max_bad_fraction` cannot be used, a label has no clip, a group is in two splits.
        ConfigError: if labels or shares make no sense.
    """
    data = _data(config)
    gathered = build_manifest(data, config.labels, config.audio, progress, config.task)
    validate(gathered, data, checks_root()).require(store_root() / "data_report.html")
    return gathered.manifest


def stored(manifest: Manifest, config: Config, audio: AudioConfig, progress: Progress = quiet) -> Store:
    """The manifest's clips, decoded; what the store has is not decoded again.

    Args:
        audio: how to decode them.
    Raises:
        DataError: if more than `data.max_bad_fraction` of them turn out not to decode.
    """
    built = build_store(manifest, audio, workers=config.data.num_workers, progress=progress)
    if too_many := too_many_bad(built.bad, len(manifest) - len(built.bad), _data(config).max_bad_fraction):
        raise DataError(too_many)
    return open_store(built.ref)


def _data(config: Config) -> DataConfig:
    return quick_data(config.data) if config.training.quick else config.data
