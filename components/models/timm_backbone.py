"""Backbones from timm (PyTorch Image Models), fed a spectrogram as a picture of one or more channels."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn

from components.errors import ConfigError
from components.model_input import ModelInputDataType
from components.models.pretrained import fill, read_weights, unreachable
from components.models.timm_sizes import sizes
from components.torch_builds import match_builds

PROBE = (40, 70)  # bands and frames of the silent picture that shows what a network takes and gives
SHORTEST = 32


class TimmBackbone(nn.Module):
    """[batch, channel, freq, frame] -> [batch, width, frame / 32]: a trunk without its classifier, averaged over frequency.

    Most networks step by 32 frames; transformers step by their patch (16). A norm that stands between the trunk and its classifier
    (ConvNeXt's) is kept, since the published weights count on it; it acts on every frame.
    """

    accepts = ModelInputDataType.IMAGE

    def __init__(
        self,
        architecture: str,
        in_channels: int = 1,
        pretrained: str = "none",
        depth: float = 1.0,
        width: float = 1.0,
        drop_rate: float = 0.0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Args:
            architecture: timm's name, such as `mobilenetv3_large_100`.
            in_channels: of the feature; pretrained weights of three channels are summed or repeated to fit, as timm does.
            pretrained: hub, none, or a path.
            depth: share of the published number of blocks.
            width: share of the published number of channels.
            drop_rate: share of the activations that timm drops while training.
            options: further arguments of timm's own constructor, such as `{drop_path_rate: 0.1}`.
        Raises:
            ConfigError: if the pretrained weights cannot be had or do not fit, or the network does not take spectrograms of any size.
        """
        super().__init__()
        params = {"in_chans": in_channels, "drop_rate": drop_rate, **sizes(architecture, depth, width), **(options or {})}
        self.trunk, self._multiple = _create(architecture, pretrained == "hub", params)
        self.width = int(self.trunk.num_features)
        output, called = _probe(self.trunk, in_channels, self._multiple)
        self._layout = _layout(output, self.trunk, architecture)
        self.norm = _norm_before_classifier(self.trunk, self.width)
        _drop_uncalled(self.trunk, called)
        self.trunk.to(memory_format=torch.channels_last)
        if pretrained not in ("hub", "none"):
            fill(self, _adapted(read_weights(pretrained), self.trunk, in_channels), architecture, pretrained)

    def forward(self, inputs: Tensor) -> Tensor:
        inputs = _padded(inputs, self._multiple)
        picture: Tensor = self.trunk.forward_features(inputs.contiguous(memory_format=torch.channels_last))
        if self._layout == "tokens":
            tokens = picture[:, self.trunk.num_prefix_tokens :].transpose(1, 2)
            picture = tokens.reshape(*tokens.shape[:2], *self.trunk.patch_embed.dynamic_feat_size(inputs.shape[-2:]))
        elif self._layout == "channels last":
            picture = picture.permute(0, 3, 1, 2)
        frames = picture.mean(dim=2)
        return frames if self.norm is None else self.norm(frames.transpose(1, 2)).transpose(1, 2)


def _create(architecture: str, hub: bool, params: dict[str, Any]) -> tuple[Any, int]:
    """The network, and what the sides of its input must be multiples of: 1, or 32 for those that cut pictures into patches.

    Transformers expect one picture size, unless they are told otherwise.
    """
    trunk = _timm_model(architecture, hub, params)
    for multiple in (1, 32):
        with suppress(Exception):  # each network refuses a picture in its own way
            _probe(trunk, params["in_chans"], multiple)
            return trunk, multiple
    with suppress(Exception):
        trunk = _timm_model(architecture, hub, {**params, "dynamic_img_size": True})
        _probe(trunk, params["in_chans"], 32)
        return trunk, 32
    raise ConfigError(f"{architecture} takes pictures of one size only: choose a network that takes any spectrogram, such as CONVNEXT_TINY")


def _timm_model(architecture: str, hub: bool, params: dict[str, Any]) -> Any:
    match_builds()
    import timm  # takes seconds, which a service on SMALL_CNN need not wait for

    try:
        return timm.create_model(architecture, pretrained=hub, num_classes=0, **params)
    except TypeError as error:
        raise ConfigError(f"model.params: {architecture} cannot be made so ({error}): correct the options") from error
    except Exception as error:  # each of the hub's clients fails with errors of its own
        if not hub:
            raise
        raise unreachable(architecture, error) from error


def _probe(trunk: Any, in_channels: int, multiple: int) -> tuple[Any, set[nn.Module]]:
    """What the network gives for a small silent picture, and the modules that it called."""
    called = set[nn.Module]()
    hooks = [module.register_forward_pre_hook(lambda module, _: called.add(module)) for module in trunk.modules()]
    silence = torch.zeros(1, in_channels, *PROBE, device=next(trunk.parameters()).device)
    try:
        with torch.inference_mode():
            return trunk.eval().forward_features(_padded(silence, multiple)), called
    finally:
        trunk.train()
        for hook in hooks:
            hook.remove()


def _padded(pictures: Tensor, multiple: int) -> Tensor:
    """Silence above and behind, up to the next multiple, and to a side of 32: five halvings need as much."""
    above, behind = (max(SHORTEST - side, -side % multiple) for side in pictures.shape[-2:])
    return nn.functional.pad(pictures, (0, behind, 0, above))


def _layout(output: Any, trunk: Any, architecture: str) -> str:
    width = int(trunk.num_features)
    if isinstance(output, Tensor) and output.dim() == 4 and output.shape[1] == width:
        return "channels first"
    if isinstance(output, Tensor) and output.dim() == 4 and output.shape[3] == width:
        return "channels last"
    if isinstance(output, Tensor) and output.dim() == 3 and hasattr(getattr(trunk, "patch_embed", None), "dynamic_feat_size"):
        return "tokens"
    raise ConfigError(f"{architecture} gives no picture of features: choose a network such as CONVNEXT_TINY")


def _norm_before_classifier(trunk: Any, width: int) -> nn.LayerNorm | None:
    """A plain LayerNorm in place of timm's, which wants four dimensions; the weights are the same ones."""
    theirs = getattr(getattr(trunk, "head", None), "norm", None)
    if not isinstance(theirs, nn.LayerNorm) or theirs.normalized_shape != (width,):
        return None
    norm = nn.LayerNorm(width, eps=theirs.eps)
    norm.weight, norm.bias = theirs.weight, theirs.bias
    return norm


def _drop_uncalled(trunk: Any, called: set[nn.Module]) -> None:
    """Take out what only the classifier would use: its weights would be stored, and training on several devices stops at idle ones."""
    for name, child in list(trunk.named_children()):
        if not called & set(child.modules()):
            setattr(trunk, name, nn.Identity())


def _adapted(tensors: dict[str, Tensor], trunk: Any, in_channels: int) -> dict[str, Tensor]:
    """The tensors under our names, with the first convolution's channels fitted to the input's."""
    from timm.models import adapt_input_conv

    tensors = {key.removeprefix("trunk."): tensor for key, tensor in tensors.items()}
    first = trunk.pretrained_cfg.get("first_conv") or ()
    for layer in (first,) if isinstance(first, str) else first:
        key = f"{layer}.weight"
        if key in tensors and tensors[key].dim() == 4 and tensors[key].shape[1] != in_channels:
            tensors[key] = adapt_input_conv(in_channels, tensors[key])
    norm = {key.removeprefix("head."): tensor for key, tensor in tensors.items() if key.startswith("head.norm.")}
    own = {key: tensor for key, tensor in tensors.items() if key in ("norm.weight", "norm.bias")}
    return {**{f"trunk.{key}": tensor for key, tensor in tensors.items()}, **own, **norm}
