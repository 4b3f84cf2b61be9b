"""docs/watch.md against a real service, its log and its reviews: every command is typed, every figure, setting and column is there."""

import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from bentos.config import PREFIX, ServiceConfig
from components.config import Config, load_config
from components.labels import IRMAS
from components.monitoring.stored_reviews import LIVE_DAYS
from components.registry import Decision
from components.registry.predictions import Predictions
from components.registry.reviews import Reviews
from components.watch_config import RetrainConfig
from tests.fixtures.desk import Desk, register, route
from tests.fixtures.listeners import Hook, Post, mail_server, webhook
from tests.fixtures.logs import draw
from tests.fixtures.pages import ROOT, blocks, broken_links, commands, fenced, read, section, spoken, table, written
from tests.fixtures.running import RATE, furnish, running, until
from tests.fixtures.sounds import encoded, sine, write

pytestmark = pytest.mark.slow
PAGE = read("watch.md")
A_REPORT = "it takes half a minute, and lines that are run make the same report"
# Not run to their end: only their words are compared with their help.
ONLY_PARSED = {
    "timbre drift ui": "it serves until Ctrl+C",
    "timbre drift demo": "it takes minutes, and `make demo` before it; tests/cli/test_decay.py runs what it does",
    "timbre drift report --since 7d --no-alert": A_REPORT,
    "timbre drift report --no-alert": A_REPORT,
    "timbre drift report --since 7d --model production": A_REPORT,
    "timbre train": "it takes hours on the page's data; tests/pipelines/test_loop.py trains on reviews",
}
SAID = {  # what a command has to say here, beside its exit code
    "timbre predictions forget": "forgotten: 1 prediction",
    "timbre predictions performance": "reviews speak for",
    "timbre predictions list": "small@|sample@",
    "timbre data export-reviews": r"\d\d clips",
    "timbre data check": "\nok",
    "timbre drift report": r"^Drift: [\s\S]*\nreport: .*report.html$",
    "timbre drift episodes": "sample@.*open",
    "timbre drift shadow": "100 are needed",
    "timbre drift retrain --dry-run": "retraining on .* new review|not followed before",
    "timbre drift retrain": "trains irmas|not followed before",
    "timbre models promote shadow": "in production: candidate@",
    "timbre models archive shadow": "archived: candidate@",
    "timbre models rollback": "in production: sample@",
    "timbre models audit": "retrain queued",
    "timbre keys create": "^timbre_",
}
DRIFT_FOUND = 3
CLIPS, REVIEWED = 40, 22
BEFORE = {  # what somebody has typed before
    "timbre models audit": "timbre drift retrain",
    "timbre data check": "timbre data export-reviews reviews",
    "dvc add": "timbre data export-reviews reviews",
}
SEEDS = itertools.count(100)
SHADOW = Decision(False, "passed; it stays in shadow", shadow=True)


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    with webhook() as hook:
        yield hook


@pytest.fixture(scope="module")
def post() -> Iterator[Post]:
    with mail_server() as post:
        yield post


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, hook: Hook, post: Post) -> Iterator[Desk]:
    """A service whose tagger was judged on other clips than it gets, some of which are reviewed; the configuration is the page's."""
    home = tmp_path_factory.mktemp("watch")
    keys = furnish(home)
    write(home / "clip.wav", sine(150, 1.2, RATE), RATE)
    (home / "configs").mkdir()
    (home / "configs" / "irmas.yaml").write_text((ROOT / "configs" / "irmas.yaml").read_text() + yaml.safe_dump({"watch": watch_section()}))
    channels = {"TIMBRE_ALERT_WEBHOOK": hook.url, "TIMBRE_SMTP_URL": f"smtp://127.0.0.1:{post.port}", "no_proxy": "*"}
    variables = {"KEY": keys["admin"], "TIMBRE_API_KEY": keys["admin"], "TIMBRE_CONFIG": "configs/irmas.yaml", **channels}
    reference = io.BytesIO()
    draw(150, seed=1, rates=(0.2,) * len(IRMAS), labels=IRMAS).to_parquet(reference)
    with running(home, keys, TIMBRE_LOG_AUDIO=str(home / "kept"), TIMBRE_DATA_ROOTS="data") as service:
        register(service, "sample", 6, reference=reference.getvalue())
        found = Desk(service, variables)
        score(found, [encoded(sine(200 + 9 * place, 1.2, RATE), RATE) for place in range(CLIPS)])
        with service.client("review") as client:
            asked = client.get("/api/v1/review-queue", params={"limit": REVIEWED}).json()["items"]
            for place, one in enumerate(asked):
                said = {"labels": [IRMAS.codes[place % len(IRMAS)]], "sampled_p": one["sampled_p"]}
                assert client.post(f"/api/v1/predictions/{one['prediction_id']}/review", json=said).status_code == 200
        assert found.type("dvc init --no-scm --quiet").returncode == 0
        yield found


