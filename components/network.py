"""One module from waveform to logits: feature, statistics, backbone, head, and the pooling of window scores into a clip's."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from components.config import FeatureConfig, ModelConfig, WindowConfig
from components.errors import ConfigError
from components.features import FEATURES, Feature
from components.labels import LabelSet
from components.menus import build, choose
from components.models import HEADS, MODELS, POOLINGS, Backbone, Head, accepted_input, build_backbone, projection, start_head


class Network(nn.Module):
    """Waveforms [batch, time] -> logits [batch, label].

    `forward` is `classify(transform(waveforms))`; training puts its augmentations before and between the two.
    """

    mean: Tensor
    std: Tensor
    projection: Tensor

    def __init__(self, feature: Feature, backbone: Backbone, head: Head, pooling: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.feature, self.backbone, self.head = feature, backbone, head
        self.pooling = pooling
        self.register_buffer("mean", torch.zeros(feature.statistics_shape))
        self.register_buffer("std", torch.ones(feature.statistics_shape))
        self.register_buffer("projection", projection(backbone.width))

    def forward(self, waveforms: Tensor) -> Tensor:
        return self.classify(self.transform(waveforms))

    def transform(self, waveforms: Tensor) -> Tensor:
        """Waveforms -> the model's input, of mean 0 and deviation 1 in each band of the training data; float32."""
        return (self.feature(waveforms) - self.mean) / self.std

    def classify(self, inputs: Tensor) -> Tensor:
        """The model's input -> logits [batch, label], float32 under autocast too."""
        return self.head(self.backbone(inputs))

    def hear(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The model's input -> logits [batch, label] and the embedding projected to [batch, 32], in one pass through the backbone."""
        frames = self.backbone(inputs)
        return self.head(frames), _over_time(frames) @ self.projection

    def embed(self, waveforms: Tensor) -> Tensor:
        """Waveforms -> [batch, width]: what the backbone hears, averaged over time."""
        return _over_time(self.backbone(self.transform(waveforms)))

    def pool(self, scores: Tensor) -> Tensor:
        """The scores of one clip's windows [window, label] -> the clip's [label]."""
        return self.pooling(scores)

    @torch.no_grad()
    def measure(self, batches: Iterable[Tensor]) -> None:
        """Set mean and deviation from waveform batches [batch, time] of the training split, on any device.

        Raises:
            ConfigError: if there is no batch.
        """
        shape = self.feature.statistics_shape
        if not shape:
            return
        count, total, squares = 0, torch.zeros(shape, dtype=torch.float64), torch.zeros(shape, dtype=torch.float64)
        for waveforms in batches:
            values = self.feature(waveforms.to(self.mean.device)).double().cpu()
            kept = [0, *(axis + 1 for axis, size in enumerate(shape) if size == 1)]
            count += values.numel() // total.numel()
            total += values.sum(dim=kept, keepdim=True)[0]
            squares += values.square().sum(dim=kept, keepdim=True)[0]
        if count == 0:
            raise ConfigError("the network's statistics need at least one batch of waveforms: give the training split some clips")
        mean = total / count
        std = (squares / count - mean.square()).clamp(min=0).sqrt()
        # A band that is empty in the training data (upsampled recordings) would turn a later recording's noise into huge values.
        floor = 0.1 * std.mean(dim=(1, 2), keepdim=True)  # a channel at a time, since each has a unit of its own
        self.mean.copy_(mean)
        self.std.copy_(std.maximum(floor.where(floor > 0, 1.0)))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Weights without a projection take the one of their width, which is what they would have."""
        state_dict.setdefault(f"{prefix}projection", self.projection)
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _over_time(frames: Tensor) -> Tensor:
    """[batch, width, frame] -> [batch, width], float32."""
    return frames.float().mean(dim=-1)


def build_network(feature: FeatureConfig, model: ModelConfig, windows: WindowConfig, sample_rate: int, labels: LabelSet) -> Network:
    """The network that the sections describe.

    Raises:
        ConfigError: if a name or parameter is unknown, pretrained weights are missing, or the feature does not fit the backbone.
    """
    front = _front(feature, model, sample_rate)
    backbone, head = _parts(model, front.channels, len(labels), model.pretrained)
    if model.head_start == "audioset" and model.pretrained != "none":  # an opened tagger brings its own weights
        start_head(head, backbone, labels)
    return Network(front, backbone, head, choose(POOLINGS, windows.pooling, "pooling"))


def check_network(feature: FeatureConfig, model: ModelConfig, windows: WindowConfig, sample_rate: int) -> Network:
    """Refuse parts that are unknown or do not fit, before anything runs: no weight is drawn, fetched or read.

    Returns:
        The network for two labels with shapes alone (torch's meta device), to ask for its layers.
    Raises:
        ConfigError: if a name or parameter is unknown, or the feature does not fit the backbone.
    """
    front = _front(feature, model, sample_rate)
    pooling = choose(POOLINGS, windows.pooling, "pooling")
    with torch.device("meta"):
        return Network(front, *_parts(model, front.channels, num_labels=2, pretrained="none"), pooling)


def _front(feature: FeatureConfig, model: ModelConfig, sample_rate: int) -> Feature:
    """The feature, if the model takes what it gives."""
    front = build(FEATURES, feature.name, "feature", feature.params, sample_rate=sample_rate)
    accepts = accepted_input(model.name)
    if front.kind is accepts:
        return front
    features = [name for name, part in sorted(FEATURES.items()) if getattr(part, "kind", None) is accepts]
    models = [name for name in sorted(MODELS) if accepted_input(name) is front.kind]
    raise ConfigError(
        f"model {model.name} takes {accepts}, but feature {feature.name} gives {front.kind}: choose a feature that fits "
        f"({', '.join(features) or 'none here'}), or a model that fits ({', '.join(models)})"
    )


def _parts(model: ModelConfig, channels: int, num_labels: int, pretrained: str) -> tuple[Backbone, Head]:
    backbone = build_backbone(model.name, model.params, in_channels=channels, num_labels=num_labels, pretrained=pretrained)
    return backbone, build(HEADS, model.head, "head", model.head_params, width=backbone.width, num_labels=num_labels)
