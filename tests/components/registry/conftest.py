"""A registry on SQLite and on a real PostgreSQL, and tagger folders small enough to make by hand."""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from components.registry import Card, Decision, RegisteredModel, Registry
from components.registry.jobs import Jobs
from tests.fixtures.postgres import postgres

UrlMaker = Callable[[], str]
TaggerMaker = Callable[..., Path]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL that databases may be made in: TIMBRE_TEST_POSTGRES_URL, or Debian's, started for the session."""
    try:
        with postgres() as url:
            yield url
    except LookupError as error:
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[UrlMaker]:
    """Makes URLs of empty databases."""
    if request.param == "sqlite":
        yield lambda: f"sqlite:///{tmp_path / uuid.uuid4().hex}.db"
        return
    server = make_url(request.getfixturevalue("postgres_server")).set(drivername="postgresql+psycopg")
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    made: list[str] = []

    def make() -> str:
        made.append(f"timbre_{uuid.uuid4().hex}")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {made[-1]}"))
        return server.set(drivername="postgresql", database=made[-1]).render_as_string(hide_password=False)

    yield make
    with engine.connect() as connection:
        for name in made:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def registry(new_url: UrlMaker, tmp_path: Path) -> Iterator[Registry]:
    with Registry.open(new_url(), tmp_path / "models") as registry:
        yield registry


@pytest.fixture
def make_tagger(tmp_path: Path) -> TaggerMaker:
    """Makes sealed tagger folders; another `weights` gives another digest."""

    def make(weights: bytes = b"weights", name: str = "timbre", labels: tuple[str, ...] = ("cel", "flu"), **attachments: bytes) -> Path:
        folder = tmp_path / f"run-{uuid.uuid4().hex}" / name
        folder.mkdir(parents=True)
        about = {
            "format_version": 1,
            "name": name,
            "task": "multilabel",
            "label_set": {"name": "CSV", "labels": [{"code": code, "full_name": code, "family": "other"} for code in labels]},
            "files": {"model.safetensors": hashlib.sha256(weights).hexdigest()},
        }
        (folder / "tagger.json").write_text(json.dumps(about))
        (folder / "model.safetensors").write_bytes(weights)
        beside = {stem.replace("_", "."): content for stem, content in attachments.items()}
        for file, content in beside.items():
            (folder / file).write_bytes(content)
        if beside:
            (folder / "attachments.json").write_text(json.dumps({file: hashlib.sha256(data).hexdigest() for file, data in beside.items()}))
        return folder

    return make


@pytest.fixture
def card() -> Card:
    rows = [
        {"label": "cel", "support": 3, "precision": 0.5, "recall": 1.0, "f1": 2 / 3},
        {"label": "flu", "support": 0, "precision": float("nan"), "recall": float("nan"), "f1": float("nan")},
    ]
    return Card.of({"precision": 0.5, "recall": 0.75, "f1": 0.6, "accuracy": 0.9}, rows, "test", "d" * 64, {"epochs": 3})


def yes(production: RegisteredModel | None) -> Decision:
    return Decision(True, "promoted: it is better", 0.1, 0.05, 0.15, None if production is None else production.digest)


def no(production: RegisteredModel | None) -> Decision:
    return Decision(False, "not promoted: it is worse", -0.1, -0.15, -0.05, None if production is None else production.digest)


@pytest.fixture
def jobs(registry: Registry) -> Jobs:
    return Jobs(registry.database)


@pytest.fixture
def configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder has the configurations `tones` and `other`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    for name in ("tones", "other"):
        (tmp_path / "configs" / f"{name}.yaml").write_text(f"name: {name}\n")
    return tmp_path / "configs"
