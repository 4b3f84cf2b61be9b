"""The page's review tab: what it asks for over HTTP, and in a real browser, by keys alone."""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright
from starlette.testclient import TestClient

from bentos.app import create_app
from bentos.config import ServiceConfig
from components.registry import ApiKeys, Registry
from components.registry.predictions import Predictions
from components.registry.reviews import Reviews
from tests.fixtures.running import furnish, running, until

CHROMIUM = shutil.which("chromium")
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


def test_a_clip_is_shown_skipped_and_saved(page: TestClient, keys: dict[str, str], home: Path):
    first = ask(page, keys["both"], "production", "", "")
    assert first.count('type="checkbox"') == 3
    assert "4 wait" in first
    sound = page.get(f"/ui/{re.search('heard/[0-9a-f]+.flac', first).group()}")
    assert sound.content.startswith(b"fLaC")
    second = ask(page, keys["both"], "production", "", data(first, "content"))
    assert data(second, "id") != data(first, "id")
    said = {"id": data(first, "id"), "labels": ["mid"], "lot": None}
    third = ask(page, keys["both"], "production", json.dumps(said), "")
    assert "3 wait" in third
    assert data(third, "id") != data(first, "id")
    again = ask(page, keys["both"], "production", json.dumps(said), "")
    assert 'role="alert"' in again
    assert "send replace" in again
    assert "3 wait" in again  # the next clip stands below
    with Registry() as registry:
        (kept,) = Reviews(registry.database).list()
    assert (kept.labels, kept.reviewer) == (("mid",), "both")


@pytest.mark.parametrize("said", ["{", "[]", "3", '{"id": 3}', '{"id": "x", "labels": 3, "lot": null}', "[" * 9000, None, {}, ["x"]])
def test_what_makes_no_sense_saves_nothing(page: TestClient, keys: dict[str, str], home: Path, said: object):
    before = ask(page, keys["both"], "", "", "")
    assert data(ask(page, keys["both"], "production", said, ""), "id") == data(before, "id")


def test_a_key_without_the_scope_is_told(page: TestClient, keys: dict[str, str], home: Path):
    drawn = ask(page, keys["predict"], "production", "", "")
    assert "wants the scope review" in drawn
    assert "tb-card" not in drawn
    assert "no model" in ask(page, keys["both"], "nothing", "", "")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_by_keys_alone_in_a_browser(tmp_path: Path):
    secrets = furnish(tmp_path)
    with running(tmp_path, secrets, TIMBRE_PAGE="true", TIMBRE_AUTH="off") as site, sync_playwright() as playwright:
        with site.client("") as client:
            client.post("/model/predict-directory", params=MODEL, json=["clips"])
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.set_default_timeout(60_000)
        page.goto(f"{site.url}/ui/")
        page.get_by_role("tab", name="Review").click()
        card = page.locator("#tb-review .tb-card")
        with site.registry() as registry:
            reviews = Reviews(registry.database)
            for place in range(2):
                expect(card).to_contain_text(f"{4 - place} wait", timeout=60_000)
                wanted = [not box.is_checked() for box in card.get_by_role("checkbox").all()]
                about = card.get_attribute("data-id")
                for key in "123":
                    page.keyboard.press(key)
                assert [box.is_checked() for box in card.get_by_role("checkbox").all()] == wanted
                page.keyboard.press("Enter")
                until(lambda about=about: about in [one.prediction_id for one in reviews.list()], 30)
                labels = [code for code, yes in zip(("low", "mid", "high"), wanted, strict=True) if yes]
                (kept,) = [one for one in reviews.list() if one.prediction_id == about]
                assert list(kept.labels) == labels
            expect(card).to_contain_text("2 wait", timeout=60_000)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size({"width": 390, "height": 844})
                assert page.evaluate("document.documentElement.scrollWidth") <= 390
            page.set_viewport_size({"width": 1200, "height": 800})
            expect(page.get_by_label("Whose clips")).to_have_value(re.compile("^production"), timeout=60_000)
            before = card.get_attribute("data-id")
            page.keyboard.press("s")
            expect(card).not_to_have_attribute("data-id", str(before), timeout=60_000)
            page.keyboard.press("p")
            page.wait_for_function("() => !document.querySelector('#tb-review audio').paused")
            page.get_by_label("Whose clips").click()
            page.keyboard.type("1")  # in a field a key is a letter
            assert len(reviews.list()) == 2
        browser.close()
        assert faults == []
