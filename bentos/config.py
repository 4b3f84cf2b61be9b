"""What the service may be told, by environment variables that are read once at its start: TIMBRE_<NAME IN CAPITALS>."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, field_validator, model_validator

from components.audio import Limits
from components.errors import ConfigError

PREFIX = "TIMBRE_"
LISTS = {"data_roots": os.pathsep, "s3_buckets": ","}
MIB = 2**20
DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


class ServiceConfig(BaseModel):
    """Frozen.

    Attributes:
        auth: `required`: every route but the health checks, /metrics and /docs wants an API key. `off` holds for callers on the same
            machine only.
        model_dir: a folder of tagger folders that are served beside the registry's.
        data_roots: folders below which a client may name paths.
        s3_buckets: buckets that a client may name; none: S3 is off.
        device: what scores: cpu, cuda, cuda:1 or auto.
        batch_size: windows scored at a time.
        num_workers: processes that take requests; each has one beside it that scores, with its own taggers and its share of the cores.
        models_mib: weights that each process keeps open; the least recently used goes first.
        max_files, max_body_mib, max_json_mib: of one request.
        max_seconds, max_request_pcm_mib: that one request may have decoded, its failed clips too.
        max_clip_seconds, max_pcm_mib: of one clip.
        max_temporary_mib: of uploads and copies of S3 objects on the disk of each process; more get 503.
        add_instrument_metrics: metrics of each label in the answers of the test routes.
        max_pending: requests under way at a time in each process; more get 503.
        time_limit_s: for one answer; a stream is not bound by it.
        page: whether /ui is there.
        public_url: by which people reach it through a proxy; of https, the page's cookie is sent over TLS alone.
        dashboard_url: where people see how predictions drift; the page links to it.
        prediction_log: whether the database gets a row for each clip that is scored.
        log_retention_days: after which a row is removed.
        log_audio: `none`, or the folder or `s3://bucket/prefix` where the bytes of each clip are kept, under their BLAKE3.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    auth: Literal["required", "off"] = "required"
    model_dir: Path | None = None
    data_roots: tuple[Path, ...] = (Path("data"),)
    s3_buckets: tuple[str, ...] = ()
    device: str = "cpu"
    batch_size: PositiveInt = 32
    num_workers: PositiveInt = 1
    models_mib: PositiveInt = 2048
    add_instrument_metrics: bool = False
    max_files: PositiveInt = 1000
    max_body_mib: PositiveFloat = 512.0
    max_json_mib: PositiveFloat = 1.0
    max_seconds: PositiveFloat = 7200.0
    max_request_pcm_mib: PositiveFloat = 4096.0
    max_clip_seconds: PositiveFloat = 600.0
    max_pcm_mib: PositiveFloat = 256.0
    max_temporary_mib: PositiveFloat = 4096.0
    max_pending: PositiveInt = 64
    time_limit_s: PositiveFloat = 120.0
    page: bool = True
    public_url: Annotated[str, Field(pattern=r"^https?://[^/?#\s]+/?$")] | None = None
    prediction_log: bool = True
    log_retention_days: PositiveFloat = 365.0
    log_audio: str = "none"
    dashboard_url: Annotated[str, Field(pattern=r"^https?://[^\s\"'<>]+$")] | None = None

    @field_validator("device")
    @classmethod
    def _is_a_device(cls, device: str) -> str:
        if not DEVICE.fullmatch(device):
            raise ValueError("write auto, cpu, cuda or cuda:0")
        return device

    @field_validator("model_dir")
    @classmethod
    def _is_a_folder(cls, folder: Path | None) -> Path | None:
        if folder is not None and not folder.is_dir():
            raise ValueError("there is no such folder: name one that holds tagger folders")
        return folder

    @model_validator(mode="after")
    def _upload_must_fit(self) -> Self:
        if self.max_body_mib > self.max_temporary_mib:
            raise ValueError(f"max_temporary_mib={self.max_temporary_mib:g} is less than max_body_mib={self.max_body_mib:g}: raise it")
        return self

    @property
    def max_body_bytes(self) -> int:
        return round(self.max_body_mib * MIB)

    @property
    def limits(self) -> Limits:
        """Of one clip."""
        return Limits(self.max_clip_seconds, round(self.max_pcm_mib * MIB))


def from_environment(environment: Mapping[str, str] = os.environ) -> ServiceConfig:
    """The config that the environment's variables come to.

    Raises:
        ConfigError: if a value is none that fits.
    """
    given: dict[str, object] = {}
    for name in ServiceConfig.model_fields:
        text = environment.get(PREFIX + name.upper())
        if text:
            given[name] = [part.strip() for part in text.split(LISTS[name]) if part.strip()] if name in LISTS else text
    try:
        return ServiceConfig.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:  # two that do not go together
            raise ConfigError(str(first["ctx"]["error"])) from None
        name, said = f"{PREFIX}{str(first['loc'][0]).upper()}", first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{name}={first['input']!r} does not fit: {said}") from None
