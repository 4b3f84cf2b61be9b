"""Few labels: the backbone stays as it is, and a head of one layer is fitted on what it hears."""

import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from components.config import TrainingConfig
from components.errors import ConfigError
from components.evaluation import measure, tune_thresholds
from components.losses import positive_weights
from components.losses.entropy import label_weights
from components.menus import canonical
from components.network import Network
from components.progress import Progress
from components.store import Store
from components.tagger import TaggerSettings
from components.tagger.engine import ACTIVATIONS
from components.training.embedding import Embedded, embed_clips
from components.training.history import Row, write_history
from components.training.interrupt import Interrupt
from components.training.logistic import Chosen, Examples, Layer, choose_penalty, compact, fit_layer

log = logging.getLogger(__name__)

MOST_FOLDS = 5
LOSSES = ("CROSS_ENTROPY", "CROSS_ENTROPY_POS_WEIGHT")
MOST_POS_WEIGHT = 20.0  # as CROSS_ENTROPY_POS_WEIGHT caps it
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Clips:
    """What a head is fitted on: train, val (which may be empty), how they are cut, and where the curve goes."""

    train: Store
    val: Store
    settings: TaggerSettings
    run_folder: Path


def fit_head(network: Network, clips: Clips, training: TrainingConfig, interrupt: Interrupt, progress: Progress) -> Floats:
    """Fit the network's linear head on embeddings of the training clips; the rest of the network is left as it is.

    A logistic regression on standardised embeddings (`logistic.py`), whose scale is then folded into the layer, so that the network is
    an ordinary one. Its penalty is chosen by cross-validation over the folds that the data bring, else over groups. Augmentations,
    optimizer and schedule have no part in it.

    Args:
        network: with its statistics measured, on the device to compute on; it is left in eval mode.
    Returns:
        Thresholds [label]: tuned on val, or, where val is empty, on the training clips' scores by layers that had not seen them; 0 each
        in multiclass, where the highest score is the answer.
    Raises:
        ConfigError: if the loss is not one of LOSSES.
        KeyboardInterrupt: at the first Ctrl+C; embeddings so far are kept.
    """
    if (loss := canonical(training.loss)) not in LOSSES:
        raise ConfigError(f"model.frozen fits its head by cross entropy, and training.loss is {loss}: choose {' or '.join(LOSSES)}")
    if training.augmentations:
        log.info("a frozen backbone hears each clip once: training.augmentations have no part in it")
    network.eval()
    linear = _layer_of(network)

    def examples_of(store: Store) -> Examples:
        embedded = embed_clips(network, store, clips.settings, interrupt, progress)
        return _examples(embedded, store, network, clips.settings, linear.in_features, loss)

    examples = examples_of(clips.train)
    layer, chosen = _fit(examples, folds_of(clips.train))
    with torch.no_grad():
        linear.weight.copy_(layer.weight.T)
        linear.bias.copy_(layer.bias)
    nats = chosen.losses.get(chosen.penalty, math.nan)
    log.info("penalty %.2g by cross-validation: %.3f nats a clip", chosen.penalty, nats)
    judged, scores = examples, chosen.scores
    if len(clips.val) or scores is None:
        judged = examples_of(clips.val) if len(clips.val) else examples
        scores = layer.scores(judged)
    return _judged(scores, judged, clips, nats)


def folds_of(train: Store) -> npt.NDArray[np.int64]:
    """[clip], the fold of each for cross-validation: the data's own where they bring several, else up to five of whole groups."""
    frame = train.manifest.frame
    folds = frame["fold"].astype(str)
    if folds.nunique() > 1 and (folds != "").all():
        return np.unique(folds, return_inverse=True)[1].astype(np.int64)
    groups = np.unique(frame["group"].astype(str), return_inverse=True)[1]
    count = min(MOST_FOLDS, len(np.unique(groups)))
    if count < 2:
        return np.zeros(len(frame), np.int64)
    from sklearn.model_selection import GroupKFold  # takes a second, which other trainings need not wait for

    found = np.zeros(len(frame), np.int64)
    for number, (_, held) in enumerate(GroupKFold(count).split(groups, groups=groups)):
        found[held] = number
    return found


def _layer_of(network: Network) -> nn.Linear:
    linear = getattr(network.head, "linear", None)
    if not isinstance(linear, nn.Linear):
        raise ConfigError("model.frozen fits one layer, which this head is not: choose model.head MEAN_MAX or LINEAR")
    return linear


def _examples(embedded: Embedded, store: Store, network: Network, settings: TaggerSettings, width: int, loss: str) -> Examples:
    """The first `width` values of each embedding: the means alone are what LINEAR takes."""
    targets, mask = (torch.from_numpy(array).double() for array in store.manifest.targets())
    weights = label_weights(positive_weights(targets, mask), settings.task, MOST_POS_WEIGHT) if loss.endswith("POS_WEIGHT") else None
    values = torch.from_numpy(embedded.values[:, :width]).double()
    one_of_many = str(settings.task) == "multiclass"
    return Examples(values, embedded.clips, targets, mask, ACTIVATIONS[settings.task], network.pool, one_of_many, weights)


def _fit(examples: Examples, folds: npt.NDArray[np.int64]) -> tuple[Layer, Chosen]:
    """The layer on the embeddings as they are, fitted on standardised ones; a value that hardly varies is not blown up."""
    scale, mean = torch.std_mean(examples.values, dim=0, correction=0)
    scale = scale.clamp(min=1e-3 * float(scale.mean()) or 1.0)
    standard, basis = compact(replace(examples, values=(examples.values - mean) / scale))
    chosen = choose_penalty(standard, folds)
    layer = fit_layer(standard, chosen.penalty)
    weight = basis @ layer.weight / scale[:, None]
    return Layer(weight, layer.bias - mean @ weight), chosen


def _judged(scores: torch.Tensor, clips: Examples, of: Clips, loss: float) -> Floats:
    targets, mask = clips.targets.numpy(), clips.mask.numpy()
    task = of.settings.task
    thresholds = tune_thresholds(scores.numpy(), targets, mask, task)
    metrics = measure(scores.numpy(), targets, mask, thresholds, of.settings.label_set, task=task)
    write_history([Row(1, loss, metrics.values["f1"], metrics.values["mAP"], 0.0)], of.run_folder / "history.csv")
    log.info("val F1 %.3f, val mAP %.3f", metrics.values["f1"], metrics.values["mAP"])
    return thresholds
