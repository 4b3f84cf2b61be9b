"""ATTENTION_HEAD: every frame is judged, and every label chooses the frames that it listens to."""

import torch
from torch import Tensor, nn


class AttentionHead(nn.Module):
    """[batch, width, frame] -> logits [batch, label]: for labels that sound in a part of the window only.

    The attention pooling of PANNs (arXiv:1912.10211), except that logits are averaged, not probabilities: the loss needs no clipping.
    """

    def __init__(self, width: int, num_labels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Conv1d(width, num_labels, kernel_size=1)
        self.attention = nn.Conv1d(width, num_labels, kernel_size=1)
        nn.init.zeros_(self.attention.weight)  # every frame counts alike until training says otherwise

    def forward(self, frames: Tensor) -> Tensor:
        with torch.autocast(frames.device.type, enabled=False):  # a bfloat16 softmax loses small weights
            frames = self.dropout(frames.float())
            weights = torch.softmax(self.attention(frames), dim=-1)
            logits: Tensor = (weights * self.score(frames)).sum(dim=-1)
        return logits
