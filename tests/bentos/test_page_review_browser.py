"""The page's review tab in a real browser, by keys alone."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from bentos.page.cookies import REVIEWER
from components.registry.predictions import Predictions
from components.registry.reviews import Review, Reviews
from components.registry.tables import ReviewRow
from tests.fixtures.browser import CHROMIUM, chromium
from tests.fixtures.running import CODES, Running, furnish, running, until

MODEL = {"model_ckpt_path": "production"}
ANN, BOB = "a" * 32, "b" * 32
CARD = "#tb-review .tb-card"
HELD_DOWN = """() => { for (let press = 0; press < 3; press++) {  // as a browser does while Enter is down on a button
  const event = new KeyboardEvent("keydown", { key: "Enter", repeat: true, bubbles: true, cancelable: true });
  if (document.activeElement.dispatchEvent(event)) document.activeElement.click(); } }"""


def in_a_browser(test: Callable[..., None]) -> Callable[..., None]:
    return pytest.mark.slow(pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")(test))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service without keys that has scored four clips."""
    home = tmp_path_factory.mktemp("review-site")
    with running(home, furnish(home), TIMBRE_PAGE="true", TIMBRE_AUTH="off") as site:
        with site.client("") as client:
            client.post("/model/predict-directory", params=MODEL, json=["clips"])
        yield site


@pytest.fixture
def tab(site: Running) -> Iterator[Page]:
    """The review tab in a browser, with a clip; no script may fail. Every review is forgotten at the end."""
    with chromium() as browser:
        page = opened(browser, site, ANN)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        review(page, site)
        yield page
        page.close()
        assert faults == []
    with site.registry() as registry, registry.database.write() as session:
        session.query(ReviewRow).delete()


def opened(browser: Browser, site: Running, reviewer: str) -> Page:
    """A page of a browser that was here before."""
    context = browser.new_context()
    context.add_cookies([{"name": REVIEWER, "value": reviewer, "url": site.url}])
    return context.new_page()


def review(page: Page, site: Running) -> None:
    """Open the tab."""
    page.set_default_timeout(60_000)
    page.goto(f"{site.url}/ui/")
    page.get_by_role("tab", name="Review").click()
    expect(page.locator(CARD)).to_contain_text("4 wait")


def reviews(site: Running) -> list[Review]:
    with site.registry() as registry:
        return Reviews(registry.database).list()


def boxes(page: Page) -> list[bool]:
    return [box.is_checked() for box in page.locator(CARD).get_by_role("checkbox").all()]


@in_a_browser
def test_by_keys_alone(tab: Page, site: Running):
    card = tab.locator(CARD)
    for place, keys in enumerate(("13", "2")):
        expect(card).to_contain_text(f"{4 - place} wait")
        about = card.get_attribute("data-id")
        assert boxes(tab) == [False] * 3
        for key in keys:
            tab.keyboard.press(key)
        assert boxes(tab) == [key in keys for key in "123"]
        tab.keyboard.press("Enter")
        until(lambda about=about: about in [one.prediction_id for one in reviews(site)])
        (kept,) = [one for one in reviews(site) if one.prediction_id == about]
        assert list(kept.labels) == [code for code, key in zip(CODES, "123", strict=True) if key in keys]
        assert kept.opinion_shown is False
    expect(card).to_contain_text("2 wait")
    expect(tab.get_by_label("Whose clips")).to_have_value(re.compile("^production"))
    before = card.get_attribute("data-id")
    tab.keyboard.press("s")
    expect(card).not_to_have_attribute("data-id", str(before))
    tab.keyboard.press("p")
    tab.wait_for_function("() => !document.querySelector('#tb-review audio').paused")
    tab.get_by_label("Whose clips").click()
    tab.keyboard.type("1")  # in a field a key is a letter
    assert len(reviews(site)) == 2


