"""What an error tells a client, and what it tells the log."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from bentos.app import create_app
from bentos.config import ServiceConfig
from bentos.errors import AWAY, DAMAGED, MODELS_AWAY, refusal
from bentos.source_errors import SourceError
from components.errors import ConfigError, S3Error
from components.registry import ApiKeys, Registry
from components.registry.errors import LostFolder
from components.registry.job_request import config_file


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    logger = logging.getLogger("timbre.service")  # a service's own logging lets nothing through to pytest's
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


def test_why_s3_is_away_stands_in_the_log_alone(log: pytest.LogCaptureFixture):
    error = SourceError("away", "S3 gave no answer")
    error.__cause__ = OSError("connection to 10.0.0.7 refused")
    refused = refusal(error)
    assert (refused.status_code, refused.detail) == (503, "S3 gave no answer")
    assert "10.0.0.7" in log.text
    log.clear()
    assert refusal(SourceError("missing", "it is not there")).status_code == 404
    assert log.text == ""


def test_where_models_lie_stands_in_the_log_alone(log: pytest.LogCaptureFixture):
    refused = refusal(S3Error("S3 gives no answer for s3://secret/models", "away"))
    assert (refused.status_code, refused.detail, refused.headers) == (503, MODELS_AWAY, {"Retry-After": "5"})
    refused = refusal(LostFolder("the tagger folder s3://secret/models/ab is damaged"))
    assert (refused.status_code, refused.detail) == (503, DAMAGED)
    assert "s3://secret/models" in log.text


def start() -> None:
    """Start the app and stop it."""

    async def run() -> None:
        app = create_app(ServiceConfig(page=False))
        async with app.router.lifespan_context(app):
            pass

    asyncio.run(run())


@pytest.mark.parametrize("has_key", [False, True])
def test_a_start_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture, has_key: bool):
    monkeypatch.chdir(tmp_path)
    for name in ("TIMBRE_DATABASE_URL", "TIMBRE_MODELS"):
        monkeypatch.delenv(name, raising=False)
    if has_key:
        with Registry() as registry:
            ApiKeys(registry.database).create("ann", ["predict"], "root")

    start()
    assert ("there is no API key yet" in log.text) == (not has_key)
    assert "there is no model yet" in log.text
    assert (tmp_path / ".timbre").exists() == has_key  # a look makes nothing


def test_it_starts_before_its_database_does(monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture):
    monkeypatch.setenv("TIMBRE_DATABASE_URL", "postgresql://ann:s3cret@127.0.0.1:1/timbre")
    start()
    assert "cannot use the database postgresql://ann:***@127.0.0.1:1/timbre" in log.text
    assert "s3cret" not in log.text


def test_where_there_are_no_configurations(tmp_path: Path):
    with pytest.raises(ConfigError, match="'sample': there are none here"):
        config_file("sample", tmp_path)


def test_a_database_that_does_not_fit_is_told_to_the_log_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path / 'newer.db'}")
    with Registry() as registry, registry.database.write() as session:
        session.execute(text("UPDATE timbre_version SET version_num = '9999'"))
    with TestClient(create_app(ServiceConfig(page=False)), raise_server_exceptions=False) as client:
        answer = client.get("/models", headers={"X-API-Key": "timbre_any"})
    assert (answer.status_code, answer.json()) == (503, {"detail": AWAY})
    assert "made by a newer Timbre (revision 9999)" in log.text