@pytest.fixture(scope="module")
def drifting(desk: Desk) -> Desk:
    """An episode of drift is open, and told."""
    assert desk.type("timbre drift report").returncode == DRIFT_FOUND
    return desk


def watch_section() -> dict[str, Any]:
    """The page's own settings; less is enough here than they ask for."""
    section: dict[str, Any] = {"drift": {"min_clips": 20}}
    for one in fenced(PAGE, "yaml"):
        if isinstance(shown := yaml.safe_load(one), dict):
            section |= shown["watch"]
    section["retrain"] = {**section["retrain"], "min_new_reviews": 1, "cooldown_days": 1e-9}
    return section


def score(desk: Desk, contents: list[bytes]) -> None:
    """Have the service score clips, and wait until they are logged."""
    with desk.service.client("predict") as client, desk.service.registry() as registry:
        log = Predictions(registry.database)
        before = log.count()
        files = [("audio_files", (f"{place}.wav", content)) for place, content in enumerate(contents)]
        assert client.post("/model/predict-files", params={"model_ckpt_path": "production"}, files=files).status_code == 200
        until(lambda: log.count() == before + len(contents))


def prepare(desk: Desk, command: str) -> None:
    """What the page takes for granted where a command stands: what is in production and in shadow, and what was typed before."""
    with desk.service.registry() as registry:
        production = next(one for one in registry.list(page_size=100).items if one.name == "sample")
        if registry.find().digest != production.digest:
            registry.promote(production.key, "test", "as before")
        if "shadow" in command or "rollback" in command:
            decision = replace(SHADOW, against=production.digest)
            candidate = register(desk.service, "candidate", next(SEEDS), decision=decision)
            if "rollback" in command:
                registry.promote(candidate.key, "test", "a mistake")
    if "forget" in command:
        score(desk, [(desk.home / "clip.wav").read_bytes()])
    for beginning, script in BEFORE.items():
        if command.startswith(beginning):
            assert desk.type(script).returncode == 0


def said(command: str) -> str:
    """What it has to say, by its longest beginning."""
    return SAID.get(max((one for one in SAID if command.startswith(one)), key=len, default=""), "")


