"""The page in a real browser, on a real service."""

import base64
import contextlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from playwright.sync_api import Error as PlaywrightError

from tests.fixtures.browser import CHROMIUM, chromium
from tests.fixtures.buckets import s3_server
from tests.fixtures.running import CODES, RATE, Running, furnish, running
from tests.fixtures.sounds import encoded, noise, sine, write

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]
SOUND = encoded(sine(1000, 2.5, RATE), RATE)
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
DROP = """([where, name, base64]) => { const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
const dataTransfer = new DataTransfer(); dataTransfer.items.add(new File([bytes], name, { type: "audio/wav" }));
for (const kind of ["dragenter", "dragover", "drop"])
  where.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true })); }"""
CONTRASTS = """() => {
  const parse = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return { rgb: [r, g, b], a }; };
  const linear = (one) => one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = (node) => {
    const found = node ? parse(getComputedStyle(node).backgroundColor) : { rgb: [255, 255, 255], a: 1 };
    return found.a > 0.5 ? found.rgb : behind(node.parentElement); };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const says = [...node.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim());
    const seen = node.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    if (!says || !seen || node.closest("script, style")) continue;
    const [high, low] = [light(parse(getComputedStyle(node).color).rgb), light(behind(node))].sort((a, b) => b - a);
    found.push([(high + 0.05) / (low + 0.05), node.textContent.trim().slice(0, 40)]);
  }
  return found; }"""
LENGTH = "(sound) => new Promise((done) => { sound.oncanplay = () => done(sound.duration); sound.load(); })"
UPLOADED = "() => document.querySelector('#tb-upload textarea').value"
OUTLINE = (
    "(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1; })()"
)
NAME = """(() => { const node = document.activeElement;
return (node.labels?.[0]?.innerText || node.ariaLabel || node.innerText || '').trim(); })()"""


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    """An S3 server with one clip; the environment that finds it."""
    with s3_server() as server:
        server.make("clips")
        server.put("far/tone.wav", SOUND)
        yield {**server.environment, "TIMBRE_S3_BUCKETS": "clips"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, bucket: dict[str, str]) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("page")
    keys = furnish(home)
    sample = home / "data" / "sample" / "test" / "Part1"
    sample.mkdir(parents=True)
    write(sample / "Amber Hill-1.wav", noise(2.0, RATE), RATE)
    (sample / "Amber Hill-1.txt").write_text("cel\t\nflu\t\n")
    with running(home, keys, TIMBRE_PAGE="true", TIMBRE_MAX_BODY_MIB="0.3", **bucket) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream") as browser:
        yield browser


def visit(
    browser: Browser, site: Running, asked: Callable[[str], None] = str, logged_in: bool = True, **given: object
) -> tuple[BrowserContext, Page]:
    context = browser.new_context(permissions=["microphone"], **given)
    context.set_default_timeout(30_000)
    context.on("request", lambda request: asked(request.url))
    if logged_in:
        context.add_cookies([{"name": "timbre_key", "value": site.keys["predict"], "url": f"{site.url}/ui"}])
    page = context.new_page()
    if not logged_in:
        page.goto(f"{site.url}/ui/")
        return context, page
    for patience in (
        10_000,
        20_000,
        60_000,
    ):  # Chromium drops what it loads when a network interface comes or goes, as with containers
        with contextlib.suppress(AssertionError, PlaywrightError):
            page.goto(f"{site.url}/ui/")
            expect(page.get_by_label("Model")).to_have_value(re.compile("^production"), timeout=patience)
            break
    return context, page


@pytest.fixture
def page(browser: Browser, site: Running) -> Iterator[Page]:
    """The page of one who has logged in; every request it makes must go to the service, and no script may fail."""
    elsewhere: list[str] = []
    own = (site.url, "data:", "blob:")
    context, page = visit(browser, site, elsewhere.append)
    page.on("pageerror", lambda error: elsewhere.append(str(error)))
    yield page
    context.close()
    assert [url for url in elsewhere if not url.startswith(own)] == []


def drop(page: Page, name: str, content: bytes) -> None:
    where = page.get_by_role("button", name=re.compile("drop", re.I)).first
    where.evaluate("(where, given) => (" + DROP + ")([where, ...given])", [name, base64.b64encode(content).decode()])
    page.wait_for_function(UPLOADED)


def hear(page: Page) -> None:
    page.get_by_role("button", name="Hear it").click()
    page.locator(".tb-head, .tb-error").wait_for()


def api_scores(site: Running, content: bytes, name: str) -> dict[str, float]:
    with site.client("predict") as client:
        query = {"model_ckpt_path": "production", "scores": True}
        return client.post("/model/predict-files", params=query, files=[("audio_files", (name, content))]).json()[0]


