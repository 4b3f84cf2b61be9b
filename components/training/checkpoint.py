"""A training's whole state in one file, so that a training that was cut off goes on as if it had not been."""

import io
import json
import logging
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import torch

from components.config import Config
from components.errors import ConfigError
from components.files import write_whole
from components.labels import LabelSet
from components.training.run_folder import LAST

if TYPE_CHECKING:
    from components.training.learner import Learner

log = logging.getLogger(__name__)
FORMAT_VERSION = 2
# What the saved tensors depend on; anything else in the training section only bends the curve.
SHAPING = ("optimizer", "scheduler", "finetune_head", "head_after", "backbone_after", "ema_decay", "precision")
IRRELEVANT = {"ckpt", "tensorboard", "engine", "device", "compile"}

State = dict[str, Any]


def about(config: Config, sample_rate: int, label_set: LabelSet) -> dict[str, Any]:
    """What must or should be the same when a training is resumed, by dotted key."""
    sections = {"feature": config.feature, "model": config.model, "windows": config.windows, "training": config.training}
    known = {
        f"{name}.{key}": value
        for name, section in sections.items()
        for key, value in section.model_dump(mode="json").items()
        if key not in IRRELEVANT | {"pretrained"}
    }
    return {**known, "audio.sample_rate": sample_rate, "labels": list(label_set.codes)}


def random_state(learner: "Learner") -> State:
    """What dropout draws from next, on this device."""
    cuda = learner.device.type == "cuda"
    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state(learner.device).cpu() if cuda else None}


def training_state(learner: "Learner", random: list[State]) -> State:
    """Weights, optimizer, schedule, loss scale and random state after a step.

    Args:
        random: of each device that took part in it.
    """
    return {
        "step": learner.step,
        "network": learner.network.state_dict(),
        "optimizer": learner.optimizers(use_pl_optimizer=False).state_dict(),
        "schedule": {key: value for key, value in learner.schedule["scheduler"].state_dict().items() if not callable(value)},
        "scaler": learner.trainer.precision_plugin.state_dict(),
        "random": random,
    }


def write_checkpoint(path: Path, state: State, known: dict[str, Any]) -> None:
    """Write it whole: a crash in the middle leaves the file that was there."""
    content = io.BytesIO()
    torch.save({**state, "format_version": FORMAT_VERSION, "about": json.dumps(known)}, content)
    write_whole(path, content.getvalue())


def read_checkpoint(path: str | Path, known: dict[str, Any]) -> State:
    """The state in a file, or in a run folder's `checkpoints/last.ckpt`; no code in it is run.

    Args:
        known: `about` the training that goes on from it.
    Raises:
        ConfigError: if there is none, it is damaged, or it belongs to another architecture.
    """
    path = Path(path).expanduser()
    path = path / LAST if path.is_dir() else path
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        written = json.loads(state["about"]) if state["format_version"] == FORMAT_VERSION else {}
    except OSError as error:
        raise ConfigError(f"training.ckpt: cannot read {path} ({error.strerror}): name a run folder or its {LAST}") from None
    except (RuntimeError, UnpicklingError, EOFError, KeyError, TypeError, ValueError):
        raise ConfigError(f"training.ckpt: {path} is damaged or no checkpoint of a training: name a run folder or its {LAST}") from None
    _compare(path, written, known)
    checked: State = state
    return checked


def resume(learner: "Learner", state: State) -> None:
    """Put back what `training_state` took, the weights apart; at a phase's beginning only the random state is."""
    if state["step"] > learner.phase.first:
        learner.optimizers(use_pl_optimizer=False).load_state_dict(state["optimizer"])
        learner.schedule["scheduler"].load_state_dict(state["schedule"])
        learner.trainer.precision_plugin.load_state_dict(state["scaler"])
    random = dict(enumerate(state["random"])).get(learner.global_rank)  # none of a device that took no part
    if random is None:
        return
    torch.set_rng_state(random["cpu"])
    if learner.device.type == "cuda" and random["cuda"] is not None:
        torch.cuda.set_rng_state(random["cuda"], learner.device)


def _compare(path: Path, written: dict[str, Any], known: dict[str, Any]) -> None:
    differing = [key for key, value in known.items() if written.get(key) != value]
    for key in differing:
        if not key.startswith("training.") or key.removeprefix("training.") in SHAPING:
            raise ConfigError(
                f"training.ckpt: {path} was trained with {key} {_short(written.get(key))}, and this training has {_short(known[key])}: "
                "resume it with the settings that it was trained with, or start anew without training.ckpt"
            )
    if differing:
        log.warning("resumed with another %s: the curve will not be that of an unbroken training", ", ".join(differing))


def _short(value: Any) -> str:
    return (
        "none"
        if value is None
        else ", ".join(value)
        if isinstance(value, list) and all(isinstance(one, str) for one in value)
        else f"{value}"
    )
