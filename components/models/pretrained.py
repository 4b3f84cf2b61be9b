"""Weights from a local file: `--pretrained PATH`, for every backbone."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from components.errors import ConfigError

LOCAL_WAYS = "none, or the path of a safetensors file or of a folder that holds model.safetensors"
WAYS = f"hub (where it is reachable), {LOCAL_WAYS}"


def load_backbone(backbone: nn.Module, pretrained: str, name: str) -> None:
    """Put the weights that `pretrained` names into the backbone: none, or a path; `hub` is for backbones that have a place on one.

    Raises:
        ConfigError: if there are no such weights, or they are another backbone's.
    """
    if pretrained == "none":
        return
    if pretrained == "hub":
        raise ConfigError(f"{name} has no weights on a hub: pretrained takes {LOCAL_WAYS}")
    fill(backbone, read_weights(pretrained), name, pretrained)


def read_weights(pretrained: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of a tagger folder's backbone.

    Raises:
        ConfigError: if there is no such file, or it is not safetensors.
    """
    path = Path(pretrained).expanduser()
    path = path / "model.safetensors" if path.is_dir() else path
    if not path.is_file():
        raise ConfigError(f"no pretrained weights at {path}: pretrained takes {WAYS}")
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ConfigError(f"{path} is not a safetensors file ({error}): pretrained takes {WAYS}") from None
    ours = {key.removeprefix("backbone."): tensor for key, tensor in tensors.items() if key.startswith("backbone.")}
    return ours or tensors


def fill(backbone: nn.Module, tensors: dict[str, Tensor], name: str, source: str) -> None:
    """Load the tensors; every weight of the backbone must be there with its shape, and others (a classifier's) are left out.

    Raises:
        ConfigError: if one is missing or has another shape.
    """
    own = backbone.state_dict()
    wrong = [key for key, tensor in own.items() if key not in tensors or tensors[key].shape != tensor.shape]
    if wrong:
        raise ConfigError(
            f"{source} does not fit {name}: {len(wrong)} of {len(own)} tensors are missing or of another shape, the first {wrong[0]}; "
            f"name the weights of the same model with the same parameters"
        )
    backbone.load_state_dict({key: tensors[key] for key in own})
