"""The drift pipeline in ZenML: what each step leaves in the run, in the registry and with whom is told."""

import json

import pytest

from tests.fixtures.listeners import webhook
from tests.pipelines.conftest import ROOT, Project

pytestmark = pytest.mark.slow
RUN = f"""
import sys; sys.path.append({str(ROOT)!r})
import hashlib, json
from datetime import UTC, datetime
from pathlib import Path
import steps.drift, pipelines.drift
from zenml.client import Client
from components.config import load_config
from components.watch_config import DriftConfig
from components.monitoring.drift import drift
from components.monitoring.look import Look
from components.monitoring.report import Watched
from components.registry import Card, Decision, Registry
from tests.fixtures.logs import LABELS, draw, logged

folder = Path("made"); folder.mkdir()
(folder / "model.safetensors").write_bytes(b"w")
labels = [{{"code": code, "full_name": code, "family": "other"}} for code in LABELS.codes]
about = {{"name": "made", "label_set": {{"labels": labels}}, "files": {{"model.safetensors": hashlib.sha256(b"w").hexdigest()}}}}
(folder / "tagger.json").write_text(json.dumps(about))
card = Card("test", "d" * 64, {{"precision": 0.5, "recall": 0.5, "f1_score": 0.5, "per_class": {{}}, "split": "test"}}, {{}})
with Registry.open() as registry:
    model = registry.register(folder, card, lambda _: Decision(True, "the first"), who="ann")
now = datetime.now(UTC)
reference, current = draw(150, seed=1), logged(300, seed=2, level_db=-40.0)
verdict = drift(reference, current, LABELS, DriftConfig(), now)
steps.drift.look = lambda *_: Look(verdict, reference, current, LABELS, Watched("made", model.digest, None, now), DriftConfig(), now)
config = load_config("configs/sample.yaml", ["watch.retrain.enabled=true", "watch.retrain.base=sample", "gate.promote=after_shadow"])
run = Client().get_pipeline_run(pipelines.drift.drift(config=config).id)
first = lambda made: made[0] if isinstance(made, list) else made
left = {{
    name: {{output: first(made).load() for output, made in step.outputs.items() if output != "drift_report"}}
    for name, step in run.steps.items()
}}
left["drift"]["observation"] = left["drift"]["observation"].model_dump(mode="json")
with Registry.open() as registry:
    audit = [entry.action for entry in reversed(registry.audit())]
print("LEFT" + json.dumps({{"status": str(run.status), "steps": left, "audit": audit}}))
"""


def test_each_step_is_in_the_lineage_and_the_audit_trail(project: Project) -> None:
    with webhook() as hook:
        project.environment.update(TIMBRE_ALERT_WEBHOOK=hook.url, no_proxy="*")
        printed = project.python(RUN)
        got = hook.got
    told = json.loads(next(line for line in printed.splitlines() if line.startswith("LEFT")).removeprefix("LEFT"))
    steps = told["steps"]
    assert told["status"] == "completed"
    assert steps["drift"]["state"] == "drift"
    assert (steps["drift"]["observation"]["watched_as"], steps["drift"]["observation"]["labels"]) == ("production", [])
    assert steps["alert"]["told"] == ["told by webhook that episode 1 began"]
    assert steps["retrain"]["retraining"]["reason"].startswith("no retraining: no rule of watch.retrain holds")
    assert steps["shadow"]["shadow"]["state"] == "none"
    assert told["audit"] == ["registered", "promoted", "drift began", "drift told"]
    assert got[0]["blocks"][0]["text"]["text"].startswith("Drift: made@")
