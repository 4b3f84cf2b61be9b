import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.registry.database import Database
from components.registry.predictions import Predictions
from components.scoring import keep, lease
from components.tagger import Tagger
from components.work_config import PredictionConfig
from tests.fixtures.buckets import Server, s3_environment
from tests.fixtures.manifests import noisy_clips
from tests.fixtures.running import small_tagger

CLIPS = 12
OUT = "s3://scores/all"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed tagger."""
    return small_tagger(tmp_path_factory.mktemp("tagger") / "small")


@pytest.fixture(scope="session")
def tagger(folder: Path) -> Tagger:
    return Tagger.open(folder)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Clips of one to two seconds, each with other noise."""
    noisy_clips(tmp_path / "data", CLIPS, duration_s=1.2, sample_rate=22050)
    return tmp_path / "data"


@pytest.fixture
def wanted(data: Path, folder: Path, tmp_path: Path) -> PredictionConfig:
    return PredictionConfig(data=(str(data),), model=str(folder), out=str(tmp_path / "out"), device="cpu")


@pytest.fixture(scope="session")
def empty_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables, which take a second to make."""
    path = tmp_path_factory.mktemp("empty") / "timbre.db"
    database = Database(f"sqlite:///{path}")
    database.ask()
    database.close()  # which puts its journal into the file
    return path


@pytest.fixture
def log(empty_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Predictions]:
    """The prediction log that a batch writes."""
    shutil.copy(empty_log, tmp_path)
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path / 'timbre.db'}")
    database = Database()
    yield Predictions(database)
    database.close()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server for scores, with parts so small that a batch has some, and leases that die within two seconds."""
    monkeypatch.setattr(keep, "PART_ROWS", 5)
    for name, seconds in {"BEAT_S": 0.2, "DEAD_S": 2.0, "LOOK_S": 0.05}.items():
        monkeypatch.setattr(lease, name, seconds)
    with s3_environment(monkeypatch, tmp_path / "mirror", "scores") as found:
        yield found


@pytest.fixture
def far(wanted: PredictionConfig) -> PredictionConfig:
    return wanted.model_copy(update={"out": OUT})


def keys(server: Server, under: str = "") -> list[str]:
    found = server.client.list_objects_v2(Bucket="scores", Prefix=f"all/{under}").get("Contents", ())
    return [item["Key"] for item in found]


def fetched(server: Server, wanted: PredictionConfig, folder: Path) -> PredictionConfig:
    """What lies in the bucket, in a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for key in keys(server):
        path = folder / key.removeprefix("all/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(server.client.get_object(Bucket="scores", Key=key)["Body"].read())
    return wanted.model_copy(update={"out": str(folder)})
