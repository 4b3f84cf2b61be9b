"""The page's review tab: what it asks for over HTTP, and what it draws."""

import json
import re
import tempfile
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from blake3 import blake3
from starlette.testclient import TestClient

from bentos.app import create_app
from bentos.config import ServiceConfig
from bentos.page import playable, turns
from components.errors import S3Error
from components.monitoring import kept_audio
from components.registry import ApiKeys, Registry
from components.registry.prediction import Prediction
from components.registry.predictions import Predictions
from components.registry.reviews import Reviews
from components.registry.tables import now
from tests.fixtures.pages import read, section
from tests.fixtures.running import CODES, ROOT, furnish, until

MODEL = {"model_ckpt_path": "production"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("review-page")
    (home / "tmp").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{home / 'timbre.db'}")
        patch.setenv("TIMBRE_MODELS", str(home / "models"))
        patch.setattr(tempfile, "tempdir", str(home / "tmp"))
        for name in ("ANALYTICS_ENABLED", "SSR_MODE", "RUN_HISTORY", "TEMP_DIR"):
            patch.setenv(f"GRADIO_{name}", "")
        yield home


@pytest.fixture(scope="module")
def keys(home: Path) -> dict[str, str]:
    keys = furnish(home)
    with Registry() as registry:
        _, keys["both"] = ApiKeys(registry.database).create("both", ["predict", "review"], "test", 100_000)
    return keys


@pytest.fixture(scope="module")
def page(home: Path, keys: dict[str, str]) -> Iterator[TestClient]:
    config = ServiceConfig.model_validate({"data_roots": [home / "data"]})
    with TestClient(create_app(config), "http://localhost", client=("127.0.0.1", 5000), raise_server_exceptions=False) as client:
        client.headers["X-API-Key"] = keys["admin"]
        assert client.post("/model/predict-directory", params=MODEL, json=["clips"]).status_code == 200
        with Registry() as registry:
            until(lambda: Predictions(registry.database).count() == 4)
        del client.headers["X-API-Key"]
        yield client


@pytest.fixture(autouse=True)
def nothing_lies_before_anybody(home: Path) -> None:
    for path in (home / "tmp").glob("*/turns/*"):
        path.unlink()


def ask(page: TestClient, key: str, *data: object) -> str:
    """What the tab draws."""
    page.cookies.set("timbre_key", key, path="/ui")
    form = page.get("/ui/config").json()
    number = next(one["id"] for one in form["dependencies"] if len(one["inputs"]) == 3 and one["backend_fn"])
    answer = page.post("/ui/gradio_api/run/predict", json={"data": data, "fn_index": number, "session_hash": "abc"})
    assert answer.status_code == 200, answer.text
    drawn: str = answer.json()["data"][0]
    return drawn


def data(drawn: str, name: str) -> str:
    return re.search(rf'data-{name}="([^"]*)"', drawn).group(1)


def test_each_clip_that_is_asked_for_counts_against_the_keys_rate_as_the_docs_say(page: TestClient):
    with Registry() as registry:
        _, secret = ApiKeys(registry.database).create("slow", ["predict", "review"], "test", 2)
    drawn = [ask(page, secret, "production", "", "") for _ in range(4)]
    assert "tb-card" in drawn[0]
    assert "2 times a minute" in drawn[-1]
    told = section(read("page.md"), "Keys")
    assert all(what in told for what in ("login", "upload", "*Hear it*", "opening the tab", "another model", "*Save and next*", "*Skip*"))


def test_the_docs_say_how_many_skips_are_remembered():
    (most,) = re.findall(r"skipped\.length > (\d+)\) skipped\.shift", (ROOT / "bentos/page/page.js").read_text())
    assert f"or {most} others were skipped after it" in section(read("page.md"), "Review")


def test_a_clip_is_shown_skipped_and_saved(page: TestClient, keys: dict[str, str], home: Path):
    first = ask(page, keys["both"], "production", "", "")
    assert first.count('type="checkbox"') == 3
    assert "4 wait" in first
    assert "checked" not in first
    sound = page.get(f"/ui/{re.search('heard/[0-9a-f]+.flac', first).group()}")
    assert sound.content.startswith(b"fLaC")
    second = ask(page, keys["both"], "production", "", data(first, "content"))
    assert data(second, "id") != data(first, "id")
    said = {"id": data(first, "id"), "labels": ["mid"], "lot": None, "shown": True}
    third = ask(page, keys["both"], "production", json.dumps(said), "")
    assert "3 wait" in third
    assert data(third, "id") != data(first, "id")
    again = ask(page, keys["both"], "production", json.dumps(said), "")
    assert "Somebody reviewed that clip while it lay before you, so your answer was not kept." in again
    assert 'class="tb tb-error"' not in again
    assert "3 wait" in again  # the next clip stands below
    with Registry() as registry:
        (kept,) = Reviews(registry.database).list()
    assert (kept.labels, kept.reviewer, kept.opinion_shown) == (("mid",), "both", True)


def test_two_people_are_shown_different_clips(page: TestClient, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    def come(who: str, *data: object) -> str:
        page.cookies.set("timbre_reviewer", who * 32, path="/ui")
        return ask(page, keys["both"], "production", *data)

    drawn = [come(who, "", "") for who in "abcd"]
    shown = [data(one, "content") for one in drawn if "tb-card" in one]
    assert len(set(shown)) == len(shown) >= 3
    assert data(come("a", "", ""), "content") == shown[0]  # who loads the page again hears the same
    left = come("e", "", "")
    assert "The clips that are left lie before other people. Press Skip to look again." in left
    assert "tb-card" not in left
    come("b", "", " ".join(shown))
    assert data(come("e", "", ""), "content") == shown[1]  # what one skips, the others hear
    monkeypatch.setattr(turns, "HELD_S", -1)
    assert data(come("f", "", ""), "content") == shown[0]
    page.cookies.delete("timbre_reviewer")


@pytest.fixture
def far(page: TestClient, home: Path) -> Iterator[list[str]]:
    """The most uncertain clips are kept on S3; their ids."""
    with Registry() as registry:
        log = Predictions(registry.database)
        model = registry.look_up("production").digest
        scores = [np.where(np.arange(3) == place % 3, 0.5, 0.01).astype(np.float32) for place in range(24)]
        rows = [
            Prediction(
                id=str(uuid.uuid4()), at=now() - timedelta(minutes=1), model=model, model_key="small", labels=tuple(CODES), request_id="r",
                caller="ann", latency_ms=1.0, content=blake3(b"%d" % place).hexdigest(), audio_uri=f"s3://kept/{place}", scores=one,
                decisions=one >= 0.5,
            )
            for place, one in enumerate(scores)
        ]  # fmt: skip
        log.add(rows)
        yield [one.id for one in rows]
        for one in rows:
            log.delete_content(str(one.content))


def refused(monkeypatch: pytest.MonkeyPatch, kind: str) -> list[str]:
    """S3 gives nothing; what it was asked for."""
    asked: list[str] = []

    def fetch(uri: str, _max_bytes: int) -> BinaryIO:
        asked.append(uri)
        raise OSError("no") from S3Error("no", kind)

    monkeypatch.setattr(kept_audio, "fetch", fetch)
    return asked


def test_clips_that_s3_does_not_give_at_the_moment_hide_no_others(
    page: TestClient, keys: dict[str, str], far: list[str], monkeypatch: pytest.MonkeyPatch
):
    refused(monkeypatch, "away")
    drawn = ask(page, keys["both"], "production", "", "")
    assert re.search("The audio of 2[0-9] clips cannot be read at the moment: others come first", drawn)
    assert 'class="tb tb-card"' in drawn
    answer = page.get(f"/api/v1/predictions/{far[0]}/audio", headers={"X-API-Key": keys["review"]})
    assert (answer.status_code, "cannot be read at the moment" in answer.json()["detail"]) == (503, True)


def test_where_s3_takes_long_to_give_nothing_it_is_asked_no_more(
    page: TestClient, keys: dict[str, str], home: Path, far: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(playable, "MOST_LOST_S", 0)
    asked = refused(monkeypatch, "away")
    nearby = " ".join(blake3(path.read_bytes()).hexdigest() for path in (home / "data").rglob("*.wav"))
    drawn = ask(page, keys["both"], "production", "", nearby)
    assert "The audio of 24 clips cannot be read at the moment. Press Skip to look again." in drawn
    assert "tb-card" not in drawn
    assert len(asked) == 1


def test_of_clips_that_are_gone_for_good_nothing_is_said(
    page: TestClient, keys: dict[str, str], far: list[str], monkeypatch: pytest.MonkeyPatch
):
    asked = refused(monkeypatch, "missing")
    drawn = ask(page, keys["both"], "production", "", "")
    assert "cannot be read" not in drawn
    assert 'class="tb tb-card"' in drawn
    assert len(asked) >= 20
    monkeypatch.setattr(playable, "PATIENCE", 0)
    assert "No clip could be read in time. Press Skip" in ask(page, keys["both"], "production", "", "")


@pytest.mark.parametrize("said", ["{", "[]", "3", '{"id": 3}', '{"id": "x", "labels": 3, "lot": null}', "[" * 9000, None, {}, ["x"]])
def test_what_makes_no_sense_saves_nothing(page: TestClient, keys: dict[str, str], home: Path, said: object):
    before = ask(page, keys["both"], "", "", "")
    assert data(ask(page, keys["both"], "production", said, ""), "id") == data(before, "id")


def test_a_key_without_the_scope_is_told(page: TestClient, keys: dict[str, str], home: Path):
    drawn = ask(page, keys["predict"], "production", "", "")
    assert "wants the scope review" in drawn
    assert "tb-card" not in drawn
    assert "no model" in ask(page, keys["both"], "nothing", "", "")
