"""The sections of a configuration that say what a batch scores, and on which machines."""

import re

from pydantic import BaseModel, PositiveInt, field_validator, model_validator

from components.watch_config import STRICT


class ExecutionConfig(BaseModel):
    """Where featurize and batch scoring run. It changes no result, so no step's cache and no digest knows of it."""

    model_config = STRICT

    dask_address: str | None = None  # of a scheduler, tcp://host:port; this machine where none

    @field_validator("dask_address")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"(tcp|tls|ws|wss)://[^\s/]+:\d+", value):
            raise ValueError("write tcp://host:port, as the scheduler prints it")
        return value


class PredictionConfig(BaseModel):
    """What pipelines/prediction.py scores, with which model, and where the scores go."""

    model_config = STRICT

    data: tuple[str, ...] = ()  # as in DataConfig; a bare path is `inference:`
    model: str = "production"  # a registered model or a tagger folder
    out: str = "scores"  # a folder or s3://bucket/prefix
    log: bool = True  # write the prediction log too
    drift: bool = False  # compare what was scored with the model's reference at the end
    batch_size: PositiveInt = 32  # windows scored at a time
    num_workers: PositiveInt | None = None  # threads that read files; as many as fit where none
    device: str = "auto"

    @model_validator(mode="after")
    def _drift_reads_the_log(self) -> "PredictionConfig":
        if self.drift and not self.log:
            raise ValueError("drift compares what is in the prediction log, and log is false: set log to true")
        return self
