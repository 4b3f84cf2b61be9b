"""AISFX_CNN9: the network of aiSFX, trained on libraries of sound effects; its weights come from PyPI, so no hub is needed."""

from pathlib import Path

import torch
from torch import Tensor, nn

from components.config_texts import AISFX
from components.errors import ConfigError
from components.model_input import ModelInputDataType
from components.models.pretrained import fill, load_backbone, read_weights
from components.places import pretrained_root

PATCH_FRAMES = 100  # what the network saw at once in training: 2.3 s
POOLED = 8  # frames of the input to one of the last block's
ATTRIBUTION = {
    "title": "aiSFX, model X-Sequential-CE: the embedding network",
    "authors": "Alison Bernice Ma and Alexander Lerch",
    "paper": "Representation Learning for the Automatic Indexing of Sound Effects Libraries, ISMIR 2022, pp. 866-875, "
    "https://doi.org/10.5281/zenodo.7316800",
    "source": "https://pypi.org/project/aisfx/0.1.2/",
    "licence": "CC BY 4.0, https://creativecommons.org/licenses/by/4.0/",
    "copyright": "Copyright (c) 2022 A.B. Ma and A. Lerch",
    "changes": "the classifiers are left out, and the kernels are transposed to [freq, time]",
}


class AisfxCnn9(nn.Module):
    """[batch, channel, freq, frame] -> [batch, 512, embedding]: four blocks of two convolutions, mean over frequency, maximum over time.

    CNN9 of aiSFX (Ma and Lerch, ISMIR 2022), after the DCASE baselines (arXiv:1808.00773). The maximum runs over 100 frames, as it was
    trained: a window of 100 frames gives one embedding, a longer one gives an embedding every 8 frames, each the maximum over the 100
    frames around it, and the head takes them as its frames. A shorter window ends in silence. Unlike in aiSFX a long window is not
    cut before the convolutions, which so hear a little beyond the 100 frames.
    """

    accepts = ModelInputDataType.IMAGE

    def __init__(self, in_channels: int = 1, widths: tuple[int, ...] = (64, 128, 256, 512), pretrained: str = "none") -> None:
        """
        Args:
            in_channels: of the feature; aiSFX's weights have one.
            widths: channels of the blocks; aiSFX's weights have the default's.
            pretrained: aisfx, none, or a path.
        Raises:
            ConfigError: if the pretrained weights are not there, or do not fit.
        """
        super().__init__()
        self.blocks = nn.ModuleList(Block(before, width) for before, width in zip((in_channels, *widths), widths, strict=False))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # the stubs know it of tensors only
        self.width = widths[-1]
        if pretrained == AISFX:
            fill(self, read_weights(find_aisfx()), "AISFX_CNN9", "aiSFX's checkpoint")
        else:
            load_backbone(self, pretrained, "AISFX_CNN9")

    def forward(self, inputs: Tensor) -> Tensor:
        missing = max(0, PATCH_FRAMES - inputs.shape[-1])
        maps = nn.functional.pad(inputs, (0, missing)).contiguous(memory_format=torch.channels_last)
        for place, block in enumerate(self.blocks):
            maps = nn.functional.max_pool2d(block(maps), 2) if place + 1 < len(self.blocks) else block(maps)
        return nn.functional.max_pool1d(maps.mean(dim=2), PATCH_FRAMES // POOLED, stride=1)


class Block(nn.Module):
    """Two 3 x 3 convolutions, each with batch norm and ReLU."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, out, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)

    def forward(self, inputs: Tensor) -> Tensor:
        inner = torch.relu_(self.bn1(self.conv1(inputs)))
        return torch.relu_(self.bn2(self.conv2(inner)))


def attribution_text() -> str:
    """What the licence asks to be said wherever the weights go, a line each."""
    return "".join(f"{key}: {text}\n" for key, text in ATTRIBUTION.items())


def find_aisfx() -> Path:
    """The folder that `timbre models fetch aisfx` filled.

    Raises:
        ConfigError: if it did not.
    """
    folder = pretrained_root() / AISFX
    if not (folder / "model.safetensors").is_file():
        raise ConfigError(f"aiSFX's weights are not at {folder}: run `timbre models fetch aisfx` once, where PyPI can be reached")
    return folder