@in_a_browser
@pytest.mark.parametrize("way", ["key", "button"])
def test_what_the_model_heard_is_shown_when_it_is_asked_for(tab: Page, site: Running, way: str):
    card, opinion = tab.locator(CARD), tab.locator(f"{CARD} .tb-opinion")
    assert not any(one.is_visible() for one in opinion.all())
    assert "unsure" not in card.inner_text()
    tab.keyboard.press("1")
    if way == "key":
        tab.keyboard.press("m")
    else:
        card.get_by_role("button", name="Show what the model heard").focus()
        tab.keyboard.press("Enter")
    assert all(one.is_visible() for one in opinion.all())
    assert not card.get_by_role("button", name="Show what the model heard").is_visible()
    with site.registry() as registry:
        heard = Predictions(registry.database).frame(registry.find().digest).set_index("id").loc[str(card.get_attribute("data-id"))]
    verdicts = [bool(heard[f"decision_{code}"]) for code in CODES]
    assert card.locator(".tb-verdict").all_inner_texts() == ["✓ heard" if yes else "not heard" for yes in verdicts]
    assert card.locator(".tb-number").all_inner_texts() == [f"{heard[f'score_{code}']:.2f}" for code in CODES]
    assert boxes(tab) == [True, False, False]  # it ticks nothing
    tab.keyboard.press("m")
    tab.keyboard.press("2")
    assert all(one.is_visible() for one in opinion.all())
    tab.keyboard.press("Enter")
    expect(card).to_contain_text("3 wait")
    assert [one.opinion_shown for one in reviews(site)] == [True]
    assert not any(one.is_visible() for one in opinion.all())
    assert boxes(tab) == [False] * 3


@in_a_browser
def test_none_of_these_is_said_twice(tab: Page, site: Running):
    card, ask, save = tab.locator(CARD), tab.get_by_role("alert"), tab.get_by_role("button", name="Save and next")
    about = card.get_attribute("data-id")
    tab.keyboard.press("Enter")
    expect(ask).to_contain_text("Nothing is ticked.")
    tab.keyboard.press("1")
    assert not ask.is_visible()
    tab.keyboard.press("1")
    save.dblclick()
    expect(ask).to_be_visible()
    save.focus()
    tab.evaluate(HELD_DOWN)
    assert (reviews(site), card.get_attribute("data-id")) == ([], about)
    tab.keyboard.press("Enter")
    expect(card).to_contain_text("3 wait")
    assert [(one.prediction_id, one.labels) for one in reviews(site)] == [(about, ())]
    assert not ask.is_visible()  # of the next clip it is asked anew


@in_a_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(tab: Page, scheme: str):
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": 390, "height": 500})  # less than the card
    save, ask = tab.get_by_role("button", name="Save and next"), tab.get_by_role("alert")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    expect(save).to_be_in_viewport(ratio=1)
    save.click()
    tab.keyboard.press("m")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    expect(ask).to_be_in_viewport(ratio=1)
    assert ask.bounding_box()["y"] + ask.bounding_box()["height"] <= save.bounding_box()["y"]


@in_a_browser
def test_two_people_hear_different_clips_and_the_slower_one_is_told(tab: Page, site: Running):
    other = opened(tab.context.browser, site, BOB)
    review(other, site)
    mine, theirs = (page.locator(CARD).get_attribute("data-id") for page in (tab, other))
    assert mine != theirs
    with site.registry() as registry:
        Reviews(registry.database).add(str(mine), ["low"], "somebody else")
    tab.keyboard.press("2")
    tab.keyboard.press("Enter")
    expect(tab.locator("#tb-review .tb-note")).to_contain_text("Somebody reviewed that clip while it lay before you")
    expect(tab.locator(CARD)).to_contain_text("3 wait")
    assert tab.locator(CARD).get_attribute("data-id") not in (mine, theirs)
    assert tab.locator(".tb-error").count() == 0
    assert boxes(tab) == [False] * 3
    assert [one.reviewer for one in reviews(site)] == ["somebody else"]
    other.close()
