"""The moving average of the weights, which is judged and kept in their place."""

import copy
from typing import Any

import torch
from torch import Tensor

from components.network import Network
from components.training.lightning_import import pl


class Averaging(pl.Callback):  # type: ignore[misc]
    """Exponential moving average (Polyak averaging) after each step; put it before the callback that judges.

    The average starts as the weights themselves and follows quickly at first: the decay at step t is at most (1 + t) / (10 + t),
    as in TensorFlow's ExponentialMovingAverage. Batch norms' statistics are averaged with the weights.

    Args:
        network: what learns.
        decay: the average's share in its next value, 0 to 1.
    Attributes:
        average: a network of its own.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.average = copy.deepcopy(network).requires_grad_(False)
        self._network, self._decay = network, decay

    @torch.no_grad()
    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        weight = 1 - min(self._decay, (1 + module.step) / (10 + module.step))
        averaged, current = dict(self.average.state_dict()), self._network.state_dict()
        floats = [key for key in averaged if averaged[key].is_floating_point()]
        _lerp([averaged[key] for key in floats], [current[key] for key in floats], weight)
        for key in averaged.keys() - set(floats):
            averaged[key].copy_(current[key])


def _lerp(averaged: list[Tensor], current: list[Tensor], weight: float) -> None:
    torch._foreach_lerp_(averaged, current, weight)
