"""docs/serve.md and docs/operate.md against a real service: every command is typed, every route has one, every setting is told as it is."""

import contextlib
import json
import os
import re
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from bentos.config import PREFIX, ServiceConfig
from bentos.gate import LOGIN_PLACES
from components.registry.database import CONNECT_S, MOST
from tests.fixtures.buckets import Server, s3_server
from tests.fixtures.desk import WRITTEN, Desk, register, route
from tests.fixtures.pages import ROOT, Command, blocks, broken_links, commands, fenced, read, run, section, table, written
from tests.fixtures.running import RATE, furnish, running, until
from tests.fixtures.sounds import sine, write

PAGE, CHORES = read("serve.md"), read("operate.md")
CURLS = commands(PAGE, "curl")
STABLE = ("status", "state", "comparable", "description", "cancel_requested", "aliases", "msg", "config")  # values that a page can know
OPEN = {"/livez", "/readyz", "/metrics"}  # not in the OpenAPI document


@pytest.fixture(scope="module")
def storage() -> Iterator[Server]:
    """A real S3 server with a bucket `clips`."""
    with s3_server() as server:
        server.make("clips")
        yield server


@pytest.fixture(scope="module")
def desk(storage: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("serve")
    keys = furnish(home)
    part = home / "data" / "sample" / "test" / "Part1"
    for folder in (part, home / "data" / "sample" / "val", home / "configs"):
        folder.mkdir(parents=True)
    for name, codes in (("Amber Anchor-1", "cel\t\nvoi\t\n"), ("Amber Hill-1", "flu\n")):
        soundfile.write(part / f"{name}.ogg", sine(440, 1.2, RATE), RATE)
        (part / f"{name}.txt").write_text(codes)
    tone = write(home / "clip.wav", sine(200, 1.2, RATE), RATE)
    shutil.copy(tone, home / "data" / "sample" / "val" / "[pia]1.wav")
    for name in ("a.wav", "b.ogg"):
        shutil.copy(tone, home / name)
    (home / "notes.txt").write_text("cello, at 0:12")
    shutil.copy(ROOT / "configs" / "sample.yaml", home / "configs")
    with running(home, keys, TIMBRE_S3_BUCKETS="clips", TIMBRE_DATA_ROOTS="data", **storage.environment) as service:
        other = register(service, "sample", 5)
        register(service, "sample", 6, 0.86)
        for key in ("2026/take-1.flac", "live/one.wav"):
            storage.put(key, tone.read_bytes())
        yield Desk(service, {"KEY": keys["admin"], "OTHER": other.key, "TIMBRE_API_KEY": keys["admin"]})


def expected_status(command: Command) -> int:
    """The one in its comment, or what its route is known for."""
    if said := re.search(r"# (\d{3})\b", command.text):
        return int(said[1])
    method, path = route(command)
    return {("POST", "/api/v1/training-jobs"): 202, ("DELETE", "/api/v1/models/$OTHER"): 204}.get((method, path), 200)


def missing(answer: str, shown: str) -> list[str]:
    """What the page shows of an answer and the answer has not: names of fields, values that a page can know, names of events."""
    got = re.sub(r'"\s*:\s*', '":', answer)
    wanted = re.sub(r'"\s*:\s*', '":', shown)
    pieces = [f'"{name}":' for name in re.findall(r'"([^"…]+)":', wanted)]
    pieces += [pair for pair in re.findall(r'"\w+":(?:"[^"…]*"|\w+|\[[^\]…]*\])', wanted) if pair.split('"')[1] in STABLE]
    pieces += re.findall(r"^event: \w+$|^\w+\{", shown, re.MULTILINE)
    if not pieces:
        pieces = re.findall(r'"[^"@…]+"', shown)
    return [piece for piece in pieces if piece not in got]


def answered(desk: Desk, command: Command) -> tuple[int, str]:
    """(status, answer); who only looks looks again until it is there, as predictions are logged a moment after their answer."""
    answers: list[tuple[int, str]] = []

    def shows_all() -> bool:
        answers.append(desk.ask(command.text))
        return route(command)[0] != "GET" or not missing(answers[-1][1], command.answer)

    with contextlib.suppress(TimeoutError):
        until(shows_all, 10)
    return answers[-1]


def test_every_command_is_answered_as_the_page_says(desk: Desk):
    for command in CURLS:
        status, answer = answered(desk, command)
        assert status == expected_status(command), f"{command.text}\n{answer}"
        assert missing(answer, command.answer) == [], f"{command.text}\n{answer}"
        if route(command) == ("POST", "/api/v1/training-jobs"):
            desk.variables["JOB"] = re.findall(r'"id":"([^"]+)"', answer)[0]
        if route(command) == ("GET", "/api/v1/review-queue"):
            desk.variables["PREDICTION"] = re.findall(r'"prediction_id":"([^"]+)"', answer)[0]


def test_every_route_has_a_command(desk: Desk):
    told = [route(command) for command in CURLS]
    status, document = desk.ask(f"curl {WRITTEN}/openapi.json")
    assert status == 200
    wanted = {(method.upper(), path) for path, methods in json.loads(document)["paths"].items() for method in methods}
    wanted |= {("GET", path) for path in OPEN}
    assert len(wanted) > 20
    for method, path in sorted(wanted):
        pattern = re.sub(r"\{\w+\}", r"[^/]+", path)
        assert any(verb == method and re.fullmatch(pattern, where) for verb, where in told), f"no curl for {method} {path}"


def test_what_the_page_shows_is_looked_for():
    """So that the test above can fail."""
    assert missing('{"detail": "x"}', '{"error":"…"}') == ['"error":']
    assert missing('{"status": "failed"}', '{"status":"done",…}') == ['"status":"done"']
    assert missing('["latest"]', '["production","latest","sample@e25e4de2"]') == ['"production"']
    assert missing("data: {}", "event: clip") == ["event: clip"]
    assert sum(bool(command.answer) for command in CURLS) > 20


def test_the_python_client(desk: Desk):
    (code,) = fenced(PAGE, "python")
    done = desk.type("python - <<'END'\n" + code.replace(', api_key="timbre_..."', "") + "END\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("a.wav {'cel': 0.")
    assert "Amber Hill-1" in done.stdout.splitlines()


def test_bentoml_takes_the_settings_of_traces(tmp_path: Path):
    (shown,) = fenced(CHORES, "yaml")
    (tmp_path / "tracing.yaml").write_text(shown)
    script = """
        python -c 'import bentoml._internal.configuration as settings, bentoml._internal.configuration.containers as containers
        settings.load_config(use_version=2)  # as a service does; the import has read it as version 1
        print(containers.BentoMLContainer.config.services.tracing.otlp.endpoint.get())'
    """
    done = run(textwrap.dedent(script), tmp_path, {**os.environ, "BENTOML_CONFIG": str(tmp_path / "tracing.yaml")})
    assert done.stdout.strip() == "http://collector:4318/v1/traces", done.stderr


def test_the_settings_and_their_defaults():
    rows = {cells[0].strip("`"): cells[1].strip("`") for cells in table(section(CHORES, "Settings"), "variable")}
    for name, field in ServiceConfig.model_fields.items():
        assert rows[PREFIX + name.upper()] == written(field.default), name
    used = set()
    for file in [*(ROOT / "bentos").rglob("*.py"), *(ROOT / "timbre" / "client").glob("*.py"), ROOT / "components" / "places.py"]:
        used |= set(re.findall(r"\bTIMBRE_[A-Z0-9_]+[A-Z0-9]\b", file.read_text()))
    assert set(rows) == used | {PREFIX + name.upper() for name in ServiceConfig.model_fields}


def test_each_line_of_requests_is_told():
    (told,) = (cells[2] for cells in table(section(CHORES, "Settings"), "variable") if cells[0] == "`TIMBRE_MAX_PENDING`")
    assert "of those that need a key; as many that need none" in told
    assert f"and {LOGIN_PLACES} logins have places of their own" in told


def test_how_many_connections_a_process_opens_is_told():
    told = " ".join(section(CHORES, "More than one process or machine").split())
    assert f"opens up to {MOST} connections" in told
    assert f"waits {CONNECT_S} s for one" in told
    assert f"set its `max_connections` to {MOST} for each" in told


def test_links_lead_somewhere():
    assert broken_links("serve.md") + broken_links("operate.md") == []
    assert "docs/serve.md" in (ROOT / "README.md").read_text()
    assert len(blocks(PAGE)) > 30
