"""Weights to start from: `--pretrained none|hub|PATH`, in the formats that the hubs and training programs write."""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from components.errors import ConfigError

LOCAL_WAYS = (
    "none, or the path of a safetensors file, of a file that torch saved, or of a folder that holds model.safetensors or pytorch_model.bin"
)
WAYS = f"hub (where it is reachable), {LOCAL_WAYS}"
FILES = ("model.safetensors", "pytorch_model.bin")
# Training programs put the weights beside the optimizer's state, the averaged ones first where there are any.
_INSIDE = ("state_dict_ema", "model_ema", "state_dict", "model")
_WRAPPERS = ("module.", "_orig_mod.")  # what data-parallel training and torch.compile put before each name


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


def read_weights(pretrained: str | Path) -> dict[str, Tensor]:
    """The tensors of a file, or of a folder; of a tagger, its backbone's. No code of the file runs.

    Raises:
        ConfigError: if there is no such file, or it holds no weights.
    """
    tensors = _read(find_weights(pretrained))
    ours = {key.removeprefix("backbone."): tensor for key, tensor in tensors.items() if key.startswith("backbone.")}
    return ours or tensors


def find_weights(pretrained: str | Path) -> Path:
    """The file that a path means: itself, or one of FILES in a folder.

    Raises:
        ConfigError: if there is none.
    """
    path = Path(pretrained).expanduser()
    if path.is_dir():
        path = next((path / name for name in FILES if (path / name).is_file()), path / FILES[0])
    if not path.is_file():
        raise ConfigError(f"no pretrained weights at {path}: pretrained takes {WAYS}")
    return path


def fill(backbone: nn.Module, tensors: Mapping[str, Tensor], name: str, source: str) -> None:
    """Load the tensors; every weight of the backbone must be there with its shape, and others (a classifier's) are left out.

    Raises:
        ConfigError: if one is missing or has another shape.
    """
    own = backbone.state_dict()
    wrong = [key for key, tensor in own.items() if key not in tensors or tensors[key].shape != tensor.shape]
    if wrong:
        raise misfit(name, source, wrong[0], len(wrong), len(own), tensors.get(wrong[0]), own[wrong[0]])
    backbone.load_state_dict({key: tensors[key] for key in own})


def misfit(name: str, source: str, key: str, wrong: int, total: int, theirs: Tensor | None, ours: Tensor) -> ConfigError:
    """The error of a checkpoint that is another network's; `key` is the first tensor that does not fit."""
    there = "missing" if theirs is None else f"{_shape(theirs)} there"
    return ConfigError(
        f"{source} does not fit {name}: {wrong} of {total} tensors are missing or of another shape, the first {key} "
        f"({there}, {_shape(ours)} here); name the weights of the same model with the same parameters"
    )


def fetch(repository: str, name: str) -> Path:
    """The weights of a repository of the Hugging Face hub as a local file, downloaded once.

    Raises:
        ConfigError: if the hub cannot be reached or has no such weights.
    """
    from huggingface_hub import hf_hub_download  # slow to import, and needed here only
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    for file in FILES:
        try:
            return Path(hf_hub_download(repository, file))
        except EntryNotFoundError as error:
            if file == FILES[-1] or isinstance(error, LocalEntryNotFoundError):
                raise unreachable(name, error) from error
        except Exception as error:  # each of the hub's clients fails with errors of its own
            raise unreachable(name, error) from error
    raise AssertionError("unreachable")


def unreachable(name: str, error: Exception) -> ConfigError:
    """What to say where the hub gives nothing."""
    return ConfigError(f"the hub gave no weights for {name} ({' '.join(str(error).split())[:200]}): pretrained takes {WAYS}")


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"


def _read(path: Path) -> dict[str, Tensor]:
    """The content decides, not the extension: torch writes a zip archive or, long ago, a pickle; safetensors a length and JSON."""
    with path.open("rb") as file:
        start = file.read(9)
    if start[8:] != b"{" and start.startswith((b"PK", b"\x80")):
        return _plain(_read_torch(path), path)
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ConfigError(f"{path} is not a safetensors file ({error}): pretrained takes {WAYS}") from None
    return _plain(tensors, path)


def _read_torch(path: Path) -> Any:
    try:
        with warnings.catch_warnings(), path.open("rb") as file:  # of a path, torch would look at the extension
            warnings.simplefilter("ignore")  # of pickles that torch did not write, which it refuses or reads all the same
            return torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        said = " ".join(str(error).split())[:160]
        raise ConfigError(
            f"{path} does not load as plain weights ({said}): save its state_dict() alone, since code in a checkpoint is never run"
        ) from None


def _plain(content: Any, path: Path) -> dict[str, Tensor]:
    """The named tensors in what was read, without what training programs put around them."""
    inside = next((content[key] for key in _INSIDE if isinstance(content, Mapping) and isinstance(content.get(key), Mapping)), content)
    tensors = {str(key): value for key, value in inside.items() if isinstance(value, Tensor)} if isinstance(inside, Mapping) else {}
    if not tensors:
        raise ConfigError(f"{path} holds no named tensors: save a model's state_dict()")
    for wrapper in _WRAPPERS:
        if all(key.startswith(wrapper) for key in tensors):
            tensors = {key.removeprefix(wrapper): tensor for key, tensor in tensors.items()}
    return tensors
