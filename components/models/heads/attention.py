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
        logits, weights = self.frame_logits(frames)
        return (weights * logits).sum(dim=-1)

    def frame_logits(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Each frame's logits [batch, label, frame], and how much each label listens to it, [batch, label, frame] that sums to 1."""
        with torch.autocast(frames.device.type, enabled=False):  # a bfloat16 softmax loses small weights
            frames = self.dropout(frames.float())
            return self.score(frames), torch.softmax(self.attention(frames), dim=-1)

    @torch.no_grad()
    def start_label(self, place: int, weight: Tensor, bias: Tensor) -> None:
        """Let a label begin as another classifier's row: weight [width] and bias."""
        self.score.weight[place, :, 0] = weight
        self.score.bias[place] = bias  # type: ignore[index] # Conv1d's bias may be None, this one is not
