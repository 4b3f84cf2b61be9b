import fcntl
import os
import time
from pathlib import Path

import numpy as np
import pytest

from components.audio import load
from components.config import AudioConfig
from components.datasets import Manifest
from components.errors import StoreError
from components.store import Freed, StoreRef, build_store, collect_garbage, garbage, identity, open_store


def age(root: Path, ref: StoreRef, days: float) -> None:
    then = time.time() - days * 86_400
    os.utime(root / ref.uri / "views" / f"{ref.digest}.parquet", (then, then))


def part(manifest: Manifest, start: int, stop: int, step: int = 1) -> Manifest:
    return Manifest(manifest.frame.iloc[start:stop:step].reset_index(drop=True), manifest.label_set)


def assert_whole(root: Path, ref: StoreRef) -> None:
    store = open_store(ref, root)
    for place, path in enumerate(store.manifest.frame["path"]):
        assert np.array_equal(store.waveform(place), load(path, store.sample_rate).waveform)


def size(root: Path) -> int:
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


@pytest.fixture(autouse=True)
def every_shard_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "SMALL_SHARD_BYTES", 0)


def test_nothing_goes_while_its_view_is_young(manifest: Manifest, root: Path, audio: AudioConfig) -> None:
    ref = build_store(manifest, audio, root).ref
    age(root, ref, 29)
    assert collect_garbage(root) == Freed(0, 0, 0, [])
    assert_whole(root, ref)


def test_an_old_view_goes_with_the_clips_that_it_alone_needs(manifest: Manifest, root: Path, audio: AudioConfig) -> None:
    old, kept = build_store(part(manifest, 0, 16), audio, root).ref, build_store(part(manifest, 8, 24), audio, root).ref
    age(root, old, 31)
    before = size(root)
    freed = collect_garbage(root)
    assert (freed.clips, freed.views) == (8, 1)
    assert freed.nbytes == before - size(root) > 8 * 2 * 22050
    assert_whole(root, kept)
    with pytest.raises(StoreError, match="has no view"):
        open_store(old, root)
    assert build_store(part(manifest, 0, 16), audio, root).decoded == 8


def test_a_half_empty_shard_is_written_anew_and_open_stores_go_on(manifest: Manifest, root: Path, audio: AudioConfig) -> None:
    old, kept = build_store(manifest, audio, root).ref, build_store(part(manifest, 0, 24, 4), audio, root).ref
    mapped, unmapped = open_store(kept, root), open_store(kept, root)
    mapped.batch(range(6), [0] * 6, 10)
    age(root, old, 31)
    freed = collect_garbage(root)
    assert freed.clips == 18
    samples = sum(path.stat().st_size for path in root.rglob("*.npy"))
    assert samples < 6 * 2 * 23_000
    for store in (mapped, unmapped):
        for place, path in enumerate(store.manifest.frame["path"]):
            assert np.array_equal(store.waveform(place), load(path, 22050).waveform)
    assert_whole(root, kept)
    assert build_store(part(manifest, 0, 24, 4), audio, root).decoded == 0


def test_small_shards_are_put_together_once(manifest: Manifest, root: Path, audio: AudioConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "SMALL_SHARD_BYTES", 10**6)
    for stop in range(1, 4):
        build_store(part(manifest, 0, stop), audio, root)
    ref = build_store(part(manifest, 0, 3), audio, root).ref
    assert len(list(root.rglob("*.npy"))) == 3
    assert collect_garbage(root).clips == 0
    assert len(list(root.rglob("*.npy"))) == 1
    assert_whole(root, ref)
    assert collect_garbage(root).nbytes == 0
    assert_whole(root, ref)


def test_opening_a_view_keeps_it(manifest: Manifest, root: Path, audio: AudioConfig) -> None:
    ref = build_store(manifest, audio, root).ref
    age(root, ref, 100)
    open_store(ref, root)
    assert collect_garbage(root).views == 0
    age(root, ref, 100)
    build_store(manifest, audio, root)
    assert collect_garbage(root).views == 0


def test_zero_days_forget_all_and_drafts_are_swept(manifest: Manifest, root: Path, audio: AudioConfig) -> None:
    ref = build_store(manifest, audio, root).ref
    shards = root / ref.uri / "shards"
    (shards / ".half.npy-1-abcd.draft").write_bytes(bytes(1000))
    (shards / "orphan.npy").write_bytes(bytes(1000))
    (shards / "damaged.parquet").write_bytes(bytes(1000))
    before = size(root)
    freed = collect_garbage(root, unused_days=0)
    assert (freed.clips, freed.views) == (24, 1)
    assert freed.nbytes == before - size(root)
    assert list(shards.iterdir()) == []


def test_a_folder_in_use_is_left_alone(manifest: Manifest, root: Path, audio: AudioConfig) -> None:
    ref = build_store(manifest, audio, root).ref
    with (root / ref.uri / "lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert collect_garbage(root, unused_days=0) == Freed(0, 0, 0, [str(root / ref.uri)])
    assert_whole(root, ref)


def test_a_view_that_cannot_be_read_stops_it(manifest: Manifest, root: Path, audio: AudioConfig) -> None:
    ref = build_store(manifest, audio, root).ref
    view = root / ref.uri / "views" / f"{ref.digest}.parquet"
    view.write_bytes(view.read_bytes()[:-10])
    with pytest.raises(StoreError, match="is damaged, so what it needs is not known"):
        collect_garbage(root)
    assert len(list(root.rglob("*.npy"))) > 0


def test_an_empty_root(tmp_path: Path) -> None:
    assert collect_garbage(tmp_path / "nowhere") == Freed(0, 0, 0, [])


def test_a_store_that_lost_a_view_is_another_one(manifest: Manifest, root: Path, audio: AudioConfig) -> None:
    before, ref = identity(root), build_store(manifest, audio, root).ref
    collect_garbage(root)
    assert identity(root) == before
    age(root, ref, 31)
    collect_garbage(root)
    assert identity(root) != before
    assert identity(root) == identity(root) != identity(root.parent / "another")
