"""Backbones from timm (PyTorch Image Models), fed a spectrogram as a picture of one channel."""

from typing import Any

import torch
from torch import Tensor, nn

from components.errors import ConfigError
from components.model_input import ModelInputDataType
from components.models.pretrained import WAYS, fill, read_weights
from components.torch_builds import match_builds


class TimmBackbone(nn.Module):
    """[batch, channel, freq, frame] -> [batch, width, frame / 32]: a trunk without its classifier, averaged over frequency."""

    accepts = ModelInputDataType.IMAGE

    def __init__(self, architecture: str, in_channels: int = 1, pretrained: str = "none", drop_rate: float = 0.0) -> None:
        """
        Args:
            architecture: timm's name, such as `mobilenetv3_large_100`.
            in_channels: of the feature; pretrained weights of three channels are summed or repeated to fit, as timm does.
            pretrained: hub, none, or a path.
            drop_rate: share of the activations that timm drops while training.
        Raises:
            ConfigError: if the pretrained weights cannot be had.
        """
        super().__init__()
        self.trunk = _create(architecture, pretrained, in_chans=in_channels, drop_rate=drop_rate)
        self.trunk.to(memory_format=torch.channels_last)
        self.width = int(self.trunk.num_features)

    def forward(self, inputs: Tensor) -> Tensor:
        picture: Tensor = self.trunk.forward_features(inputs.contiguous(memory_format=torch.channels_last))
        return picture.mean(dim=2)


def _create(architecture: str, pretrained: str, **params: Any) -> Any:
    match_builds()
    import timm  # takes seconds, which a service on SMALL_CNN need not wait for

    try:
        trunk = timm.create_model(architecture, pretrained=pretrained == "hub", num_classes=0, **params)
    except Exception as error:  # each of the hub's clients fails with errors of its own
        if pretrained != "hub":
            raise
        raise ConfigError(
            f"the hub gave no weights for {architecture} ({' '.join(str(error).split())[:200]}): pretrained takes {WAYS}"
        ) from error
    _drop_unused(trunk, params["in_chans"])
    if pretrained not in ("hub", "none"):
        fill(trunk, _adapted(read_weights(pretrained), trunk, params["in_chans"]), architecture, pretrained)
    return trunk


def _drop_unused(trunk: Any, in_channels: int) -> None:
    """Take out what only the classifier would use: its weights would be stored, and training on several devices stops at idle ones."""
    called = set[nn.Module]()
    hooks = [module.register_forward_pre_hook(lambda module, _: called.add(module)) for module in trunk.modules()]
    with torch.inference_mode():
        trunk.eval().forward_features(torch.zeros(1, in_channels, 32, 32))
    for hook in hooks:
        hook.remove()
    for name, child in list(trunk.named_children()):
        if not called & set(child.modules()):
            setattr(trunk, name, nn.Identity())
    trunk.train()


def _adapted(tensors: dict[str, Tensor], trunk: Any, in_channels: int) -> dict[str, Tensor]:
    """The tensors with the first convolution's channels fitted to the input's."""
    from timm.models import adapt_input_conv

    tensors = {key.removeprefix("trunk."): tensor for key, tensor in tensors.items()}
    first = trunk.pretrained_cfg["first_conv"] + ".weight"
    if first in tensors and tensors[first].shape[1] != in_channels:
        tensors[first] = adapt_input_conv(in_channels, tensors[first])
    return tensors
