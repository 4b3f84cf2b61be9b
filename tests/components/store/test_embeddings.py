import os
import stat
import time
from pathlib import Path

import numpy as np
import pytest

from components.config import AudioConfig
from components.datasets import Manifest
from components.errors import StoreError
from components.store import Embeddings, build_store, collect_garbage, open_store

ROWS = {"a" * 64: np.arange(6, dtype=np.float32).reshape(2, 3), "b" * 64: np.ones((1, 3), np.float32)}


def test_what_is_added_is_read_by_whoever_wants_it(tmp_path: Path) -> None:
    Embeddings(tmp_path / "key").add(ROWS)
    found = Embeddings(tmp_path / "key").read({"a" * 64, "c" * 64})
    assert list(found) == ["a" * 64]
    assert np.array_equal(found["a" * 64], ROWS["a" * 64])


def test_nothing_is_there_at_first_and_adding_nothing_makes_no_folder(tmp_path: Path) -> None:
    Embeddings(tmp_path / "key").add({})
    assert Embeddings(tmp_path / "key").read(ROWS) == {}
    assert not (tmp_path / "key").exists()


def test_a_damaged_file_and_a_half_written_one_are_passed_over(tmp_path: Path) -> None:
    kept = Embeddings(tmp_path / "key")
    kept.add(ROWS)
    (path,) = (tmp_path / "key").iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    (tmp_path / "key" / f".{path.name}-draft").write_bytes(b"half")
    assert kept.read(ROWS) == {}
    kept.add(ROWS)
    assert set(kept.read(ROWS)) == set(ROWS)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a file")
    with pytest.raises(StoreError, match=r"cannot write the store at .*key"):
        Embeddings(tmp_path / "key").add(ROWS)


def test_a_store_keeps_them_by_key_and_by_decoding(manifest: Manifest, root: Path, audio: AudioConfig) -> None:
    first = open_store(build_store(manifest, audio, root).ref, root)
    second = open_store(build_store(manifest, AudioConfig(sample_rate=8000), root).ref, root)
    first.embeddings("1" * 64).add(ROWS)
    assert set(first.embeddings("1" * 64).read(ROWS)) == set(ROWS)
    assert first.embeddings("2" * 64).read(ROWS) == {}
    assert second.embeddings("1" * 64).read(ROWS) == {}


def test_garbage_collection_takes_those_that_nobody_uses(manifest: Manifest, root: Path, audio: AudioConfig) -> None:
    store = open_store(build_store(manifest, audio, root).ref, root)
    store.embeddings("1" * 64).add(ROWS)
    store.embeddings("2" * 64).add(ROWS)
    then = time.time() - 40 * 86_400
    for path in (root / "embeddings").glob("*/*"):
        os.utime(path, (then, then))
    store.embeddings("2" * 64).read(ROWS)  # which makes them young again

    assert collect_garbage(root).nbytes > 0
    assert store.embeddings("1" * 64).read(ROWS) == {}
    assert set(store.embeddings("2" * 64).read(ROWS)) == set(ROWS)
    assert [stat.S_ISDIR(path.stat().st_mode) for path in (root / "embeddings").iterdir()] == [True]


def test_a_draft_that_may_still_be_written_stays(tmp_path: Path) -> None:
    Embeddings(tmp_path / "embeddings" / "key").add(ROWS)
    draft = tmp_path / "embeddings" / "key" / ".draft"
    draft.write_bytes(b"half")
    collect_garbage(tmp_path, unused_days=0)
    assert [path.name for path in (tmp_path / "embeddings" / "key").iterdir()] == [".draft"]
