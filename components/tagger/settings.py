"""tagger.json: everything that a tagger is, apart from its weights."""

import json
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, ValidationError, model_validator

from components.config import FeatureConfig, ModelConfig, Section, Share, Task, WindowConfig
from components.errors import TaggerError
from components.labels import LabelSet

FORMAT_VERSION = 1
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class TaggerSettings(Section):
    """What training knows when it seals a tagger.

    Attributes:
        task: `multilabel`, or `multiclass`: one label a clip, the one with the highest score.
        thresholds: [label], a score at or above it is a yes; 0 each for `multiclass`, which has none.
        data_digest: the manifest's digest.
        code_version: of Timbre, with the commit where it is known.
        engine: what computes the scores when the tagger is opened.
        quick: it was trained for a few steps on a few clips, to see that everything works; no gate lets it into production.
    """

    name: str
    task: Task = "multilabel"
    label_set: LabelSet
    sample_rate: PositiveInt
    windows: WindowConfig
    feature: FeatureConfig
    model: ModelConfig
    thresholds: tuple[Share, ...]
    data_digest: str = ""
    code_version: str = ""
    engine: Literal["torch", "onnx"] = "torch"
    quick: bool = False

    @model_validator(mode="after")
    def _a_threshold_a_label(self) -> "TaggerSettings":
        if len(self.thresholds) != len(self.label_set):
            raise ValueError(f"{len(self.thresholds)} thresholds for {len(self.label_set)} labels: give one a label")
        return self

    @property
    def window_samples(self) -> int:
        return round(self.windows.length_s * self.sample_rate)

    @property
    def hop_samples(self) -> int:
        return max(1, round(self.windows.hop_s * self.sample_rate))


class TaggerJson(TaggerSettings):
    """The file itself: the settings, the format's version and the weight files by sha256."""

    format_version: Literal[1] = 1
    files: dict[Literal["model.safetensors", "model.onnx"], Sha256]

    @model_validator(mode="after")
    def _the_engine_has_its_file(self) -> "TaggerJson":
        if "model.safetensors" not in self.files or (self.engine == "onnx" and "model.onnx" not in self.files):
            raise ValueError(f"engine {self.engine} needs a file that is not listed under files: train or export the tagger again")
        return self


def write_json(settings: TaggerJson) -> bytes:
    """The bytes of tagger.json, the same for the same settings."""
    return (json.dumps(settings.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n").encode()


def read_json(data: bytes, where: str) -> TaggerJson:
    """Check and read the bytes of a tagger.json.

    Raises:
        TaggerError: if they are no tagger of this format version.
    """
    values = parse(data, where)
    if (version := values.get("format_version")) != FORMAT_VERSION:
        raise TaggerError(
            f"{where} has format_version {version!r}, and this Timbre reads {FORMAT_VERSION}: "
            "open it with the Timbre that wrote it, or train again"
        )
    try:
        return TaggerJson.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise TaggerError(f"{where}: {key}: {first['msg'].removeprefix('Value error, ')}; take the tagger from its origin again") from None


def parse(data: bytes, where: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        TaggerError: if it is none.
    """
    try:
        values = json.loads(data)
    except ValueError as error:
        raise TaggerError(f"{where} is not JSON ({error}): take the tagger from its origin again") from None
    if not isinstance(values, dict):
        raise TaggerError(f"{where} holds no JSON object: take the tagger from its origin again")
    return values
