"""Compare a period of the prediction log with the reference of the model that made it."""

from typing import Annotated

from zenml import ArtifactConfig, log_metadata, step
from zenml.types import HTMLString

from components.monitoring.alerts import seen
from components.monitoring.look import look
from components.registry.episodes import Observation
from components.watch_config import DriftConfig


@step(enable_cache=False)
def drift(
    model: str, since: str | None, until: str | None, config: DriftConfig
) -> tuple[Annotated[str, "state"], Annotated[HTMLString, ArtifactConfig(name="drift_report")], Annotated[Observation, "observation"]]:
    """`drift`, `no drift` or `too little data`, the report, and the period in brief; the log has always grown, so nothing is cached."""
    found = look(model, since, until, config)
    log_metadata(
        {
            "state": found.verdict.state,
            "sentence": found.verdict.sentence,
            "clips": found.verdict.counted.clips,
            "findings": [one.sentence for one in found.verdict.findings],
        }
    )
    return found.verdict.state, HTMLString(found.page), seen(found, model)
