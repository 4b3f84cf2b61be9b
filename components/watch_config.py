"""The sections of a configuration that say what counts as a drift, who is told of it, and when it is trained anew."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

STRICT = ConfigDict(frozen=True, extra="forbid")
ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+")


def _address(text: str) -> str:
    if not text.isprintable() or not ADDRESS.fullmatch(text):
        raise ValueError("write an address as ann@example.org")
    return text


Address = Annotated[str, AfterValidator(_address)]


class DriftConfig(BaseModel):
    """When a change in what is served is called a drift: it is surer than chance, and it is large enough to matter."""

    model_config = STRICT

    alpha: float = Field(0.025, gt=0, lt=0.5)  # chance of a false alarm a period, all tests together
    min_clips: int = Field(100, ge=20)  # different ones, in the period and in the reference; below there is too little data
    min_reviews: int = Field(50, ge=20)  # of a label, before its calibration is asked about
    min_duration_change: PositiveFloat = 0.2  # of the reference's mean
    min_level_change_db: PositiveFloat = 1.0
    min_share_change: PositiveFloat = 0.05  # of a clip's time silent, of clips with a sample rate or number of channels
    min_clipped_change: PositiveFloat = 0.001  # of a clip's samples
    min_score_change: PositiveFloat = 0.03
    min_rate_change: PositiveFloat = 0.03  # of clips in which a label is found
    min_auc: float = Field(0.6, gt=0.5, lt=1)  # of a classifier that tells the period's clips from the reference's
    min_calibration_change: PositiveFloat = 0.1  # of the share that is true, at equal score


class AlertConfig(BaseModel):
    """Who is told when a drift begins and ends. TIMBRE_ALERT_WEBHOOK goes before `webhook`; TIMBRE_SMTP_URL is the mail server."""

    model_config = STRICT

    webhook: str | None = None  # gets Slack's JSON; an address that is a secret belongs in TIMBRE_ALERT_WEBHOOK
    email_to: tuple[Address, ...] = ()
    email_from: Address = "timbre@localhost"
    timeout_s: float = Field(10.0, gt=0, le=30)


class RetrainConfig(BaseModel):
    """When a training on the old data and the reviews is queued; any one rule that is set is enough."""

    model_config = STRICT

    enabled: bool = False
    base: str = ""  # the name of a configuration in configs/, whose test clips are named in it
    drift_labels: PositiveInt | None = 3  # as many labels drift, the same ones in each of `drift_periods`
    drift_periods: PositiveInt = 2
    min_live_f1: float | None = Field(None, ge=0, le=1)  # the reviewed clips of the last 90 days are sure that macro F1 is below it
    min_new_reviews: PositiveInt | None = None  # since the last retraining
    cooldown_days: PositiveFloat = 7.0  # after a retraining was queued
    folder: str = ".timbre/reviews"  # for the reviewed clips, below no data root; from where workers work

    @model_validator(mode="after")
    def _has_a_base(self) -> Self:
        if self.enabled and not self.base:
            raise ValueError("enabled is true, but base names no configuration to train: set base")
        return self


class WatchConfig(BaseModel):
    """How the served tagger is watched."""

    model_config = STRICT

    drift: DriftConfig = DriftConfig()
    alerts: AlertConfig = AlertConfig()
    retrain: RetrainConfig = RetrainConfig()
