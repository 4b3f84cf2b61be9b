"""docs/scale.md: what can be typed here is typed, what needs a cluster is at least what the programs take, and every key is told."""

import re
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from components.config import load_config
from components.stacks import load_stack
from components.stacks.config import PodConfig
from tests.fixtures.buckets import Server, s3_server
from tests.fixtures.pages import ROOT, blocks, broken_links, read, run, section, spoken, table
from tests.pipelines.conftest import Project

PAGE = read("scale.md")
STACKS = section(PAGE, "Stacks")
KUBEFLOW = section(PAGE, "Kubeflow")
HELP = re.compile(r"--[a-z][a-z-]+")


@pytest.fixture(scope="module")
def storage() -> Iterator[Server]:
    with s3_server() as server:
        server.make("my-bucket")
        yield server


@pytest.mark.slow
def test_a_stack_with_s3_is_registered_looked_at_and_trained_on(project: Project, storage: Server):
    (script,) = blocks(STACKS)
    (project.folder / "configs" / "stacks").mkdir()
    for file in (ROOT / "configs" / "stacks").glob("*.yaml"):
        (project.folder / "configs" / "stacks" / file.name).write_text(file.read_text())
    for line in script.splitlines():
        done = run(line, project.folder, {**project.environment, **storage.environment})
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    found = storage.client.list_objects_v2(Bucket="my-bucket", Prefix="artifacts/")["Contents"]
    assert {one["Key"].split("/")[1] for one in found} >= {"validate", "featurize", "train", "evaluate", "register"}
    assert not any("timbre-checkpoints" in one["Key"] for one in found)


def test_the_stacks_are_those_that_there_are():
    told = {cells[0].strip("`") for cells in table(STACKS, "stack")}
    assert told == {file.stem for file in (ROOT / "configs/stacks").glob("*.yaml")}
    for name in told:
        stack = load_stack(str(ROOT / f"configs/stacks/{name}.yaml"))
        (row,) = (cells for cells in table(STACKS, "stack") if cells[0] == f"`{name}`")
        assert stack.remote == ("pod" in row[1])
        assert (stack.artifact_store is not None) == ("bucket" in row[2])


def test_every_key_of_a_pod_is_told():
    told = [name for cells in table(KUBEFLOW, "key") for name in re.findall(r"`(\w+)`", cells[0])]
    assert sorted(told) == sorted(PodConfig.model_fields)


def test_what_is_wanted_is_what_the_benchmarks_ask_and_a_miss_is_said():
    rows = table(section(PAGE, "What it costs"), "what")
    assert len(rows) == 4
    for _, wanted, found, by in rows:
        file = re.search(r"tests/benchmarks/\w+\.py", by)
        least = re.match(r"[\d.]+", found)
        assert file
        assert least
        bar = re.search(r"^BAR = ([\d.]+)$", (ROOT / file[0]).read_text(), re.MULTILINE)
        assert wanted == (bar[1] if bar else "")
        assert ("missed" in found) == (bar is not None and float(least[0]) < float(bar[1]))


def typed() -> list[str]:
    lines = [line for block in blocks(PAGE) for line in block.splitlines() if line.startswith("timbre ")]
    return list(dict.fromkeys([*lines, *spoken(PAGE, "timbre")]))


@pytest.mark.parametrize("line", typed())
def test_a_command_takes_its_options(line: str):
    words = re.match(r"timbre(?: [a-z]+){1,2}(?= |$)", line)
    assert words
    told = run(f"{words[0]} --help", ROOT, {"PATH": "/usr/bin:/bin", "COLUMNS": "200"})
    assert told.returncode == 0, told.stderr
    assert set(HELP.findall(line)) <= set(HELP.findall(told.stdout))


def test_what_is_set_is_a_key():
    for line in typed():
        for pair in re.findall(r"--set (\S+=\S+)", line):
            if pair.startswith("execution."):
                load_config(overrides=[pair])
            elif pair != "KEY=VALUE":
                load_stack(str(ROOT / "configs/stacks/local_s3.yaml"), [pair])
    for name in re.findall(r"`kubeflow\.(\w+)`", PAGE):
        assert name in type(load_stack(str(ROOT / "configs/stacks/kubeflow.yaml")).cluster).model_fields


@pytest.mark.slow
def test_cron_starts_it_with_hardly_an_environment(project: Project):
    """It finds its place and its programs, and what it has to say is written down: here that nothing is in production yet."""
    (line,) = (line for block in blocks(section(PAGE, "On a schedule")) for line in block.splitlines() if line.startswith("0 3 * * *"))
    (project.folder / ".venv").symlink_to(ROOT / ".venv")
    (project.folder / "nightly.yaml").write_text("prediction: {data: ['inference:data/test']}\n")
    command = line.removeprefix("0 3 * * * ").replace("/srv/music", str(project.folder))
    bare = {"HOME": str(project.folder), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "ZENML_CONFIG_PATH": str(project.folder / "zenml")}
    bare["TIMBRE_DATABASE_URL"] = f"sqlite:///{project.folder / 'nightly.db'}"
    done = subprocess.run(["/bin/sh", "-c", command], env=bare, cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")
    assert "no model" in (project.folder / "score.log").read_text()


def test_files_and_targets_are_there():
    for name in re.findall(r"(?:deploy|pipelines|configs)/[\w./-]+\.yaml", PAGE):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"\b([a-z]+\.yaml)(?:,| and )", KUBEFLOW):
        assert (ROOT / "deploy/kubeflow" / name).exists(), name
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"`make ([a-z-]+)", PAGE)) <= set(targets)
    patch = yaml.safe_load((ROOT / "deploy/kubeflow/patches/evicted.yaml").read_text())
    retry = yaml.safe_load(patch["data"]["workflowDefaults"])["spec"]["templateDefaults"]["retryStrategy"]
    assert retry["retryPolicy"] == "Always"


def test_links_lead_somewhere():
    assert broken_links("scale.md") == []
    assert "docs/scale.md" in (ROOT / "README.md").read_text()
