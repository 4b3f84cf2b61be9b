"""Where retraining writes the reviewed clips, and that what is forgotten goes from there."""

import csv
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from components.config import AudioConfig, DataConfig
from components.datasets import build_manifest
from components.errors import ConfigError, DataError
from components.monitoring.retrain_exports import OWNER, exported, forget
from components.monitoring.review_export import AUDIO, REVIEWS, TABLE
from components.registry.database import Database
from components.registry.jobs import Jobs
from components.watch_config import RetrainConfig
from tests.fixtures.no_reviews import NoReviews
from tests.fixtures.sounds import encoded, sine

KEY = "retrain:aaaaaaaaaaaaaaaa:reviews:0"
CLIPS = [encoded(sine(hertz, 1.0, 8000), 8000) for hertz in (200, 300)]
FIRST, SECOND = (blake3(clip).hexdigest() for clip in CLIPS)
FOLDER = RetrainConfig().folder


class Reviewed(NoReviews):
    """Two clips, as `review_export.export` writes them."""

    def export(self, folder: Path) -> Path:
        (folder / AUDIO).mkdir()
        names = [f"{AUDIO}/{blake3(clip).hexdigest()}.wav" for clip in CLIPS]
        for name, clip in zip(names, CLIPS, strict=True):
            (folder / name).write_bytes(clip)
        (folder / TABLE).write_text("file,cel\n" + "".join(f"{name},1\n" for name in names))
        (folder / REVIEWS).write_text("".join(json.dumps({"file": name, "model": "a" * 64}) + "\n" for name in names))
        return folder / TABLE


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "tones.yaml").write_text("name: tones\ndata: {train: [csv:data/tones.csv]}\n")
    return tmp_path


@pytest.fixture
def database(home: Path) -> Iterator[Database]:
    found = Database(f"sqlite:///{home}/timbre.db")
    yield found
    found.close()


def queued(database: Database, folder: str = FOLDER, section: str = "data.reviewed") -> Path:
    """The folder of an export that a job waits to train on."""
    table = exported(folder, Reviewed(), KEY)
    Jobs(database).submit("tones", {section: ["csv:data/tones.csv", f"csv:{table}"], "data.test_share": 0.0}, OWNER)
    return Path(table).absolute().parent


def left(folder: Path) -> tuple[list[str], list[str], list[str]]:
    """The clips in the table, among the reviews, and as audio."""
    with (folder / TABLE).open() as file:
        rows = [Path(row["file"]).stem for row in csv.DictReader(file)]
    reviews = [Path(json.loads(line)["file"]).stem for line in (folder / REVIEWS).read_text().splitlines()]
    return rows, reviews, [path.stem for path in (folder / AUDIO).iterdir()]


@pytest.mark.parametrize("section", ["data.reviewed", "data.train"])
def test_a_clip_is_forgotten_in_every_export(database: Database, home: Path, section: str) -> None:
    folders = [queued(database, section=section), queued(database, str(home / "elsewhere"))]
    assert forget(database, FIRST) == 2
    assert [left(folder) for folder in folders] == [([SECOND], [SECOND], [SECOND])] * 2
    assert forget(database, FIRST) == 0


def test_an_export_that_was_broken_off_is_reached_too(database: Database, home: Path) -> None:
    for name in (".retrain-aaaaaaaaaaaaaaaa-drift-1-x1", "retrain-aaaaaaaaaaaaaaaa-drift-1-0123456789ab"):
        (home / FOLDER / name / AUDIO).mkdir(parents=True)
        (home / FOLDER / name / AUDIO / f"{FIRST}.wav").write_bytes(CLIPS[0])
    assert forget(database, FIRST) == 2
    assert list((home / FOLDER).rglob("*.wav")) == []


def test_the_job_trains_on_the_others(database: Database, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    (home / "data").mkdir()
    (home / "data" / "a.wav").write_bytes(encoded(sine(400, 1.0, 8000), 8000))
    (home / "data" / "tones.csv").write_text("file,cel\na.wav,1\n")
    folder = queued(database)
    data = DataConfig(train=("csv:data/tones.csv",), reviewed=(f"csv:{folder}/{TABLE}",), val_share=0, test_share=0)
    forget(database, FIRST)
    gathered = build_manifest(data, ("cel",), AudioConfig())
    assert sorted(Path(path).stem for path in gathered.manifest.frame["path"]) == sorted(["a", SECOND])
    assert gathered.bad == []
    forget(database, SECOND)
    with pytest.raises(DataError, match=r"data\.reviewed: .* gives train no clip"):
        build_manifest(data, ("cel",), AudioConfig())


def test_no_export_lies_where_clients_may_name_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "data").mkdir()
    (home / "link").symlink_to("data")
    for folder in ("data/reviews", "data", "link/reviews", str(home / "data" / "reviews")):
        with pytest.raises(ConfigError, match=r"watch\.retrain\.folder: .* lies below the data root"):
            exported(folder, Reviewed(), KEY)
    assert list((home / "data").iterdir()) == []
    monkeypatch.setenv("TIMBRE_DATA_ROOTS", str(home / "served"))
    assert exported("data/reviews", Reviewed(), KEY).startswith("data/reviews/retrain-")
