"""Who comes in at /ui, and what can be asked for there."""

import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bentos.app import create_app
from bentos.config import ServiceConfig
from bentos.page.clips import PREFIX, Clips
from components.registry import ApiKeys, Registry
from tests.fixtures.listeners import answering
from tests.fixtures.running import RATE, furnish
from tests.fixtures.sounds import encoded, sine

SOUND = encoded(sine(440, 1.2, RATE), RATE)
COOKIE = "timbre_key"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("door")
    (home / "tmp").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{home / 'timbre.db'}")
        patch.setenv("TIMBRE_MODELS", str(home / "models"))
        patch.setattr(tempfile, "tempdir", str(home / "tmp"))
        for name in ("ANALYTICS_ENABLED", "SSR_MODE", "RUN_HISTORY", "TEMP_DIR"):
            patch.setenv(f"GRADIO_{name}", "")  # put back at the end
        yield home


@pytest.fixture(scope="module")
def keys(home: Path) -> dict[str, str]:
    return furnish(home)


@contextmanager
def opened(home: Path, **given: object) -> Iterator[TestClient]:
    """The app, as a browser on this machine sees it."""
    config = ServiceConfig.model_validate({"data_roots": [home / "data"], "max_body_mib": 0.2, "max_json_mib": 0.01, **given})
    client = TestClient(create_app(config), "http://localhost", client=("127.0.0.1", 5000), raise_server_exceptions=False)
    with client:
        yield client


@pytest.fixture(scope="module")
def locked(home: Path, keys: dict[str, str]) -> Iterator[TestClient]:
    with opened(home) as client:
        yield client


@pytest.fixture
def stranger(locked: TestClient) -> TestClient:
    locked.cookies.clear()
    return locked


@pytest.fixture
def guest(stranger: TestClient, keys: dict[str, str]) -> TestClient:
    """One with a key."""
    stranger.cookies.set(COOKIE, keys["predict"], path="/ui")
    return stranger


def bring(client: TestClient, content: bytes = SOUND, name: str = "a.wav", **headers: str):
    return client.post("/ui/gradio_api/upload", files=[("files", (name, content))], headers=headers)


def ask(client: TestClient, *data: object, **headers: str):
    page = client.get("/ui/config").json()
    number = next(one["id"] for one in page["dependencies"] if one["inputs"] and len(one["inputs"]) == 4 and one["backend_fn"])
    return client.post("/ui/gradio_api/run/predict", json={"data": data, "fn_index": number, "session_hash": "abc"}, headers=headers)


def test_without_a_key_there_is_a_form_and_nothing_else(stranger: TestClient):
    assert 'type="password"' in stranger.get("/ui").text
    for method, path in (
        ("GET", "config"),
        ("POST", "gradio_api/run/predict"),
        ("GET", f"heard/{'0' * 32}.flac"),
        ("GET", "gradio_api/file=x"),
    ):
        assert stranger.request(method, f"/ui/{path}").status_code == 401
    assert bring(stranger).status_code == 401


