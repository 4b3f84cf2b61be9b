"""Put the judged tagger into the registry; the gate says whether it goes to production."""

from pathlib import Path
from typing import Annotated, Any

from zenml import ArtifactConfig, log_metadata, step
from zenml.client import Client
from zenml.types import HTMLString

from components.config import GateConfig
from components.evaluation.report import with_verdict
from components.promotion import register_judged
from components.registry import RegisteredModel, Registry
from components.store import StoreRef, open_store
from components.who import who
from steps.keeping import let_go

REPORT = "report.html"

# Never cached: it is idempotent by the tagger's digest, and a registry that was moved or lost must be noticed.


@step(enable_cache=False)
def register(
    tagger: Path, evaluation: Path, store: StoreRef, gate: GateConfig, training_job_id: str | None = None
) -> tuple[Annotated[dict[str, Any], "registration"], Annotated[HTMLString, ArtifactConfig(name="judged_report")]]:
    """The model's key, digest and aliases with the gate's reason, and the report with what the gate said."""
    let_go("tagger")  # here, as evaluate may be cached
    with Registry.open() as registry:
        model = register_judged(registry, tagger, evaluation, open_store(store), gate, who(), training_job_id, link_model_version)
        # What the gate said once stays; a person or a later run may have moved the aliases since.
        reason = model.decision.reason if model.decision else "a person decided"
        result = {"key": model.key, "digest": model.digest, "aliases": list(model.aliases), "reason": reason}
    log_metadata({"registration": result})
    page = (evaluation / REPORT).read_text(encoding="utf-8")
    return result, HTMLString(with_verdict(page, model.decision) if model.decision else page)


def link_model_version(model: RegisteredModel) -> None:
    """Give the registered tagger its ZenML Model version, named by the digest, with metrics and a link back."""
    client, version = Client(), version_name(model.digest)
    known = [found.name for found in client.list_models(name=model.name)]
    if not known:
        client.create_model(name=model.name, description="A tagger trained by Timbre; the registry says what may be served.")
    if not client.list_model_versions(model=model.name, name=version):
        client.create_model_version(model.name, name=version, description=model.key)
    metrics = {name: value for name, value in model.eval_metrics.items() if isinstance(value, float)}
    registered = {"registered_model": model.key, "registered_id": model.id, "digest": model.digest, "split": model.split}
    log_metadata({"metrics": metrics, "registry": registered}, model_name=model.name, model_version=version)


def version_name(digest: str) -> str:
    """`sha256-0a1b2c3d`; ZenML refuses a name of digits alone, and one digest in fifty starts with eight of them."""
    return f"sha256-{digest[:8]}"
