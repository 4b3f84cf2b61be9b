"""DEEP_HEAD: two hidden layers on the mean over time."""

from itertools import pairwise

import torch
from torch import Tensor, nn


class DeepHead(nn.Module):
    """[batch, width, frame] -> logits [batch, label]: for labels that no plane in the backbone's space divides, as with a frozen backbone.

    A layer norm comes first, so that backbones of any scale train at one rate, and serves one window as well as a batch.
    """

    def __init__(self, width: int, num_labels: int, hidden: int = 512, depth: int = 2, dropout: float = 0.2) -> None:
        """
        Args:
            hidden: units of each hidden layer.
            depth: hidden layers.
            dropout: share of the units that are dropped while training, before each layer but the first.
        """
        super().__init__()
        widths = [width, *[hidden] * depth]
        hiddens = [nn.Sequential(nn.Linear(before, after), nn.GELU(), nn.Dropout(dropout)) for before, after in pairwise(widths)]
        self.layers = nn.Sequential(nn.LayerNorm(width), *hiddens, nn.Linear(widths[-1], num_labels))

    def forward(self, frames: Tensor) -> Tensor:
        with torch.autocast(frames.device.type, enabled=False):  # bfloat16 logits would tie
            logits: Tensor = self.layers(frames.float().mean(dim=-1))
        return logits
