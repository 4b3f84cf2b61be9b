"""MEAN_MAX: one layer on the mean and the maximum over time."""

import torch
from torch import Tensor, nn


class MeanMaxHead(nn.Module):
    """[batch, width, frame] -> logits [batch, label]: what lasts and what is struck once; the head of a frozen backbone."""

    def __init__(self, width: int, num_labels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(2 * width, num_labels)

    def forward(self, frames: Tensor) -> Tensor:
        with torch.autocast(frames.device.type, enabled=False):  # bfloat16 logits would tie
            logits: Tensor = self.linear(self.dropout(mean_and_max(frames)))
        return logits


def mean_and_max(frames: Tensor) -> Tensor:
    """[batch, width, frame] -> [batch, 2 width], float32: the means over time, then the maxima."""
    frames = frames.float()
    return torch.cat([frames.mean(dim=-1), frames.amax(dim=-1)], dim=-1)
