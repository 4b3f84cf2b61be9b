"""Networks of transformers (Hugging Face): made from its configurations, filled from its checkpoints."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor

from components.errors import ConfigError
from components.menus import nearest
from components.models.pretrained import misfit
from components.torch_builds import match_builds

HEAD_WIDTH = 64  # channels of an attention head, in every published size


def library() -> ModuleType:
    """transformers itself, imported late: it takes seconds, and only these networks need it.

    Raises:
        ConfigError: if it is not installed.
    """
    match_builds()
    try:
        import transformers
    except ImportError:
        raise ConfigError("AST and WAV2VEC need transformers: pip install 'timbre-audio[pretrained]', or choose another model") from None
    return transformers


def scaled(depth: float, width: float, layers: int = 12, heads: int = 12) -> dict[str, int]:
    """The configuration's fields for shares of the published (base) size; heads stay as wide as they are.

    Raises:
        ConfigError: if a share is not above 0.
    """
    if not (depth > 0 and width > 0):
        raise ConfigError(f"model.params: depth {depth:g} and width {width:g} must be above 0: they are shares of the published size")
    heads = max(1, round(heads * width))
    hidden = HEAD_WIDTH * heads
    return {
        "num_hidden_layers": max(1, round(layers * depth)),
        "num_attention_heads": heads,
        "hidden_size": hidden,
        "intermediate_size": 4 * hidden,
    }


def configured(config_class: Any, name: str, options: Mapping[str, Any] | None, **fields: Any) -> Any:
    """A configuration of these fields; `options` come last, so they win.

    Raises:
        ConfigError: if the configuration has no such field, or refuses a value.
    """
    known = config_class().to_dict()
    for key in options or {}:
        if key not in known:
            raise ConfigError(
                f"model.params.options: {name} has no {key!r}{nearest(key, known)}; see transformers' {config_class.__name__}"
            )
    try:
        return config_class(**{**fields, **(options or {})})
    except Exception as error:  # transformers checks types and values with errors of its own
        raise ConfigError(f"model.params.options of {name}: {' '.join(str(error).split())[:200]}; correct the value") from error


def loaded(model_class: Any, config: Any, tensors: dict[str, Tensor], name: str, source: str, optional: tuple[str, ...] = ()) -> Any:
    """A network filled with a checkpoint's tensors, under today's or earlier names; others are left out.

    Args:
        optional: beginnings of names that may be missing.
    Raises:
        ConfigError: if a tensor is missing or has another shape.
    """
    with _quietly():
        network, found = model_class.from_pretrained(
            None, config=config, state_dict=tensors, output_loading_info=True, ignore_mismatched_sizes=True
        )
    own = network.state_dict()
    shapes = {key: shape for key, shape, _ in found["mismatched_keys"]}
    wrong = [key for key in own if key in shapes or (key in found["missing_keys"] and not key.startswith(optional or ("\0",)))]
    if wrong:
        theirs = own[wrong[0]].new_empty(shapes[wrong[0]]) if wrong[0] in shapes else None
        raise misfit(name, source, wrong[0], len(wrong), len(own), theirs, own[wrong[0]])
    return network.train()


def check_config(source: str, config: Any, name: str, fields: tuple[str, ...]) -> None:
    """Compare a checkpoint folder's config.json, where there is one: not every difference shows in a tensor's shape.

    Raises:
        ConfigError: if a field differs; it says which option to set.
    """
    path = Path(source).expanduser() / "config.json"
    if not path.is_file():
        return
    try:
        theirs = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON ({error}): take the folder from its origin again") from None
    ours = config.to_dict()
    for field in fields:
        if field in theirs and theirs[field] != json.loads(json.dumps(ours[field])):
            raise ConfigError(
                f"{source} does not fit {name}: its config.json has {field} {theirs[field]}, the network {ours[field]}; "
                f"set {field} in model.params.options"
            )


@contextmanager
def _quietly() -> Iterator[None]:
    """No progress bar and no table of tensors: what does not fit is said once, by us."""
    logging = library().utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
