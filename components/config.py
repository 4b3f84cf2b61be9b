"""One frozen Config for a run: YAML lists what differs from the defaults here, flags become dotted overrides."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from components.errors import ConfigError
from components.menus import canonical, nearest
from components.watch_config import WatchConfig
from components.work_config import ExecutionConfig, PredictionConfig
from components.yaml_text import pairs_of, put, read_yaml

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Params = dict[str, Any]
Task = Literal["multilabel", "multiclass"]
"""How a clip carries labels: any number of them, or exactly one."""
EngineName = Literal["auto", "torch", "onnx"]
RENAMED = {"training.onnx": " (write training.engine: onnx for true, torch for false)"}
FROZEN_HEADS = ("MEAN_MAX", "LINEAR")  # one layer each
ASIDE = ("data", "evaluation", "gate", "watch", "prediction", "execution")  # sections that no training depends on


def _devices(value: Any) -> Any:
    if value != "auto" and not (str(value).isdecimal() and int(value) > 0):
        raise ValueError("write how many, 1 or more, or auto")
    return value


Devices = Annotated[int | Literal["auto"], BeforeValidator(_devices)]


class Section(BaseModel):
    """Frozen; a key that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConfig(Section):
    """Which clips, as `TYPE:PATH`, and how they are split."""

    train: tuple[str, ...] = ()
    val: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    reviewed: tuple[str, ...] = ()  # joins train, but for audio that is there already or held out
    val_share: Share = 0.15  # of the training groups, where `val` is empty and the data bring no split
    test_share: Share = 0.15  # likewise
    split_seed: int = 0
    max_bad_fraction: Share = 0.02
    min_duration_s: PositiveFloat = 0.1
    clips_a_label: PositiveInt | None = None  # in each split and fold; all where none
    num_workers: PositiveInt | None = None  # threads that read files; as many as fit where none

    @model_validator(mode="after")
    def _reviews_join_others(self) -> "DataConfig":
        if self.reviewed and not self.train:
            raise ValueError("data.reviewed joins data.train, which names nothing: name both")
        return self


class AudioConfig(Section):
    """How a file becomes a waveform: what the store depends on."""

    sample_rate: PositiveInt = 22050
    max_duration_s: PositiveFloat = 600.0
    max_pcm_mib: PositiveFloat = 256.0


class WindowConfig(Section):
    """How a waveform is cut for scoring, and how window scores become a clip's."""

    length_s: PositiveFloat = 3.0
    hop_s: PositiveFloat = 1.5
    pooling: str = "MEAN"


class FeatureConfig(Section):
    name: str = "MEL_SPECTROGRAM"
    params: Params = {}


class ModelConfig(Section):
    name: str = "SMALL_CNN"
    params: Params = {}
    head: str = "ATTENTION_HEAD"
    head_params: Params = {}
    pretrained: str = "none"
    frozen: bool = False  # the head alone is trained, on embeddings that are kept in the store
    head_start: Literal["random", "audioset"] = "random"  # audioset: labels begin as the classes of AST's checkpoint

    @model_validator(mode="before")
    @classmethod
    def _a_frozen_backbone_has_a_linear_head(cls, values: Any) -> Any:
        """Where none is named: the head of a frozen backbone is fitted in one go, which one that listens to frames cannot be."""
        return {"head": "MEAN_MAX", **values} if isinstance(values, dict) and values.get("frozen") else values

    @model_validator(mode="after")
    def _the_head_can_be_fitted_and_started(self) -> "ModelConfig":
        if self.frozen and canonical(self.head) not in FROZEN_HEADS:
            raise ValueError(f"frozen fits one layer, which {self.head} is not: choose head {' or '.join(FROZEN_HEADS)}")
        if self.head_start == "audioset" and self.pretrained == "none":
            raise ValueError("head_start is audioset, but pretrained is none: set pretrained to hub or to a checkpoint of AST")
        return self


class AugmentationConfig(Section):
    """One augmentation: its name on the menu, how often it is drawn, and its own parameters."""

    name: str
    probability: Share = 0.5
    params: Params = {}


class TrainingConfig(Section):
    seed: int = 0
    epochs: PositiveInt = 1000
    max_steps: PositiveInt | None = None  # ends training where it comes before `epochs`
    val_every_steps: PositiveInt = 200
    batch_size: PositiveInt = 32  # windows a batch, on all devices together
    loss: str = "CROSS_ENTROPY"
    loss_params: Params = {}
    weighted_sampler: bool = False  # draws clips of rare labels more often
    optimizer: str = "ADAMW"
    optimizer_params: Params = {}
    weight_decay: float | None = Field(None, ge=0)  # without it the optimizer's own: 0.01 of ADAMW, none of ADAM
    scheduler: str = "ONECYCLE"
    scheduler_params: Params = {}
    lr: PositiveFloat = 1e-4  # where a schedule starts
    lr_onecycle_max: PositiveFloat = 1e-3  # where it peaks, before it falls through `lr` to 0
    lr_warmup: PositiveFloat = 1e-5  # where the head alone starts, on its way to `lr`
    finetune_head: bool = False  # the head alone first, then everything after `backbone_after`
    finetune_head_epochs: PositiveInt = 5  # of `epochs`
    head_after: str | None = None  # the layer after which all is head; none: the head
    backbone_after: str | None = None  # the layer after which all trains in the end; none: everything
    metric: Literal["VAL_F1", "VAL_HAMMING"] = "VAL_F1"
    metric_mode: Literal["MAX", "MIN"] | None = None  # none: MAX for a score, MIN for a distance
    patience: PositiveInt | None = None  # validations without a better one, after which training ends
    clip_norm: PositiveFloat | None = None  # longest gradient
    accumulate: PositiveInt = 1  # batches a step
    ema_decay: float | None = Field(None, gt=0, lt=1)  # keep the weights' moving average instead of the weights
    augmentations: tuple[AugmentationConfig, ...] = ()
    device: str = "auto"
    devices: Devices = 1  # GPUs that share each batch; auto: all that are here
    precision: Literal["auto", "32", "bf16", "fp16"] = "auto"
    compile: bool = False
    engine: EngineName = "auto"  # what scores; auto: the faster of the two on this CPU, torch in a quick run
    tensorboard: bool = True
    quick: bool = False  # a few clips and batches, the whole way through
    ckpt: str | None = None  # a run folder, or its checkpoints/last.ckpt, to go on from


