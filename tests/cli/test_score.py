"""timbre score looks at what it is given before ZenML begins a run."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from components.errors import DataError, RegistryError, TimbreError
from tests.fixtures.running import small_tagger
from timbre.cli import score as command

CRYPT = "ignore:'crypt' is deprecated:DeprecationWarning"  # ZenML's store imports it


@pytest.fixture
def began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that ZenML began."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path}/timbre.db")
    Path("sample.yaml").write_text("{}")
    Path("clips").mkdir()
    found: list[str] = []
    monkeypatch.setattr(command, "prepare", lambda: None)
    monkeypatch.setattr("pipelines.stack_check.take", lambda *_: None)
    monkeypatch.setattr("zenml.client.Client", lambda: SimpleNamespace(get_pipeline_run=lambda _: SimpleNamespace(steps={})))
    monkeypatch.setattr("pipelines.stacks.on_active_stack", lambda one: lambda **_: found.append(one.name) or SimpleNamespace(id=1))
    return found


@pytest.mark.filterwarnings(CRYPT)
@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"model": "tonse"}, RegistryError, "no models are registered here"),
        ({"paths": ["clisp"]}, DataError, "clisp is not there"),
        ({"out": "sample.yaml/out"}, DataError, "cannot write scores to"),
    ],
)
def test_what_is_wrong_begins_no_run(
    began: list[str], monkeypatch: pytest.MonkeyPatch, given: dict[str, object], kind: type[TimbreError], said: str
) -> None:
    asked = {"paths": ["clips"], "model": str(small_tagger(Path("small"))), "out": "out", **given}
    monkeypatch.setattr("pipelines.stacks.runs_elsewhere", lambda: False)
    with pytest.raises(kind, match=said):
        command.score(config=Path("sample.yaml"), **asked)
    assert began == []
    monkeypatch.setattr("pipelines.stacks.runs_elsewhere", lambda: True)
    command.score(config=Path("sample.yaml"), **asked)
    assert began == ["prediction"]


@pytest.mark.filterwarnings(CRYPT)
@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ({"scored": 1, "newly_bad": 1}, 0),
        ({"same": 1, "newly_bad": 1}, 0),
        ({"before": 3}, 0),
        ({"before": 3, "newly_bad": 3}, 2),  # as where a bucket forbids reading since the last run
        ({"before": 3, "bad": 1}, 0),  # a file that stays as an earlier run has listed it
        ({"bad": 1}, 2),
        ({"newly_bad": 1}, 2),
    ],
)
def test_the_exit_code_is_2_where_nothing_new_could_be_heard(
    began: list[str], monkeypatch: pytest.MonkeyPatch, counts: dict[str, int], code: int
) -> None:
    done = {**dict.fromkeys(("scored", "same", "before", "bad", "newly_bad"), 0), **counts, "first_bad": []}
    artifact = SimpleNamespace(load=lambda: {**done, "model_key": "small@d", "model": "d", "out": "out"})
    step = SimpleNamespace(status=SimpleNamespace(is_successful=True), outputs={"scored": [artifact]})
    monkeypatch.setattr("zenml.client.Client", lambda: SimpleNamespace(get_pipeline_run=lambda _: SimpleNamespace(steps={"score": step})))
    monkeypatch.setattr("pipelines.stacks.runs_elsewhere", lambda: True)
    try:
        command.score(config=Path("sample.yaml"), paths=["clips"])
        left = 0
    except typer.Exit as leaving:
        left = leaving.exit_code
    assert left == code
