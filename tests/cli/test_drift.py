"""timbre drift report: what it prints, what it leaves, and its exit code."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.monitoring.drift import drift
from components.monitoring.look import Look
from components.monitoring.report import Watched
from components.watch_config import DriftConfig
from tests.fixtures.logs import LABELS, draw, logged
from timbre.cli import app

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def looked(clips: int, level_db: float) -> Look:
    reference, current = draw(150, seed=1), logged(clips, seed=2, level_db=level_db)
    verdict = drift(reference, current, LABELS, DriftConfig(), NOW)
    return Look(verdict, reference, current, LABELS, Watched("sample", "ab" * 32, None, NOW), DriftConfig(), NOW)


@pytest.mark.parametrize(
    ("clips", "level_db", "code", "said"),
    [(300, -40.0, 3, "Drift: peak went from"), (300, -20.0, 0, "No drift: 300 clips"), (30, -40.0, 0, "Too little data: 30 different")],
)
def test_the_exit_code_says_whether_there_is_a_drift(
    clips: int, level_db: float, code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.monitoring.look.look", lambda *_: looked(clips, level_db))
    result = CliRunner().invoke(app, ["drift", "report", "--out", str(tmp_path), "--no-dashboard", "--no-alert"])
    assert result.exit_code == code
    assert result.stdout.startswith(said)
    assert said in (tmp_path / "report.html").read_text()
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    assert verdict["sentence"].startswith(said)
    assert verdict["counted"]["clips"] == clips


def test_a_dashboard_without_a_report_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["drift", "ui"])
    assert "is not there yet: `timbre drift report` adds the first period" in str(result.exception)
