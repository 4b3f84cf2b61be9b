"""Shallower, deeper, narrower and wider forms of timm's networks: `depth` and `width` as shares of the published size."""

from collections.abc import Callable
from typing import Any

from components.errors import ConfigError

CONVNEXT = {
    "convnext_tiny": ((3, 3, 9, 3), (96, 192, 384, 768)),
    "convnext_small": ((3, 3, 27, 3), (96, 192, 384, 768)),
    "convnext_base": ((3, 3, 27, 3), (128, 256, 512, 1024)),
    "convnext_large": ((3, 3, 27, 3), (192, 384, 768, 1536)),
}
RESNEXT = {"resnext50_32x4d": (3, 4, 6, 3), "resnext101_32x8d": (3, 4, 23, 3), "resnext101_64x4d": (3, 4, 23, 3)}


def sizes(architecture: str, depth: float, width: float) -> dict[str, Any]:
    """timm's arguments for this depth and width; none at 1 and 1.

    Raises:
        ConfigError: if they are not above 0, or the architecture has no such forms.
    """
    if not (depth > 0 and width > 0):
        raise ConfigError(f"model.params: depth {depth:g} and width {width:g} must be above 0: they are shares of the published size")
    if depth == width == 1:
        return {}
    plain = architecture.partition(".")[0]  # without the tag of its published weights
    if plain not in _FAMILIES:
        raise ConfigError(f"{architecture} has one size only: leave depth and width out of model.params, or name a smaller model of timm's")
    return _FAMILIES[plain](plain, depth, width)


def _convnext(architecture: str, depth: float, width: float) -> dict[str, Any]:
    depths, dims = CONVNEXT[architecture]
    return {"depths": _shares(depths, depth), "dims": _shares(dims, width)}


def _resnext(architecture: str, depth: float, width: float) -> dict[str, Any]:
    # A block's groups need a channel each, which 16 planes of the published networks are enough for.
    planes = tuple(16 * share for share in _shares((4, 8, 16, 32), width))
    return {"layers": _shares(RESNEXT[architecture], depth), "channels": planes}


def _efficientnet(architecture: str, depth: float, width: float) -> dict[str, Any]:
    return {"depth_multiplier": depth, "channel_multiplier": width}


def _mobilenet(architecture: str, depth: float, width: float) -> dict[str, Any]:
    if width != 1:
        raise ConfigError(f"{architecture} has one width only: leave width out of model.params, or name mobilenetv3_large_075")
    return {"depth_multiplier": depth}


def _shares(sizes: tuple[int, ...], share: float) -> tuple[int, ...]:
    return tuple(max(1, round(size * share)) for size in sizes)


_FAMILIES: dict[str, Callable[[str, float, float], dict[str, Any]]] = {
    **dict.fromkeys(CONVNEXT, _convnext),
    **dict.fromkeys(RESNEXT, _resnext),
    **dict.fromkeys(("tf_efficientnetv2_s", "tf_efficientnetv2_m", "tf_efficientnetv2_l"), _efficientnet),
    **dict.fromkeys(("mobilenetv3_small_100", "mobilenetv3_large_100"), _mobilenet),
}
