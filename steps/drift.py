"""Compare a period of the prediction log with the reference of the model that made it."""

from typing import Annotated

from zenml import ArtifactConfig, log_metadata, step
from zenml.types import HTMLString

from components.config import DriftConfig
from components.monitoring.look import look


@step(enable_cache=False)
def drift(
    model: str, since: str | None, until: str | None, config: DriftConfig
) -> tuple[Annotated[str, "state"], Annotated[HTMLString, ArtifactConfig(name="drift_report")]]:
    """`drift`, `no drift` or `too little data`, and the report; the log has always grown, so nothing is cached."""
    found = look(model, since, until, config)
    log_metadata(
        {
            "state": found.verdict.state,
            "sentence": found.verdict.sentence,
            "clips": found.verdict.counted.clips,
            "findings": [one.sentence for one in found.verdict.findings],
        }
    )
    return found.verdict.state, HTMLString(found.page)
