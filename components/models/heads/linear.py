"""LINEAR: one layer on the mean over time."""

import torch
from torch import Tensor, nn


class LinearHead(nn.Module):
    """[batch, width, frame] -> logits [batch, label]: the baseline, and enough where a label lasts the whole window."""

    def __init__(self, width: int, num_labels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, num_labels)

    def forward(self, frames: Tensor) -> Tensor:
        with torch.autocast(frames.device.type, enabled=False):  # bfloat16 logits would tie
            logits: Tensor = self.linear(self.dropout(frames.float().mean(dim=-1)))
        return logits

    @torch.no_grad()
    def start_label(self, place: int, weight: Tensor, bias: Tensor) -> None:
        """Let a label begin as another classifier's row: weight [width] and bias."""
        self.linear.weight[place] = weight
        self.linear.bias[place] = bias
