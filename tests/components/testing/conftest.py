"""Two taggers of the same labels and other weights, clips for them, and what the pipeline's evaluation says of the first."""

from pathlib import Path

import pytest

from components.config import AudioConfig, DataConfig, EvaluationConfig
from components.datasets import build_manifest
from components.evaluation.write import write_evaluation
from components.judge import hear, judge, reference
from components.store import Store, build_store, open_store
from components.tagger import Tagger
from tests.fixtures.pitches import RATE, seal_pitches, write_pitches


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pitches(tmp_path_factory.mktemp("pitches"))


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return [seal_pitches(tmp_path_factory.mktemp("tagger") / "small", seed) for seed in (0, 1)]


@pytest.fixture(scope="session")
def store(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The clips as the pipeline's steps put them there."""
    root, audio = tmp_path_factory.mktemp("store"), AudioConfig(sample_rate=RATE)
    manifest = build_manifest(DataConfig(test=(f"csv:{data / 'pitches.csv'}",)), "CSV", audio).manifest
    return open_store(build_store(manifest, audio, root).ref, root)


@pytest.fixture(scope="session")
def evaluation(store: Store, folders: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the pipeline's evaluation leaves."""
    tagger, clips = Tagger.open(folders[0]), store.of("test")
    heard = hear(tagger, clips)
    judgement = judge(tagger, clips, EvaluationConfig(bootstrap_rounds=50, worst_clips=2), heard=heard)
    return write_evaluation(judgement, tmp_path_factory.mktemp("evaluation"), reference=reference(tagger, clips, judgement, heard))


@pytest.fixture
def tagger(folders: list[Path]) -> Tagger:
    return Tagger.open(folders[0])


@pytest.fixture(autouse=True)
def own_store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_STORE", str(tmp_path_factory.getbasetemp() / "testing-store"))
