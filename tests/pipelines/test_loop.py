"""The loop in one: served, logged, found to drift, reviewed, trained anew, judged by the gate, promoted; on PostgreSQL."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3
from sqlalchemy import create_engine, make_url, text

from components.registry import ApiKeys, Registry
from components.registry.predictions import Predictions
from tests.fixtures.postgres import postgres
from tests.fixtures.running import Running, running, until
from tests.pipelines.conftest import TONES_HZ, Project, write_tone

pytestmark = pytest.mark.slow
CODES = list(TONES_HZ)
CLIPS, REVIEWS = 40, 24
CONFIG = """
gate: {min_f1: 0, min_difference: -1, min_lower_difference: -1}
watch:
  drift: {min_clips: 20}
  retrain: {enabled: true, base: sample, drift_labels: null, min_new_reviews: 20}
"""


@pytest.fixture(scope="module")
def watched(project: Project) -> Iterator[tuple[Project, str]]:
    """The project with clips enough for a reference, on a database of its own; and that database's URL."""
    config = project.folder / "configs" / "sample.yaml"
    config.write_text(config.read_text() + CONFIG)
    for place in range(CLIPS):
        path = project.folder / "data" / "test" / "Part2" / f"test {place}-1.wav"
        path.parent.mkdir(exist_ok=True)
        labels = write_clip(path, place, 300 + place)
        path.with_suffix(".txt").write_text("".join(f"{label}\t\n" for label in labels))
    with postgres() as server:
        engine = create_engine(make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE loop"))
        url = make_url(server).set(database="loop", drivername="postgresql").render_as_string(hide_password=False)
        project.environment["TIMBRE_DATABASE_URL"] = url
        yield project, url
        engine.dispose()


def write_clip(path: Path, place: int, seed: int, gain: float = 1.0) -> list[str]:
    """A mix of two tones; its labels."""
    pair = [CODES[place % 3], CODES[(place + 1) % 3]]
    write_tone(path, [TONES_HZ[label] for label in pair], seed, seconds=2.5)
    if gain != 1.0:
        import soundfile

        waveform, rate = soundfile.read(path)
        soundfile.write(path, gain * waveform, rate)
    return pair


def send(project: Project, service: Running, seed: int, gain: float) -> dict[str, list[str]]:
    """Predict a period's clips as uploads: content -> what plays."""
    truth, made = {}, project.folder / "sent"
    with service.client("predict") as client:
        for place in range(CLIPS):
            labels = write_clip(made / f"{seed}-{place}.wav", place, seed + place, gain)
            content = (made / f"{seed}-{place}.wav").read_bytes()
            truth[blake3(content).hexdigest()] = labels
            files = [("audio_files", (f"{place}.wav", content))]
            assert client.post("/model/predict-files", params={"model_ckpt_path": "production"}, files=files).status_code == 200
    return truth


def test_what_drifts_is_reviewed_trained_on_and_replaced(watched: tuple[Project, str]) -> None:
    project, url = watched
    project.run("timbre", "train")
    models = project.folder / ".timbre" / "models"
    with Registry(url, models) as registry:
        first, keys = registry.find(), ApiKeys(registry.database)
        secrets = {scope: keys.create(scope, [scope], "test", 100_000)[1] for scope in ("predict", "review", "models")}
        log = Predictions(registry.database)

        def report(since: datetime) -> subprocess.CompletedProcess[str]:
            return project.run("timbre", "drift", "report", "--since", since.isoformat(), "--config", "configs/sample.yaml", check=False)

        places = {"TIMBRE_MODELS": str(models), "TIMBRE_LOG_AUDIO": str(project.folder / "kept")}
        with running(project.folder, secrets, url=url, **places) as service:
            began = log.clock()
            send(project, service, 1000, 1.0)
            until(lambda: log.count(first.digest) == CLIPS)
            calm = report(began)
            assert (calm.returncode, calm.stdout.startswith("No drift")) == (0, True), calm.stdout + calm.stderr
            began = log.clock()
            truth = send(project, service, 2000, 0.03)
            until(lambda: log.count(first.digest) == 2 * CLIPS)
            found = report(began)
            assert (found.returncode, found.stdout.startswith("Drift: ")) == (3, True), found.stdout + found.stderr
            assert "loudness went from" in found.stdout

            with service.client("review") as client:
                asked = client.get("/api/v1/review-queue", params={"model": "production", "limit": 2 * CLIPS}).json()["items"]
                mine = [one for one in asked if one["content"] in truth][:REVIEWS]
                for one in mine:
                    body = {"labels": truth[one["content"]], "sampled_p": one["sampled_p"]}
                    assert client.post(f"/api/v1/predictions/{one['prediction_id']}/review", json=body).status_code in (200, 201)

            queued = project.run("timbre", "drift", "retrain", "--config", "configs/sample.yaml").stdout
            assert f"{REVIEWS} clips were reviewed since the last" in queued
            again = project.run("timbre", "drift", "retrain", "--config", "configs/sample.yaml").stdout
            assert again.startswith("no retraining")
            worked = project.run(sys.executable, "-m", "timbre", "worker", "--once", "--poll", "0.2")
            second = registry.find()
            assert second.digest != first.digest, worked.stdout + worked.stderr
            assert second.training_job_id in queued
            assert np.isfinite(second.eval_metrics["f1_score"])
            send(project, service, 3000, 0.03)
            until(lambda: log.count(second.digest) == CLIPS)
        actions = [entry.action for entry in reversed(registry.audit(limit=1000))]
        wanted = ["registered", "promoted", "drift began", "retrain queued", "registered", "promoted"]
        places_of = iter(actions)
        assert all(action in places_of for action in wanted), actions
        assert registry.roll_back("ann").digest == first.digest
    assert json.loads((project.folder / "metrics.json").read_text())
