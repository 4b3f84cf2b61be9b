"""timbre score looks at what it is given before ZenML begins a run."""

from pathlib import Path
from types import SimpleNamespace

import pytest

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