class EvaluationConfig(Section):
    bootstrap_rounds: PositiveInt = 1000
    confidence: float = Field(0.95, gt=0, lt=1)
    worst_clips: PositiveInt = 12


class GateConfig(Section):
    """When a new tagger replaces the one in production."""

    min_f1: Share = 0.0  # the first model's macro F1 on test
    min_difference: float = 0.0
    min_lower_difference: float = -0.02
    confidence: float = Field(0.90, gt=0, lt=1)
    promote: Literal["at_once", "after_shadow"] = "at_once"  # after_shadow: it must hold on clips reviewed since as well
    shadow_min_clips: int = Field(100, ge=20)  # reviewed, before the first look at them; the next looks are at twice as many each
    shadow_tolerance: float = Field(0.05, ge=0, lt=1)  # of macro F1, by which it is surely not worse there
    shadow_max_days: PositiveFloat = 60.0  # after which it is refused


class Config(Section):
    """Everything that one run of a pipeline needs."""

    name: str = "timbre"
    task: Task = "multilabel"
    labels: str | tuple[str, ...] = "IRMAS"  # a label set's name, `CSV` for a CSV's columns, or the codes themselves
    data: DataConfig = DataConfig()
    audio: AudioConfig = AudioConfig()
    windows: WindowConfig = WindowConfig()
    feature: FeatureConfig = FeatureConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    gate: GateConfig = GateConfig()
    watch: WatchConfig = WatchConfig()
    prediction: PredictionConfig = PredictionConfig()
    execution: ExecutionConfig = ExecutionConfig()

    @property
    def recipe(self) -> "Config":
        """What training depends on: the sections of ASIDE are at their defaults, so a change of theirs redoes no training."""
        return self.model_copy(update={name: type(getattr(self, name))() for name in ASIDE})

    @model_validator(mode="after")
    def _windows_cover_the_clip(self) -> "Config":
        if self.windows.hop_s > self.windows.length_s:
            raise ValueError("windows.hop_s is longer than windows.length_s, which would leave gaps: make it shorter")
        return self


def default_config() -> str:
    """The file that TIMBRE_CONFIG names, else the sample's: what a command without a configuration means."""
    return os.environ.get("TIMBRE_CONFIG") or "configs/sample.yaml"


def load_config(path: str | Path | None = None, overrides: Sequence[str] | Mapping[str, Any] = ()) -> Config:
    """Read a configuration and apply overrides.

    Args:
        path: a YAML file; without it the file that TIMBRE_CONFIG names, else the defaults.
        overrides: `section.key=value` strings (the value is YAML), or a mapping from dotted keys to values.
    Raises:
        ConfigError: if the file is missing or malformed, or a key or value does not fit.
    """
    path = path or os.environ.get("TIMBRE_CONFIG") or None
    values = read_yaml(Path(path)) if path else {}
    pairs = pairs_of(overrides)
    for key, value in pairs:
        put(values, key, value)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_explain(error, str(path or "configuration"), [key for key, _ in pairs])) from None


def changed(config: Config, overrides: Mapping[str, Any]) -> Config:
    """The same configuration with other values of some keys; what was left to follow from other keys follows anew.

    Args:
        overrides: dotted key -> value.
    Raises:
        ConfigError: if a key or value does not fit.
    """
    values = config.model_dump(mode="json", exclude_unset=True)
    for key, value in overrides.items():
        put(values, key, value)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_explain(error, "configuration", list(overrides))) from None


def refusal(key: str, value: Any) -> str | None:
    """Why a dotted key cannot have this value, whatever the others have; None where it can."""
    values: dict[str, Any] = {}
    put(values, key, value)
    try:
        Config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        # A section may refuse what its other keys could cure.
        if f"{where}.".startswith(f"{key}.") or (f"{key}.".startswith(f"{where}.") and first["type"] != "value_error"):
            return _explain(error, "configuration", []).removeprefix("configuration: ")
    return None


def _explain(error: ValidationError, where: str, overridden: Sequence[str]) -> str:
    """The first complaint as one sentence, with the nearest key where one is misspelt; an override is not blamed on the file."""
    first = error.errors()[0]
    dotted = ".".join(str(part) for part in first["loc"]) or "configuration"
    unknown = first["type"] == "extra_forbidden"
    if any(f"{dotted}.".startswith(f"{key}.") or (unknown and key.startswith(f"{dotted}.")) for key in overridden):
        where = "override"
    if unknown:
        known = _keys_beside(first["loc"])
        near = RENAMED.get(dotted) or nearest(str(first["loc"][-1]), known)
        return f"{where}: unknown key {dotted}{near}; known here: {', '.join(known)}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {dotted}: {message[0].lower()}{message[1:]}, got {first['input']!r}" if first["loc"] else f"{where}: {message}"


def _keys_beside(loc: tuple[int | str, ...]) -> list[str]:
    section: Any = Config
    for part in loc[:-1]:
        if isinstance(part, str) and part in section.model_fields:
            annotation = section.model_fields[part].annotation
            inner = getattr(annotation, "__args__", (annotation,))[0]
            section = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else section
    return list(section.model_fields)
