"""MOBNET: a MobileNetV3 trunk a label, so that no label shares its features with another."""

from typing import Literal

import torch
from torch import Tensor, nn

from components.errors import ConfigError
from components.model_input import ModelInputDataType
from components.models.pretrained import fill, read_weights
from components.models.timm_backbone import TimmBackbone

ARCHITECTURES = {"small": "mobilenetv3_small_100", "large": "mobilenetv3_large_100"}


class MobNet(nn.Module):
    """[batch, channel, freq, frame] -> [batch, labels * width of a trunk, frame / 32]: the trunks' outputs, joined.

    The trunks are MobileNetV3's (arXiv:1905.02244). Parameters and time grow with the number of labels, which is why the small form
    is the default.
    """

    accepts = ModelInputDataType.IMAGE

    def __init__(
        self,
        num_labels: int,
        in_channels: int = 1,
        pretrained: str = "none",
        size: Literal["small", "large"] = "small",
        depth: float = 1.0,
    ) -> None:
        """
        Args:
            pretrained: hub, none, or a path, of one MobileNetV3 that every trunk starts from, or of a whole MOBNET.
            size: of each trunk.
            depth: share of the published number of blocks.
        Raises:
            ConfigError: if the pretrained weights cannot be had or do not fit.
        """
        super().__init__()
        tensors = read_weights(pretrained) if pretrained not in ("hub", "none") else {}
        whole = any(key.startswith("trunks.") for key in tensors)
        start = "none" if whole else pretrained
        if size not in ARCHITECTURES:
            raise ConfigError(f"model.params: MOBNET has no size {size!r}: choose one of {', '.join(ARCHITECTURES)}")
        trunks = [TimmBackbone(ARCHITECTURES[size], in_channels, start, depth) for _ in range(num_labels)]
        self.trunks = nn.ModuleList(trunks)
        self.width = sum(trunk.width for trunk in trunks)
        if whole:
            fill(self, tensors, "MOBNET", pretrained)

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.cat([trunk(inputs) for trunk in self.trunks], dim=1)
