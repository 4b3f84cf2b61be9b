"""Which parts of a network learn: everything after a named layer, while what is before it stands still."""

from torch import nn

from components.models.layers import resolve, trunks
from components.network import Network


def after(network: Network, layer: str | None) -> set[nn.Module]:
    """The modules that come after a layer, in the order in which the network lists them; of the last layer, the layer itself.

    Args:
        layer: as in `models.layers`, such as `classifier` (the head) or `layer3.2`; none: all modules.
    Raises:
        ConfigError: if there is no such layer; it lists those that there are.
    """
    if layer is None:
        return set(network.modules())
    ordered = [module for module in network.modules() if _leaf(module)]
    chosen = resolve(network, layer.strip())
    sides: list[nn.Module] = [network] if len(chosen) == 1 else trunks(network)
    # What stands in none of the trunks, such as the head, comes after all of them.
    leaves = set(_leaves(network)) - {leaf for side in sides for leaf in _leaves(side)}
    for side, part in zip(sides, chosen, strict=True):
        ordered, inside = _leaves(side), set(part.modules())
        leaves.update(ordered[1 + max(place for place, module in enumerate(ordered) if module in inside) :])
    whole = {module for module in network.modules() if set(_leaves(module)) <= leaves}
    return whole or {module for part in chosen for module in part.modules()}


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


def _leaf(module: nn.Module) -> bool:
    return not any(True for _ in module.children())


def _leaves(module: nn.Module) -> list[nn.Module]:
    return [inner for inner in module.modules() if _leaf(inner)]
