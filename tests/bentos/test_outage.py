"""Predictions go on while the database is away; what it says no more is not made up."""

import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, make_url, text

from bentos.outage import LastSaid
from components.registry import DatabaseAway, UnknownModel
from tests.fixtures.postgres import postgres
from tests.fixtures.running import RATE, furnish, running, until
from tests.fixtures.sounds import encoded, sine

SOUND = encoded(sine(440, 1.2, RATE), RATE)


class Source:
    """Says what it is told to."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.value, self.asked = "first", 0

    def __call__(self) -> str:
        self.asked += 1
        if self.error:
            raise self.error
        return self.value


def test_what_was_said_last_stands_in():
    said, source = LastSaid[str](), Source()
    assert said.ask("a", source) == "first"
    source.error, source.value = DatabaseAway("gone"), "second"
    assert [said.ask("a", source) for _ in range(3)] == ["first"] * 3
    assert source.asked == 2  # it is left alone for a moment
    with pytest.raises(DatabaseAway):
        said.ask("b", source)


def test_a_fresh_answer_is_given_again_until_something_changes():
    said, source = LastSaid[str](fresh_s=60), Source()
    said.ask("a", source)
    source.value = "second"
    assert (said.ask("a", source), said.ask("b", source)) == ("first", "second")
    said.note_change()
    assert (said.ask("a", source), source.asked) == ("second", 3)


def test_what_was_said_before_a_change_is_not_fresh_after_it():
    said = LastSaid[str](fresh_s=60)

    def slow() -> str:
        said.note_change()  # while the database answers
        return "before"

    assert said.ask("a", slow) == "before"
    assert said.ask("a", lambda: "after") == "after"


def test_after_it_is_back_it_is_asked_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bentos.outage.PAUSE_S", 0.05)
    said, source = LastSaid[str](), Source()
    said.ask("a", source)
    source.error = DatabaseAway("gone")
    said.ask("a", source)
    source.error, source.value = None, "second"
    time.sleep(0.1)
    assert said.ask("a", source) == "second"


def test_what_is_too_old_is_not_said(monkeypatch: pytest.MonkeyPatch):
    said, source = LastSaid[str](), Source()
    said.ask("a", source)
    monkeypatch.setattr("bentos.outage.KEPT_S", 0.0)
    source.error = DatabaseAway("gone")
    with pytest.raises(DatabaseAway):
        said.ask("a", source)


def test_a_refusal_is_no_outage():
    said, source = LastSaid[str](), Source()
    said.ask("a", source)
    source.error = UnknownModel("archived")
    with pytest.raises(UnknownModel):
        said.ask("a", source)
    source.error = DatabaseAway("gone")
    with pytest.raises(DatabaseAway):
        said.ask("a", source)


@pytest.mark.slow
def test_predictions_go_on_and_are_logged_when_the_database_is_back(tmp_path: Path):
    """Its connections are cut and no new ones let in, as at a restart that takes its time."""
    with postgres() as server_url:
        server = create_engine(make_url(server_url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with server.connect() as admin:
            admin.execute(text("CREATE DATABASE outage"))
            url = make_url(server_url).set(database="outage", drivername="postgresql").render_as_string(hide_password=False)
            keys = furnish(tmp_path, url)
            with running(tmp_path, keys, url=url) as service, service.client("predict") as client:

                def ask() -> httpx.Response:
                    params, files = {"model_ckpt_path": "production"}, [("audio_files", ("a.wav", SOUND))]
                    return client.post("/model/predict-files", params=params, files=files)

                def logged() -> int:
                    with service.registry() as registry, registry.database.read() as session:
                        return int(session.execute(text("SELECT count(*) FROM predictions")).scalar_one())

                assert ask().status_code == 200
                until(lambda: logged() == 1)
                admin.execute(text("ALTER DATABASE outage ALLOW_CONNECTIONS false"))
                admin.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'outage'"))
                began = time.monotonic()
                assert [ask().status_code for _ in range(20)] == [200] * 20
                assert time.monotonic() - began < 60
                assert client.get("/readyz").status_code == 200
                assert client.get("/models").status_code == 503
                admin.execute(text("ALTER DATABASE outage ALLOW_CONNECTIONS true"))
                until(lambda: logged() == 21, 60)
            admin.execute(text("DROP DATABASE outage WITH (FORCE)"))
        server.dispose()