def test_a_dropped_clip_is_drawn_with_the_scores_that_the_api_gives(page: Page, site: Running, tmp_path: Path):
    drop(page, "my clip.wav", SOUND)
    hear(page)
    expected = api_scores(site, SOUND, "my clip.wav")
    rows = page.locator(".tb-row:not(.tb-top)")
    best = max(expected, key=expected.__getitem__)
    assert [rows.first.locator(".tb-name").inner_text(), rows.first.locator(".tb-number").inner_text()] == [best, f"{expected[best]:.2f}"]
    assert page.locator(".tb-threshold").count() == len(CODES)
    page.locator(".tb-wave .tb-ink").wait_for()
    strips = page.locator("svg.tb-strip")
    assert [strips.count(), strips.first.get_attribute("role")] == [len(CODES), "img"]
    assert re.fullmatch(r"\w+: heard in \d of 4 windows, strongest at 0:0\d with [01]\.\d\d", strips.first.get_attribute("aria-label"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Download JSON").click()
    document = json.loads(Path(download.value.path()).read_text())
    assert download.value.suggested_filename == "my clip.json"
    assert {one["code"]: one["score"] for one in document["labels"]} == pytest.approx(expected, abs=1e-6)
    assert document["windows"]["starts_s"] == [0, 0.5, 1, 1.5]
    sound = page.locator("audio.tb-audio")
    assert sound.evaluate(
        "(sound) => new Promise((done) => { sound.oncanplay = () => done(sound.duration); sound.load(); })"
    ) == pytest.approx(2.5)
    page.locator(".tb-wave").click(position={"x": 100, "y": 20})
    assert sound.evaluate("(sound) => sound.currentTime") > 0


def test_a_file_that_is_no_audio_is_a_sentence(page: Page):
    drop(page, "notes.wav", b"no audio at all")
    hear(page)
    said = page.get_by_role("alert").inner_text()
    assert "notes.wav is no audio" in said
    assert "/" not in said


def test_a_file_that_is_too_large_is_a_sentence(page: Page):
    page.locator("input[type=file]").set_input_files({"name": "large.wav", "mimeType": "audio/wav", "buffer": bytes(600_000)})
    expect(page.get_by_text("larger than 0.3 MiB: send fewer or smaller files.").first).to_be_visible()


def test_a_list_of_faults_is_told_by_its_first(page: Page):
    faults = {"detail": [{"loc": ["body", "data"], "msg": "Field required", "type": "missing"}]}
    page.route("**/gradio_api/run/**", lambda route: route.fulfill(status=422, json=faults))
    hear(page)
    assert "Field required." in page.get_by_role("alert").inner_text()


def test_whose_key_is_gone_sees_the_form_again(page: Page):
    page.context.clear_cookies()
    page.get_by_role("button", name="Amber Hill-1 (cello, flute)").click()
    expect(page.get_by_label("API key")).to_be_visible()


def test_a_recording(page: Page):
    page.get_by_role("button", name="Record audio").click()
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(1500)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.wait_for_function(UPLOADED)
    hear(page)
    expect(page.locator(".tb-what")).to_contain_text("audio.wav")


def test_an_object_in_s3(page: Page, site: Running):
    page.get_by_label("Or a path or an S3 key").fill("s3://clips/far/tone.wav")
    hear(page)
    expect(page.locator(".tb-what")).to_contain_text("tone.wav")
    best = max(api_scores(site, SOUND, "tone.wav").values())
    expect(page.locator(".tb-row:not(.tb-top) .tb-number").first).to_have_text(f"{best:.2f}")
    page.get_by_label("Or a path or an S3 key").fill("s3://others/far/tone.wav")
    hear(page)
    expect(page.get_by_role("alert")).to_contain_text("is in a bucket that this service does not read")


def test_an_example(page: Page):
    page.get_by_role("button", name="Amber Hill-1 (cello, flute)").click()
    expect(page.locator(".tb-what")).to_contain_text("Amber Hill-1.wav")
    assert page.get_by_label("Or a path or an S3 key").input_value() == "sample/test/Part1/Amber Hill-1.wav"


def test_by_keyboard_alone(page: Page):
    seen: list[str] = []
    while "Hear it" not in seen and len(seen) < 40:
        page.keyboard.press("Tab")
        seen.append(page.evaluate(NAME))
        assert seen[-1], page.evaluate("document.activeElement.outerHTML")
        assert page.evaluate(OUTLINE), seen[-1]
        if seen[-1] == "Or a path or an S3 key":
            page.keyboard.type("clips/0.wav")
    page.keyboard.press("Enter")
    page.locator(".tb-head").wait_for()
    parts = ("Drop an audio file here to upload", "Record audio", "Or a path or an S3 key", "Model", "Hear it")
    assert [name for name in seen if name in parts] == list(parts)


def test_a_key_is_asked_for(browser: Browser, site: Running):
    context, page = visit(browser, site, logged_in=False)
    page.get_by_label("API key").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("key")
    page.get_by_label("API key").fill(site.keys["predict"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Hear it")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(browser: Browser, site: Running, scheme: str):
    context, page = visit(browser, site, color_scheme=scheme, **PHONE)
    drop(page, f"{'a long name ' * 8}.wav", SOUND)
    hear(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    faint = [(round(ratio, 1), text) for ratio, text in page.evaluate(CONTRASTS) if ratio < 4.5]
    assert faint == []
    page.get_by_role("tab", name="Review").click()
    expect(page.locator("#tb-review")).to_contain_text("wants the scope review")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert [text for ratio, text in page.evaluate(CONTRASTS) if ratio < 4.5] == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, re.findall(r"\d+", dark)[:3])) < 60) == (scheme == "dark")
    context.close()
