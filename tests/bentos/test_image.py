"""The service's image, built from a tiny tagger, run and called over HTTP; podman keeps the packages from one build to the next."""

import time

import httpx
import pytest

from components.tagger import Tagger
from tests.fixtures.pitches import RATE, seal_pitches
from tests.fixtures.podman import NEEDS_PODMAN, STRICT, build, podman
from tests.fixtures.sounds import sine, write

IMAGE = "localhost/timbre:test"
NEVER_IN_IT = ("zenml", "dvc", "lightning", "great_expectations", "pytest")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(5400), NEEDS_PODMAN]  # building the image has its own limit


@pytest.fixture(scope="module")
def tagger_folder(tmp_path_factory):
    return seal_pitches(tmp_path_factory.mktemp("tagger") / "small", seed=0)


@pytest.fixture(scope="module")
def image(tagger_folder, tmp_path_factory):
    home = tmp_path_factory.mktemp("bentoml")
    nobody = f"sqlite:///{home / 'nobody.db'}"
    build("bentos.image.build", IMAGE, "--model", str(tagger_folder), BENTOML_HOME=str(home), TIMBRE_DATABASE_URL=nobody)
    return IMAGE


@pytest.fixture(scope="module")
def container(image):
    name = podman("run", "--detach", *STRICT, "--volume", "/var/lib/timbre", "--publish", "127.0.0.1::3000", image).stdout.strip()
    try:
        yield name
    finally:
        podman("rm", "--force", "--volumes", name)


@pytest.fixture(scope="module")
def url(container):
    address = podman("port", container, "3000").stdout.split()[-1]
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"http://{address}/readyz", timeout=5).status_code == 200:
                return f"http://{address}"
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise AssertionError(podman("logs", container).stdout)


@pytest.fixture(scope="module")
def key(container, url):
    return podman("exec", container, "timbre", "keys", "create", "tests", "--scope", "predict").stdout.strip()


def test_it_predicts_what_the_tagger_predicts(url, key, tagger_folder, tmp_path):
    file = write(tmp_path / "a.wav", sine(880, 1.0, RATE), RATE)
    headers, wanted = {"X-API-Key": key}, {"model_ckpt_path": "production", "scores": "true"}
    with file.open("rb") as sound:
        answer = httpx.post(f"{url}/model/predict-files", params=wanted, files={"audio_files": sound}, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    row = Tagger.open(tagger_folder).predict([file]).iloc[0]
    assert answer.json() == [{code: pytest.approx(float(row[f"score_{code}"]), abs=1e-5) for code in ("low", "mid", "high")}]


def test_a_start_without_keys_says_how_to_make_one(container, key):
    assert "no API keys yet: timbre keys create" in podman("logs", container).stderr


def test_nobody_comes_in_without_a_key(url):
    assert httpx.get(f"{url}/models", timeout=60).status_code == 401


def test_it_asks_for_no_gpu(container):
    assert "NVIDIA_" not in podman("exec", container, "env").stdout


def test_it_is_nobody_and_writes_nowhere_else(container, url):
    assert podman("exec", container, "id", "-u").stdout.strip() == "1034"
    assert podman("exec", container, "touch", "/home/bentoml/bento/new", check=False).returncode != 0


def test_it_says_that_it_is_healthy(container, url):
    assert podman("healthcheck", "run", container).returncode == 0
    assert podman("inspect", container, "--format", "{{.State.Health.Status}}").stdout.strip() == "healthy"


def test_an_unready_one_is_unhealthy(image):
    done = podman("run", "--rm", image, "python", "/home/bentoml/bento/src/bentos/image/healthy.py", check=False)
    assert (done.returncode, "not ready" in done.stderr) == (1, True)


def test_it_holds_what_serving_needs_and_no_more(image):
    assert int(podman("image", "inspect", image, "--format", "{{.Size}}").stdout) < 2.5e9
    look = f"import importlib.util as u; print([n for n in {NEVER_IN_IT} if u.find_spec(n)])"
    assert podman("run", "--rm", image, "python", "-c", look).stdout.strip() == "[]"
    assert podman("run", "--rm", image, "sh", "-c", "command -v gcc uv git; true").stdout == ""


@pytest.mark.parametrize("word", ["off", "OFF", "none"])
def test_it_refuses_to_serve_without_keys(image, word):
    done = podman("run", "--rm", "--env", f"TIMBRE_AUTH={word}", image, check=False)
    assert done.returncode == 2
    assert "timbre keys create" in done.stderr


def test_it_stops_when_it_is_told_to(container, url, key):
    podman("stop", "--time", "60", container)
    assert podman("inspect", container, "--format", "{{.State.ExitCode}}").stdout.strip() == "0"