def test_a_key_logs_in_and_out(stranger: TestClient, keys: dict[str, str]):
    answer = stranger.post("/ui/login", data={"key": keys["predict"]}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/")
    assert {"HttpOnly", "SameSite=strict", "Path=/ui"} <= set(answer.headers["set-cookie"].split("; "))
    assert "gradio_config" in stranger.get("/ui/").text
    stranger.post("/ui/logout")
    assert stranger.get("/ui/config").status_code == 401


def test_a_browser_is_known_again_by_a_number_that_no_script_reads(guest: TestClient):
    given = guest.get("/ui/").headers["set-cookie"]
    assert re.match("timbre_reviewer=[0-9a-f]{32}; ", given)
    assert {"HttpOnly", "SameSite=strict", "Path=/ui"} <= set(given.split("; "))
    assert "set-cookie" not in guest.get("/ui/").headers


@pytest.mark.parametrize(
    ("scope", "status", "said"), [("", 401, "API key"), ("models", 403, "wants the scope predict"), ("wrong", 401, "key")]
)
def test_another_key_is_refused_in_a_sentence(stranger: TestClient, keys: dict[str, str], scope: str, status: int, said: str):
    answer = stranger.post("/ui/login", data={"key": keys.get(scope, scope)})
    assert answer.status_code == status
    assert said in re.search(r'role="alert" id="why">(.*?)</p>', answer.text).group(1)
    assert "set-cookie" not in answer.headers


def test_a_clip_that_is_brought_is_scored_and_heard(guest: TestClient):
    (token,) = bring(guest).json()
    assert re.fullmatch(r"[0-9a-f]{32}\.wav", token)
    assert guest.get(f"/ui/gradio_api/file={token}").content == SOUND
    drawn = ask(guest, "production", token, "my <b>clip.wav", "").json()["data"][0]
    assert "my &lt;b&gt;clip.wav" in drawn
    heard = guest.get(f"/ui/{re.search('heard/[0-9a-f]+.flac', drawn).group()}", headers={"Range": "bytes=0-3"})
    assert (heard.status_code, heard.content) == (206, b"fLaC")


@pytest.mark.parametrize(
    ("data", "said"),
    [(("", "", "", ""), "there is no clip yet"), ((None, 3, [], {}), "there is no clip yet"),
     (("production", "../timbre.db", "", ""), "the clip no longer"), (("nothing", "", "", "clips/0.wav"), "no model"),
     (("production", "", "", "/etc/passwd"), "not in this service"), (("production", "", "", "clips"), "folder of 4 clips"),
     (("production", "", "", "s3://bucket/k"), "does not read"), (("production", "", "", "labels.csv"), "no audio")],
)  # fmt: skip
def test_what_does_not_work_is_one_sentence(guest: TestClient, home: Path, data: tuple[object, ...], said: str):
    answer = ask(guest, *data)
    assert answer.status_code == 200
    drawn = answer.json()["data"][0]
    assert 'role="alert"' in drawn
    assert said.lower() in drawn.lower()
    assert str(home) not in answer.text


def test_a_clip_of_no_bytes_is_called_empty(guest: TestClient):
    (token,) = bring(guest, b"").json()
    assert "My clip.wav is empty: it holds no bytes." in ask(guest, "production", token, "My clip.wav", "").json()["data"][0]


@pytest.mark.parametrize(
    "path",
    ["gradio_api/file=/etc/passwd", "gradio_api/file=%2e%2e/timbre.db", "gradio_api/file=",
     "gradio_api/file=C:/x", f"gradio_api/file={'0' * 32}.wav", f"heard/{'0' * 32}.flac"],
)  # fmt: skip
def test_no_other_file_is_given(guest: TestClient, path: str):
    assert guest.get(f"/ui/{path}").status_code == 403


@pytest.mark.parametrize(
    "path",
    ["file/etc/passwd", "info", "queue/join", "queue/data", "call/x", "api/predict", "proxy=http://localhost/", "reset", "component_server",
     "process_recording", "deep_link", "vibe-edit/", "stream/x", "openapi.json", "../monitoring", "../token", "../manifest.json"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_rest_of_gradio_is_not_there(guest: TestClient, method: str, path: str):
    assert guest.request(method, f"/ui/gradio_api/{path}").status_code in (404, 405)


def test_no_address_is_ever_asked(guest: TestClient):
    form = guest.get("/ui/config").json()["dependencies"]
    with answering(200, SOUND) as (url, asked):
        address = f"{url}/clip.wav"
        file = {"path": address, "url": address, "orig_name": "clip.wav", "meta": {"_type": "gradio.FileData"}}
        for one in form:
            body = {"data": [file] * max(1, len(one["inputs"])), "fn_index": one["id"], "session_hash": "abc"}
            answer = guest.post("/ui/gradio_api/run/predict", json=body)
            assert answer.status_code == (200 if one["backend_fn"] else 404), one
        assert ask(guest, "production", "", "", file).status_code == 200
        assert asked == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"3", b'{"data": []}', b'{"data": {}, "fn_index": 0}', b'{"data": [], "fn_index": "0"}',
     b'{"data": [], "fn_index": true}', b"\xff", b"[" * 9000],
)  # fmt: skip
def test_a_run_that_makes_no_sense_is_refused(guest: TestClient, body: bytes):
    answer = guest.post("/ui/gradio_api/run/change", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], str)


def test_a_process_that_ends_leaves_the_clips_of_the_others(guest: TestClient, home: Path):
    (token,) = bring(guest).json()
    with opened(home, auth="off") as other:
        assert other.get(f"/ui/gradio_api/file={token}").content == SOUND
    assert guest.get(f"/ui/gradio_api/file={token}").content == SOUND


def test_assets_are_those_of_the_page(stranger: TestClient):
    assert stranger.get("/ui/assets/..%2f..%2f..%2froutes.py").status_code in (403, 404)
    assert stranger.get("/ui/static/..%2f..%2f..%2f..%2froutes.py").status_code in (403, 404)


