"""Before any clip is looked at: is every part of a training known, and do they fit each other?"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from components.augmentations import AUGMENTATIONS
from components.config import Config, TrainingConfig
from components.datasets import resolve_labels
from components.errors import ConfigError
from components.features import FEATURES
from components.labels import LabelSet
from components.losses import LOSSES
from components.menus import build, canonical, choose
from components.model_input import ModelInputDataType
from components.models import check_weights
from components.models.layers import resolve
from components.network import Network, check_network
from components.training.compiler import check_compiler
from components.training.device import choose_device, count_devices
from components.training.metric import metric_of
from components.training.optimizers import OPTIMIZERS
from components.training.phases import Phase
from components.training.schedulers import SCHEDULERS


def rehearse(config: Config) -> None:
    """Refuse what would fail later, after minutes of work. No weight is drawn, fetched or read, and no audio opened.

    Raises:
        ConfigError: if a name, a parameter, its type, a layer or a combination does not fit, or weights to start from are not there.
        DataError: if the labels are those of a CSV that cannot be read.
    """
    labels = resolve_labels(config.data, config.labels)
    network = check_network(config.feature, config.model, config.windows, config.audio.sample_rate)
    check_weights(config.model.pretrained)
    choose_device(config.training)
    count_devices(config.training)
    if config.training.compile:
        check_compiler()
    metric_of(config.training)
    _check_loss(config, labels)
    _check_learning(config.training)
    _check_layers(network, config.training)
    _check_augmentations(config)


def _check_loss(config: Config, labels: LabelSet) -> None:
    known = {"task": config.task, "pos_weight": torch.ones(len(labels)), "families": [label.family for label in labels.labels]}
    with named("training.loss"):
        build(LOSSES, config.training.loss, "loss", config.training.loss_params, **known)


def _check_learning(training: TrainingConfig) -> None:
    """Optimizer and schedule, over a weight that stands in for the network's."""
    weights = [{"params": [nn.Parameter(torch.zeros(1))], "weight_decay": 0.0}]
    with named("training.optimizer"):
        optimizer = build(OPTIMIZERS, training.optimizer, "optimizer", training.optimizer_params, groups=weights, lr=training.lr)
    with named("training.scheduler"):
        choose(SCHEDULERS, training.scheduler, "scheduler")
        if canonical(training.scheduler) == "AUTO_LR":
            from components.training.range_test import NAME, RangeTest  # this loads Lightning, which takes seconds

            build({NAME: RangeTest}, NAME, "scheduler", training.scheduler_params)
        else:
            Phase(0, 1).schedule(optimizer, training)


def _check_layers(network: Network, training: TrainingConfig) -> None:
    for key in ("head_after", "backbone_after"):
        if (layer := getattr(training, key)) is not None:
            resolve(network, layer.strip(), f"training.{key}")


def _check_augmentations(config: Config) -> None:
    rate = config.audio.sample_rate
    kind = build(FEATURES, config.feature.name, "feature", config.feature.params, sample_rate=rate).kind
    with named("training.augmentations"):
        for one in config.training.augmentations:
            made = build(AUGMENTATIONS, one.name, "augmentation", one.params, sample_rate=rate, frame_s=0.01)
            if made.stage == "spectrogram" and kind is not ModelInputDataType.IMAGE:
                raise ConfigError(
                    f"{one.name} changes a spectrogram, and feature {config.feature.name} gives a waveform: leave it out, by naming "
                    "the others after --augmentations (none for none), or choose another feature"
                )


@contextmanager
def named(key: str) -> Iterator[None]:
    """Puts the key before the sentence, torch's own too."""
    try:
        yield
    except ValueError as error:
        raise ConfigError(f"{key}: {error}") from None
