"""Two taggers of the same labels and other weights, clips for them, and what the pipeline's evaluation says of the first."""

from pathlib import Path

import pytest

from components.config import AudioConfig, DataConfig, EvaluationConfig
from components.datasets import build_manifest
from components.evaluation.write import write_evaluation
from components.judge import judge
from components.store import build_store, open_store
from components.tagger import Tagger
from tests.fixtures.pitches import seal_pitches, write_pitches


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pitches(tmp_path_factory.mktemp("pitches"))


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return [seal_pitches(tmp_path_factory.mktemp("tagger") / "small", seed) for seed in (0, 1)]


@pytest.fixture(scope="session")
def evaluation(data: Path, folders: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the pipeline leaves, made step by step as its steps make it."""
    tagger, root = Tagger.open(folders[0]), tmp_path_factory.mktemp("pipeline")
    audio = AudioConfig(sample_rate=tagger.sample_rate)
    manifest = build_manifest(DataConfig(test=(f"csv:{data / 'pitches.csv'}",)), "CSV", audio).manifest
    store = open_store(build_store(manifest, audio, root / "store").ref, root / "store")
    return write_evaluation(judge(tagger, store.of("test"), EvaluationConfig(bootstrap_rounds=50, worst_clips=2)), root / "evaluation")


@pytest.fixture
def tagger(folders: list[Path]) -> Tagger:
    return Tagger.open(folders[0])


@pytest.fixture(autouse=True)
def own_store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_STORE", str(tmp_path_factory.getbasetemp() / "testing-store"))
