"""Which parts of a network learn: everything after a named layer, while what is before it stands still."""

from collections.abc import Iterator

from torch import nn

from components.errors import ConfigError
from components.menus import nearest
from components.network import Network

HEAD = "classifier"  # the head's name on every backbone


def layer_names(network: Network) -> list[str]:
    """What `head_after` and `backbone_after` may name, in the network's order: the backbone's layers, then the head's."""
    return [name for name, _ in _layers(network) if name]


def after(network: Network, layer: str | None) -> set[nn.Module]:
    """The modules that come after a layer, in the order in which the network lists them; of the last layer, the layer itself.

    Args:
        layer: as in `layer_names`, such as `classifier` (the head) or `layer3.2`; none: all modules.
    Raises:
        ConfigError: if there is no such layer; it lists those that there are.
    """
    if layer is None:
        return set(network.modules())
    layers = dict(_layers(network))
    chosen = layers.get(layer.strip())
    if chosen is None:
        short = [name for name in layers if name.count(".") <= 1]
        raise ConfigError(f"the model has no layer {layer!r}{nearest(layer, layers)}; it has: {', '.join(short)} and the parts of these")
    ordered = [module for module in network.modules() if _leaf(module)]
    parts = set(chosen.modules())
    last = max(place for place, module in enumerate(ordered) if module in parts)
    leaves = set(ordered[last + 1 :])
    whole = {module for module in network.modules() if {part for part in module.modules() if _leaf(part)} <= leaves}
    return whole or parts


def freeze(network: Network, learning: set[nn.Module], trainable: set[nn.Parameter]) -> None:
    """Let the parameters of `learning` learn and no others.

    Args:
        trainable: those that may learn at all; a backbone may keep some of its own frozen for good.
    """
    for module in network.modules():
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(parameter in trainable and module in learning)


def still(network: Network, learning: set[nn.Module]) -> None:
    """Put what does not learn into evaluation: batch norms keep their statistics, dropout rests."""
    for module in network.modules():
        if module not in learning and _leaf(module):
            module.eval()


def _layers(network: Network) -> Iterator[tuple[str, nn.Module]]:
    """Layer by name: timm's own names for the backbone's (without our `trunk`), `classifier` for the head."""
    backbone, head = network.get_submodule("backbone"), network.get_submodule("head")
    for name, module in backbone.named_modules():
        if plain := name.removeprefix("trunk").removeprefix("."):
            yield plain, module
    for name, module in head.named_modules():
        yield (f"{HEAD}.{name}" if name else HEAD), module


def _leaf(module: nn.Module) -> bool:
    return not any(True for _ in module.children())
