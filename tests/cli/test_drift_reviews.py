"""timbre drift report on a real database, in which people reviewed clips of the period."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from torch import nn
from typer.testing import CliRunner

from components.config import FeatureConfig, ModelConfig, WindowConfig
from components.errors import ConfigError
from components.evaluation.reference import REFERENCE
from components.registry import Card, Decision, Registry
from components.registry.prediction import INPUTS, Prediction
from components.registry.predictions import Predictions
from components.registry.reviews import Reviews
from components.tagger.folder import attach, seal
from components.tagger.settings import TaggerSettings
from tests.fixtures.logs import LABELS, draw
from timbre.cli import app

CLIPS, NEEDED = 400, 50


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """With a tagger in production that was judged on 800 clips."""
    monkeypatch.chdir(tmp_path)
    for name in ("TIMBRE_DATABASE_URL", "TIMBRE_CONFIG", "TIMBRE_MODELS"):
        monkeypatch.delenv(name, raising=False)
    settings = TaggerSettings(
        name="made",
        label_set=LABELS,
        sample_rate=8000,
        windows=WindowConfig(),
        feature=FeatureConfig(),
        model=ModelConfig(),
        thresholds=(0.5,) * len(LABELS),
    )
    folder = seal(tmp_path / "made", nn.Linear(1, 1), settings)
    draw(800, seed=1).to_parquet(tmp_path / "drawn.parquet")
    attach(folder, REFERENCE, tmp_path / "drawn.parquet")
    metrics = {"precision": 0.5, "recall": 0.5, "f1_score": 0.5, "per_class": {}, "split": "test"}
    with Registry.open() as registry:
        registry.register(folder, Card("test", "d" * 64, metrics, {}), lambda _: Decision(True, "the first"), who="ann")
        yield registry


def log(registry: Registry, clips: pd.DataFrame, days_ago: float) -> list[str]:
    """Rows of the log, each content twice; the ids of the later ones, which the review queue asks for."""
    digest, log = registry.find().digest, Predictions(registry.database)
    begin, made = log.clock() - timedelta(days=days_ago), []
    for again in (0, 1):
        for place, clip in enumerate(clips.to_dict("records")):
            made.append(
                Prediction(
                    id=str(uuid.uuid4()), at=begin + timedelta(hours=again, seconds=place), model=digest, model_key="made",
                    labels=LABELS.codes, request_id="r", caller="ann", latency_ms=1.0,
                    content=hashlib.sha256(f"{days_ago} {place}".encode()).hexdigest(),
                    scores=np.array([clip[f"score_{code}"] for code in LABELS.codes], np.float32),
                    decisions=np.array([clip[f"decision_{code}"] for code in LABELS.codes], bool),
                    embedding=np.array([clip[f"embedding_{number:02d}"] for number in range(32)], np.float32),
                    **{name: clip[name] for name in INPUTS},
                )
            )  # fmt: skip
    log.add(made)
    return [one.id for one in made[len(clips) :]]


def review(registry: Registry, clips: pd.DataFrame, ids: list[str]) -> None:
    """Say of clips what is true, but hear a bell in half of those alone that have one."""
    reviews, rng = Reviews(registry.database), np.random.default_rng(0)
    for prediction, clip in zip(ids, clips.to_dict("records"), strict=False):
        true = [code for code in LABELS.codes if clip[f"target_{code}"] and (code != "bell" or rng.random() < 0.5)]
        reviews.add(prediction, true, "ann")


def report(*words: str) -> tuple[int, str, dict[str, Any]]:
    result = CliRunner().invoke(app, ["drift", "report", "--no-dashboard", "--no-alert", "--out", "out", *words], catch_exceptions=False)
    return result.exit_code, result.stdout, json.loads(Path("out/verdict.json").read_text())


def test_reviews_of_the_period_tell_that_scores_mean_less(registry: Registry) -> None:
    clips = draw(CLIPS, seed=2)
    ids = log(registry, clips, days_ago=3)
    code, printed, verdict = report()
    assert (code, verdict["not_checked"]) == (0, {"calibration": "no clip of the period was reviewed"})
    review(registry, clips, ids[: NEEDED - 1])
    code, printed, verdict = report()
    assert (code, verdict["not_checked"]) == (0, {"calibration": "known of 49 clips of the period, 50 are needed"})
    assert "calibration: known of 49 clips of the period, 50 are needed" in Path("out/report.html").read_text()
    review(registry, clips.iloc[NEEDED - 1 :], ids[NEEDED - 1 :])
    code, printed, verdict = report()
    assert code == 3
    assert printed.startswith("Drift: the scores of bell no longer mean what they did; chance alone")
    assert "train again with the reviewed clips" in printed
    assert verdict["counted"] == {"clips": CLIPS, "reference": 800, "left_out": {"heard before": CLIPS}}
    assert [(one["check"]["area"], one["check"]["name"]) for one in verdict["findings"]] == [("calibration", "bell")]
    assert "Among clips of like score, bell is true in" in Path("out/report.html").read_text()


def test_a_period_that_ends_before_it_begins_is_none(registry: Registry) -> None:
    for words in (["--since", "1d", "--until", "7d"], ["--since", "2100-01-01"], ["--since", "2026-01-01", "--until", "2026-01-01"]):
        with pytest.raises(ConfigError, match=r"^the period begins at .* and ends at .*: let it begin earlier$"):
            report(*words)


def test_a_review_counts_for_the_period_in_which_its_clip_was_scored(registry: Registry) -> None:
    before, now = draw(CLIPS, seed=3), draw(CLIPS, seed=2)
    old = log(registry, before, days_ago=20)
    log(registry, now, days_ago=3)
    review(registry, before, old)
    code, _, verdict = report("--since", "7d")
    assert (code, verdict["not_checked"]) == (0, {"calibration": "no clip of the period was reviewed"})
    code, printed, _ = report("--since", "30d", "--until", "7d")
    assert code == 3
    assert printed.startswith("Drift: the scores of bell no longer mean what they did")
