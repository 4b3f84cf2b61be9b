"""timbre drift report with alerts, episodes, retrain and shadow: what they print, keep and send."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from components.monitoring.drift import drift
from components.monitoring.look import Look
from components.monitoring.report import Watched
from components.registry import Registry
from components.registry.episodes import Episodes
from components.watch_config import DriftConfig
from tests.fixtures.listeners import Hook, webhook
from tests.fixtures.logs import LABELS, draw, logged
from timbre.cli import app

Looks = Callable[[float], None]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    monkeypatch.setenv("no_proxy", "*")
    with webhook() as hook:
        monkeypatch.setenv("TIMBRE_ALERT_WEBHOOK", hook.url)
        yield hook


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.chdir(tmp_path)
    for name in ("TIMBRE_DATABASE_URL", "TIMBRE_CONFIG", "TIMBRE_MODELS"):
        monkeypatch.delenv(name, raising=False)
    with Registry.open() as registry:
        yield registry


@pytest.fixture
def loud(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """Says how loud the next period is; -20 is as ever."""

    def say(level_db: float) -> None:
        now = datetime.now(UTC)
        reference, current = draw(150, seed=1), logged(300, seed=2, level_db=level_db)
        verdict = drift(reference, current, LABELS, DriftConfig(), now)
        look = Look(verdict, reference, current, LABELS, Watched("sample", "ab" * 32, None, now), DriftConfig(), now)
        monkeypatch.setattr("components.monitoring.look.look", lambda *_: look)

    return say


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["drift", *words])


def report(*words: str) -> Result:
    return call("report", "--no-dashboard", "--out", "out", *words)


def test_a_drift_is_told_once_and_its_end_too(registry: Registry, hook: Hook, loud: Looks) -> None:
    loud(-40)
    first, second = report(), report()
    assert "told by webhook that episode 1 began" in first.stdout
    assert "told by" not in second.stdout
    assert (first.exit_code, second.exit_code) == (3, 3)
    loud(-20)
    assert "told by webhook that episode 1 ended" in report().stdout
    assert [one["blocks"][0]["text"]["text"] for one in hook.got] == ["Drift: sample@abababab", "Drift over: sample@abababab"]
    printed = call("episodes").stdout
    assert "sample@abababab" in printed
    assert "recovered" in printed


def test_an_alert_that_fails_costs_no_report(registry: Registry, hook: Hook, loud: Looks) -> None:
    loud(-40)
    hook.answers = [500]
    result = report()
    assert result.exit_code == 3
    assert "not told by webhook that episode 1 began" in result.stderr
    assert "secret" not in result.output
    assert "told by webhook" in report().stdout


def test_where_no_report_can_be_written_the_drift_is_told_all_the_same(registry: Registry, hook: Hook, loud: Looks) -> None:
    Path("out").write_text("no folder")
    loud(-40)
    result = report()
    assert isinstance(result.exception, OSError)
    assert "told by webhook that episode 1 began" in result.stdout
    assert len(hook.got) == 1


@pytest.mark.parametrize("words", [["--no-alert"], ["--until", "2026-11-01"]])
def test_a_look_only_looks(registry: Registry, hook: Hook, loud: Looks, words: list[str]) -> None:
    loud(-40)
    assert report(*words).exit_code == 3
    assert (Episodes(registry.database).list(), hook.got) == ((), [])
    assert "no episode yet" in call("episodes").stdout


def test_episodes_are_kept_without_a_channel(registry: Registry, loud: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIMBRE_ALERT_WEBHOOK", raising=False)
    loud(-40)
    assert report().exit_code == 3
    assert len(Episodes(registry.database).list()) == 1


def test_a_channel_that_cannot_be_is_told_before_anything_is_done(registry: Registry, loud: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_ALERT_WEBHOOK", "nowhere")
    loud(-40)
    result = report()
    assert "is no address" in str(result.exception)
    assert not Path("out").exists()


def test_nothing_is_in_shadow(registry: Registry) -> None:
    assert call("shadow").stdout == "nothing is in shadow\n"


def test_retraining_is_off_unless_it_is_on(registry: Registry) -> None:
    assert call("retrain").stdout == "no retraining: watch.retrain.enabled is false: set it to true where a rule is to queue one\n"
    assert "no model is in production yet" in str(call("retrain", "--dry-run").exception)
