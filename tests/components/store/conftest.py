from pathlib import Path

import pytest

from components.config import AudioConfig
from components.datasets import Manifest
from components.store import shards
from tests.fixtures.manifests import manifest_of, noisy_clips

CLIPS = 24


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return noisy_clips(tmp_path_factory.mktemp("clips"), CLIPS)


@pytest.fixture(scope="session")
def manifest(clips: list[Path]) -> Manifest:
    return manifest_of(clips)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def audio() -> AudioConfig:
    return AudioConfig()


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """About four clips of a second each."""
    monkeypatch.setattr(shards, "SHARD_BYTES", 160_000)
