"""The names of a network's layers, which `head_after` and `backbone_after` take: the backbone's own, and `classifier` for the head.

A name is a module's dotted path inside the network that the backbone wraps: `layer3.2` in RESNEXT50_32X4D, `stages.2` in
CONVNEXT_TINY, `layers.11` in AST. MOBNET's trunks share their names: one stands for that layer of every trunk.
"""

from collections.abc import Iterator
from typing import Protocol

from torch import nn

from components.errors import ConfigError
from components.menus import nearest

CLASSIFIER = "classifier"


class Parts(Protocol):
    """What is asked of a network: its two trainable parts, which are modules."""

    @property
    def backbone(self) -> object: ...
    @property
    def head(self) -> object: ...


def layers(network: Parts) -> tuple[str, ...]:
    """The layers that a person may want to name, in the order in which the backbone lists them; the last is `classifier`."""
    return (*_named(trunks(network)[0]), CLASSIFIER)


def resolve(network: Parts, name: str, key: str = "layer") -> tuple[nn.Module, ...]:
    """The modules of a layer: one, or one a trunk where several run side by side. Deeper paths than `layers` lists work too.

    Args:
        name: `classifier` for the head, or a dotted path inside the backbone.
        key: the setting that names the layer, for the error.
    Raises:
        ConfigError: if there is no such layer; it lists the layers.
    """
    if name == CLASSIFIER and isinstance(network.head, nn.Module):
        return (network.head,)
    found = [dict(trunk.named_modules()).get(name) for trunk in trunks(network)] if name else []
    modules = tuple(module for module in found if module is not None)
    if not modules:
        names = layers(network)
        raise ConfigError(f"{key}: this model has no layer {name!r}{nearest(name, names)}; its layers are: {', '.join(names)}")
    return modules


def trunks(network: Parts) -> list[nn.Module]:
    """The networks that the backbone wraps, or itself."""
    backbone = network.backbone
    sides = getattr(backbone, "trunks", [backbone])
    return [getattr(side, "trunk", side) for side in sides]


def _named(trunk: nn.Module) -> Iterator[str]:
    """Children, and the members of those that are lists of layers or hold some; what has no weights is left out."""
    for name, child in _weighty(trunk):
        yield name
        for inner, grandchild in _weighty(child) if _lists_layers(child) or any(map(_lists_layers, child.children())) else ():
            yield f"{name}.{inner}"
            if _lists_layers(grandchild):
                yield from (f"{name}.{inner}.{last}" for last, _ in _weighty(grandchild))


def _weighty(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    return ((name, child) for name, child in module.named_children() if any(True for _ in child.parameters()))


def _lists_layers(module: nn.Module) -> bool:
    return isinstance(module, nn.Sequential | nn.ModuleList)
