"""Look at the candidate in shadow, and promote or refuse it where that is clear."""

from dataclasses import asdict
from typing import Annotated, Any

from zenml import log_metadata, step

from components.config import GateConfig
from components.monitoring.shadow import look
from components.monitoring.stored_reviews import reviews_of
from components.registry import Registry
from components.who import who
from steps.register import link_model_version, version_name


@step(enable_cache=False)
def shadow(gate: GateConfig) -> Annotated[dict[str, Any], "shadow"]:
    """What the look came to; it is written to the candidate's Model version too."""
    with Registry.look() as registry:
        verdict = look(registry, gate, reviews_of(registry), who())
        candidate = registry.look_up(verdict.candidate) if verdict.candidate else None
    result = {key: value for key, value in asdict(verdict).items() if value is not None}
    log_metadata(result)
    if candidate is not None:
        link_model_version(candidate)
        log_metadata({"shadow": result}, model_name=candidate.name, model_version=version_name(candidate.digest))
    return result
