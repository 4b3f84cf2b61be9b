"""AST: the Audio Spectrogram Transformer, from transformers."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from components.errors import ConfigError
from components.model_input import ModelInputDataType
from components.models.pretrained import fetch, fill, read_weights
from components.models.transformers_models import check_config, configured, library, loaded, scaled

HUB = "MIT/ast-finetuned-audioset-10-10-0.4593"
_FIXED = ("hidden_size", "num_hidden_layers", "num_attention_heads", "patch_size", "frequency_stride", "time_stride", "num_mel_bins")


class ClassRows(NamedTuple):
    """The last layer of a checkpoint's classifier: weight [class, width], bias [class]."""

    weight: Tensor
    bias: Tensor


class SpectrogramTransformer(nn.Module):
    """[batch, channel, freq, frame] -> [batch, width, frame / 10]: patches of 16 x 16, 10 apart (AST, arXiv:2104.01778).

    The published network classifies the mean of its two class tokens. Here each step in time is that mean plus how the step's patches
    differ from all patches: averaged over time it is the published summary to the last digit, so a LINEAR head, or an ATTENTION_HEAD
    before it has learnt where to listen, can begin as the published classifier. Position embeddings are cut in time where the input is
    shorter than the 1024 frames of the checkpoints, and interpolated where it is longer or has other bands, as in the paper.
    """

    accepts = ModelInputDataType.IMAGE

    def __init__(
        self,
        in_channels: int = 1,
        pretrained: str = "none",
        depth: float = 1.0,
        width: float = 1.0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Args:
            in_channels: of the feature; the checkpoints' one channel is shared out among several.
            pretrained: hub, none, or a path; the checkpoints expect the feature AST.
            depth: share of the 12 blocks.
            width: share of the 12 heads of 64 channels.
            options: other fields of transformers' ASTConfig.
        Raises:
            ConfigError: if the weights cannot be had or do not fit, or transformers is not installed.
        """
        super().__init__()
        self.class_rows: ClassRows | None = None  # what a head may start from (audioset.py); the tagger does not keep them
        config = configured(library().ASTConfig, "AST", options, **scaled(depth, width))
        tensors: dict[str, Tensor] = {}
        if pretrained != "none":
            check_config(pretrained, config, "AST", _FIXED)
            tensors = read_weights(fetch(HUB, "AST") if pretrained == "hub" else pretrained)
        ours = any(key.startswith("trunk.") for key in tensors)
        network = self._classifier(config, {} if ours else tensors, pretrained)
        self.width = int(config.hidden_size)
        self.trunk = network.audio_spectrogram_transformer
        self.norm = network.classifier.layernorm
        self._share_input(in_channels)
        if ours:
            fill(self, tensors, "AST", pretrained)

    def forward(self, inputs: Tensor) -> Tensor:
        size = int(self.trunk.config.patch_size)
        inputs = nn.functional.pad(inputs, (0, max(0, size - inputs.shape[3]), 0, max(0, size - inputs.shape[2])))
        embeddings = self.trunk.embeddings
        grid = embeddings.patch_embeddings.projection(inputs)  # [batch, width, height, length]
        height, length = grid.shape[2:]
        tokens, positions = self._positions(height, length)
        patches = grid.flatten(2).transpose(1, 2) + positions
        classes = torch.cat([embeddings.cls_token, embeddings.distillation_token], dim=1) + tokens
        hidden = embeddings.dropout(torch.cat([classes.expand(inputs.shape[0], -1, -1), patches], dim=1))
        for layer in self.trunk.layers:
            hidden = layer(hidden, None)
        hidden = self.trunk.layernorm(hidden)
        summary = self.norm(hidden[:, :2].mean(dim=1))
        steps = hidden[:, 2:].unflatten(1, (height, length)).mean(dim=1)
        frames: Tensor = summary[:, None] + steps - steps.mean(dim=1, keepdim=True)
        return frames.transpose(1, 2)

    def _classifier(self, config: Any, tensors: dict[str, Tensor], pretrained: str) -> Any:
        transformers = library()
        if not tensors:
            return transformers.ASTForAudioClassification(config)
        rows = tensors.get("classifier.dense.weight")
        config.num_labels = len(rows) if rows is not None else 1
        network = loaded(transformers.ASTForAudioClassification, config, tensors, "AST", pretrained, optional=("classifier.",))
        if rows is not None:
            dense = network.classifier.dense
            self.class_rows = ClassRows(dense.weight.detach().clone(), dense.bias.detach().clone())
        return network

    def _share_input(self, in_channels: int) -> None:
        """More channels than the checkpoints' one: each begins with its share of the filter, so that equal channels change nothing."""
        if in_channels == 1:
            return
        patches = self.trunk.embeddings.patch_embeddings
        one = patches.projection
        patches.projection = nn.Conv2d(in_channels, self.width, one.kernel_size, one.stride)
        with torch.no_grad():
            patches.projection.weight.copy_(one.weight.expand(-1, in_channels, -1, -1) / in_channels)
            patches.projection.bias.copy_(one.bias)

    def _positions(self, height: int, length: int) -> tuple[Tensor, Tensor]:
        """Position embeddings of the two class tokens [1, 2, width], and of a grid of patches [1, height * length, width]."""
        embeddings = self.trunk.embeddings
        rows, columns = embeddings.get_shape(self.trunk.config)
        stored = embeddings.position_embeddings
        grid = stored[:, 2:].transpose(1, 2).unflatten(2, (rows, columns))[..., :length]
        if grid.shape[2:] != (height, length):
            grid = nn.functional.interpolate(grid, size=(height, length), mode="bilinear", align_corners=False)
        return stored[:, :2], grid.flatten(2).transpose(1, 2)


def require_rows(backbone: object, classes: int) -> ClassRows:
    """The classifier that the backbone's checkpoint carried.

    Raises:
        ConfigError: if it carried none, or one of another number of classes.
    """
    rows: ClassRows | None = getattr(backbone, "class_rows", None)
    if rows is None or len(rows.bias) != classes:
        raise ConfigError(
            f"model.head_start audioset needs a checkpoint of AST with a classifier of AudioSet's {classes} classes: "
            f"set model.name to AST and model.pretrained to hub or to such a folder, or leave head_start out"
        )
    return rows