def typed() -> list[str]:
    """Every command of the page but curl: those in blocks, in cron's lines, and in sentences."""
    lines = [one.text for program in ("timbre", "dvc") for one in commands(PAGE, program)]
    lines += [line for block in blocks(PAGE) for line in re.findall(r"^(?:\S+ +){5}cd /srv/timbre && (.+)$", block, re.MULTILINE)]
    (demo,) = re.findall(r"^drift-demo:.*\n\t\$\(BIN\)/(.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return list(dict.fromkeys([*lines, *spoken(PAGE, "timbre"), demo]))


@pytest.mark.parametrize("line", typed())
def test_a_command_does_what_the_page_says(desk: Desk, drifting: Desk, line: str):
    if line.partition(" # ")[0].rstrip() in ONLY_PARSED:
        answer = desk.type(f"{line.partition(' #')[0]} --help")
        assert answer.returncode == 0, answer.stderr
        assert answer.stdout.lstrip().startswith("Usage:")
        return
    prepare(desk, line)
    for command in re.split(r"; ", line.partition(" # ")[0]):
        answer = desk.type(command)
        wanted = DRIFT_FOUND if command.startswith("timbre drift report") else 0
        assert answer.returncode == wanted, f"{command}\n{answer.stdout}{answer.stderr}"
        assert re.search(said(command), answer.stdout, re.MULTILINE), f"{command}\n{answer.stdout}{answer.stderr}"


def test_the_page_names_its_exit_code():
    assert f"Exit code {DRIFT_FOUND} where it drifts" in section(PAGE, "Drift")


def test_every_curl_is_answered(desk: Desk):
    asked = commands(PAGE, "curl")
    assert len(asked) == PAGE.count("curl -H") == 5
    for command in asked:
        status, answer = desk.ask(command.text)
        assert status == 200, f"{command.text}\n{answer}"
        if route(command)[1].endswith("review-queue"):
            desk.variables["PREDICTION"] = re.findall(r'"prediction_id":"([^"]+)"', answer)[0]
    assert (desk.home / "clip").stat().st_size > 1000


def test_python(desk: Desk):
    with desk.service.registry() as registry:
        before = len(Reviews(registry.database).list())
        for code in (shown := fenced(PAGE, "python")):
            answer = desk.type("python - <<'END'\n" + code + "END\n")
            assert answer.returncode == 0, answer.stderr
        assert len(shown) == 2
        assert len(Reviews(registry.database).list()) == before + 4


def test_a_drift_is_told_by_each_channel(drifting: Desk, hook: Hook, post: Post):
    assert hook.got[0]["blocks"][0]["text"]["text"].startswith("Drift: sample@")
    assert set(hook.got[0]) == {"text", "blocks"}
    assert (post.letters[0]["To"], post.letters[0]["From"]) == ("ann@example.org", "timbre@example.org")


def test_every_figure_is_on_metrics(drifting: Desk):
    named = set(re.findall(r"\btimbre_[a-z_]+", PAGE))
    assert len(named) > 5
    assert {name for one in fenced(PAGE, "yaml") for name in re.findall(r"\btimbre_[a-z_]+", one)} <= named

    def look() -> str | None:
        _, figures = drifting.ask("curl localhost:8090/metrics")
        return figures if "timbre_drift_label{" in figures else None

    figures = until(look, 90)  # they are up to half a minute old
    assert {name for name in named if f"# TYPE {name} " not in figures} == set()
    for name, labels in re.findall(r"`(timbre_\w+)\{([a-z,]+)\}`", PAGE):
        (series, *_) = re.findall(rf"^{name}\{{(.*)\}} ", figures, re.MULTILINE)
        assert sorted(re.findall(r'(\w+)="', series)) == sorted(labels.split(",")), name
    assert 'timbre_prediction_log_rows_total{outcome="written"}' in figures
    assert 'timbre_prediction_log_audio_total{outcome="kept"}' in figures


def test_every_block_of_yaml_is_what_it_says(tmp_path: Path):
    sections, rules = [], []
    for one in fenced(PAGE, "yaml"):
        shown = yaml.safe_load(one)
        if isinstance(shown, list):
            rules += shown
            continue
        (tmp_path / "config.yaml").write_text(one)
        watch = load_config(tmp_path / "config.yaml").watch
        sections += [name for name in type(watch).model_fields if getattr(watch, name) != getattr(type(watch)(), name)]
    assert sections == ["alerts", "retrain"]
    assert (ROOT / "configs" / f"{watch.retrain.base}.yaml").exists()
    assert [set(rule) for rule in rules] == [{"alert", "expr"}] * 2


def test_settings_of_the_log():
    rows = {cells[0].strip("`"): cells[1].strip("`") for cells in table(section(PAGE, "Settings of the log"), "variable")}
    fields = [name for name in ServiceConfig.model_fields if name == "prediction_log" or name.startswith("log_")]
    assert rows == {PREFIX + name.upper(): written(ServiceConfig.model_fields[name].default) for name in fields}


def test_variables_are_those_that_the_code_reads():
    code = "".join(file.read_text() for top in ("components", "bentos", "timbre") for file in (ROOT / top).rglob("*.py"))
    known = {f"{PREFIX}{name.upper()}" for name in ServiceConfig.model_fields}
    for name in set(re.findall(r"\bTIMBRE_[A-Z_]+[A-Z]", PAGE)):
        assert name in known or f'"{name}"' in code, name


def test_settings_of_the_configuration():
    """Each is there, and where the page tells a figure it is the default."""
    for name, told in re.findall(r"`-?((?:watch|gate)\.[a-z0-9_.*]+)`(?: \(`?([\w./]+)`?[,)])?", PAGE):
        found: Any = Config()
        *parents, last = name.split(".")
        for part in parents:
            found = getattr(found, part)
        if last.endswith("*"):
            assert any(field.startswith(last[:-1]) for field in type(found).model_fields), name
            continue
        assert last in type(found).model_fields, name
        assert not told or told == written(getattr(found, last)), name
    ours, gate = RetrainConfig(), Config().gate
    told = section(PAGE, "Retrain")
    assert f"the same {ours.drift_labels} labels (or more) drifted in each of the last {ours.drift_periods} periods" in told
    assert f"scored in the last {LIVE_DAYS} days is below it" in told
    assert (ours.min_live_f1, ours.min_new_reviews) == (None, None)
    assert told.count("off where none") == 2
    named = [name for cells in table(told, "rule") for name in re.findall(r"`(\w+)`", cells[0])]
    assert set(named) < set(RetrainConfig.model_fields)
    assert f"`gate.shadow_min_clips` clips ({gate.shadow_min_clips})" in section(PAGE, "Shadow")


def test_columns_of_the_log(desk: Desk):
    assert desk.type("timbre predictions export columns.parquet").returncode == 0
    frame = pd.read_parquet(desk.home / "columns.parquet")
    told = [name for cells in table(section(PAGE, "What is logged"), "columns") for name in re.findall(r"`([^`]+)`", cells[0])]
    shown = {re.sub(r"^(score|decision)_.+", r"\1_<code>", name) for name in frame.columns}
    assert shown - set(told) == {f"embedding_{place:02d}" for place in range(1, 31)}
    assert set(told) <= shown


def test_links_lead_somewhere():
    assert broken_links("watch.md") == []
    assert "docs/watch.md" in (ROOT / "README.md").read_text()