def test_the_log_has_the_page_and_not_its_assets(stranger: TestClient, keys: dict[str, str], caplog: pytest.LogCaptureFixture):
    stranger.cookies.set(COOKIE, keys["predict"], path="/ui")
    counted = _counted(stranger)
    logger = logging.getLogger("timbre.access")
    caplog.set_level(logging.INFO, logger.name)
    logger.addHandler(caplog.handler)
    caplog.clear()
    try:
        script = re.search(r'"\./(assets/[^"]+\.js)"', stranger.get("/ui/").text).group(1)
        told = [("GET", "assets/none.js", 404), ("POST", script, 405), ("GET", "config", 200)]
        for method, path, status in [("GET", "theme.css", 200), ("GET", script, 200), *told]:
            assert stranger.request(method, f"/ui/{path}").status_code == status
    finally:
        logger.removeHandler(caplog.handler)
    lines = dict.fromkeys((record.getMessage(), record.status) for record in caplog.records if record.name == logger.name)
    assert list(lines) == [("GET /ui/", 200), *[(f"{method} /ui/{path}", status) for method, path, status in told]]
    assert _counted(stranger) == counted + 6


def _counted(client: TestClient) -> float:
    """Requests below /ui by the service's own figures."""
    figures = re.findall(r'^timbre_requests_total\{.*route="/ui".*\} (\S+)$', client.get("/metrics").text, re.MULTILINE)
    return sum(map(float, figures))


def test_uploads_are_bounded(guest: TestClient, home: Path):
    assert bring(guest, bytes(300_000)).status_code == 413
    assert ask(guest, "production", "", "", "x" * 20_000).status_code == 413
    for number in range(10):
        if bring(guest, bytes(190_000), f"{number}.wav").status_code == 503:
            break
    (folder,) = (home / "tmp").glob(f"{PREFIX}*")
    assert sum(file.stat().st_size for file in folder.iterdir()) < 1.2e6
    Clips(folder, 1).sweep(float("inf"))
    assert [file for file in folder.iterdir() if file.is_file()] == []
    assert bring(guest).status_code == 200


def test_scoring_counts_against_the_keys_rate(stranger: TestClient):
    with Registry() as registry:
        _, secret = ApiKeys(registry.database).create("slow", ["predict"], "test", 2)
    stranger.cookies.set(COOKIE, secret, path="/ui")
    drawn = [ask(stranger, "production", "", "", "clips/0.wav").json()["data"][0] for _ in range(4)]
    assert "tb-bars" in drawn[0]
    assert "2 times a minute" in drawn[-1]
    assert bring(stranger).status_code == 429


@pytest.mark.parametrize("said", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"}])
def test_another_sites_page_is_refused(guest: TestClient, keys: dict[str, str], said: dict[str, str]):
    assert bring(guest, **said).status_code == 403
    for path in ("login", "logout"):  # whoever logs a person in or out chooses whose clips are whose
        answer = guest.post(f"/ui/{path}", data={"key": keys["predict"]}, headers=said, follow_redirects=False)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_behind_a_proxy_with_tls_the_cookie_is_sent_over_tls_alone(home: Path, keys: dict[str, str]):
    headers = {"Origin": "https://timbre.example"}
    with opened(home, public_url="https://timbre.example") as client:
        answer = client.post("/ui/login", data={"key": keys["predict"]}, headers=headers, follow_redirects=False)
    assert "Secure" in answer.headers["set-cookie"].split("; ")


def test_the_page_tells_no_other_site(guest: TestClient):
    answer = guest.get("/ui/")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "gradio.app" not in re.sub(r"<script>.*?</script>", "", answer.text, flags=re.DOTALL)


def test_without_authentication_only_this_machine_is_served(home: Path, keys: dict[str, str]):
    with opened(home, auth="off") as client:
        assert "gradio_config" in client.get("/ui/").text
        assert client.get("/ui/", headers={"Host": "evil.example"}).status_code == 403
        assert bring(client, Host="evil.example").status_code == 403
        assert "tb-bars" in ask(client, "production", "", "", "clips/0.wav").json()["data"][0]


def test_switched_off_there_is_no_page(home: Path, keys: dict[str, str]):
    with opened(home, page=False, auth="off") as client:
        assert client.get("/ui/").status_code == 404
        assert client.get("/", follow_redirects=False).headers["location"] == "/docs"
