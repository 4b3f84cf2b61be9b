"""Before any clip is looked at: is every part of a training known, and do they fit each other?"""

from collections.abc import Iterator
from contextlib import contextmanager

from components.augmentations import AUGMENTATIONS
from components.config import Config
from components.datasets import resolve_labels
from components.errors import ConfigError
from components.features import FEATURES
from components.losses import LOSSES
from components.menus import build, choose
from components.model_input import ModelInputDataType
from components.network import check_network
from components.training.compiler import check_compiler
from components.training.device import choose_device, count_devices
from components.training.optimizers import OPTIMIZERS
from components.training.schedulers import SCHEDULERS


def rehearse(config: Config) -> None:
    """Refuse what would fail later, after minutes of work. No weight is drawn, fetched or read, and no audio opened.

    Raises:
        ConfigError: if a name, a parameter or a combination does not fit; it names the key.
        DataError: if the labels are those of a CSV that cannot be read.
    """
    training, rate = config.training, config.audio.sample_rate
    resolve_labels(config.data, config.labels)
    check_network(config.feature, config.model, config.windows, rate)
    choose_device(training)
    count_devices(training)
    if training.compile:
        check_compiler()
    with named("training.loss"):
        choose(LOSSES, training.loss, "loss")
    with named("training.optimizer"):
        choose(OPTIMIZERS, training.optimizer, "optimizer")
    with named("training.scheduler"):
        choose(SCHEDULERS, training.scheduler, "scheduler")
    kind = build(FEATURES, config.feature.name, "feature", config.feature.params, sample_rate=rate).kind
    with named("training.augmentations"):
        for one in training.augmentations:
            made = build(AUGMENTATIONS, one.name, "augmentation", one.params, sample_rate=rate, frame_s=0.01)
            if made.stage == "spectrogram" and kind is not ModelInputDataType.IMAGE:
                raise ConfigError(f"{one.name} changes a spectrogram, and feature {config.feature.name} gives none: leave one of them out")


@contextmanager
def named(key: str) -> Iterator[None]:
    """Puts the key before the sentence."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None
