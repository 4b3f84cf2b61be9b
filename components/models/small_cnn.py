"""SMALL_CNN: ours, small enough to train from scratch on a CPU in minutes."""

import torch
from torch import Tensor, nn

from components.errors import ConfigError
from components.model_input import ModelInputDataType
from components.models.pretrained import load_backbone

LEAST_WIDTH = 8  # below it oneDNN's strided 1 x 1 convolution writes beyond its memory when it goes backward (PyTorch 2.13, AVX2)


class SmallCnn(nn.Module):
    """[batch, channel, freq, frame] -> [batch, 128, frame / 8]: a strided stem and three residual blocks.

    The stem halves both axes before anything is wide, and the tensors are channels-last: on a CPU those two decide the speed
    (docs/decisions.md has the figures).

    Raises:
        ConfigError: if a width is below 8, or the pretrained weights are of another size.
    """

    accepts = ModelInputDataType.IMAGE

    def __init__(self, in_channels: int = 1, widths: tuple[int, ...] = (32, 48, 96, 128), pretrained: str = "none") -> None:
        super().__init__()
        if min(widths, default=0) < LEAST_WIDTH:
            raise ConfigError(f"model.params.widths must be {LEAST_WIDTH} or more each, got {list(widths)}: choose wider layers")
        stem, *blocks = widths
        strides = [(2, 2), (2, 2), *[(2, 1)] * len(blocks)]
        layers = [nn.Conv2d(in_channels, stem, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(stem), nn.ReLU(inplace=True)]
        before = [stem, *blocks]
        layers += [ResidualBlock(before[place], width, strides[place]) for place, width in enumerate(blocks)]
        self.layers = nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload] # the stubs know it of tensors only
        self.width = widths[-1]
        load_backbone(self, pretrained, "SMALL_CNN")

    def forward(self, inputs: Tensor) -> Tensor:
        frames: Tensor = self.layers(inputs.contiguous(memory_format=torch.channels_last)).mean(dim=2)
        return frames


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut (He et al., arXiv:1512.03385)."""

    def __init__(self, width: int, out: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, out, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
            nn.Conv2d(out, out, 3, padding=1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.shortcut = nn.Sequential(nn.Conv2d(width, out, 1, stride=stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.relu(self.body(inputs) + self.shortcut(inputs))
