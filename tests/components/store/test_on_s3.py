"""A store on a real S3 server: one machine fills it, another reads it, and neither keeps what it need not."""

import errno
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from components.audio import load
from components.config import AudioConfig
from components.datasets import Manifest
from components.errors import S3Error, StoreError
from components.places import mirror, store_root
from components.s3 import Fetched, Remote, remote
from components.store import build, build_store, collect_garbage, identity, open_store, shards
from components.store import folder as store_folder
from tests.fixtures.buckets import Server, s3_environment


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    with s3_environment(monkeypatch, tmp_path / "mirror", "stores") as found:
        monkeypatch.setenv("TIMBRE_STORE", "s3://stores/first")
        yield found


@pytest.fixture
def move(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Go on as another machine, which has fetched nothing yet."""

    def move() -> None:
        monkeypatch.setenv("TIMBRE_MIRROR", str(tmp_path / "another"))

    return move


def keys(server: Server) -> list[str]:
    return [item["Key"] for item in server.client.list_objects_v2(Bucket="stores").get("Contents", ())]


def test_another_machine_reads_the_same_bits(server: Server, manifest: Manifest, audio: AudioConfig, tmp_path: Path, move) -> None:
    here = build_store(manifest, audio, tmp_path / "local")
    built = build_store(manifest, audio)
    assert built.ref == here.ref
    assert built.decoded == len(manifest)
    assert not list(store_root().rglob("*.npy"))  # a small disk does
    move()
    local, far = open_store(here.ref, tmp_path / "local"), open_store(built.ref)
    for place in range(len(manifest)):
        assert (far.clip(place).samples == local.clip(place).samples).all()
    assert (far.batch([3, 1], [0, 100], 4_000) == local.batch([3, 1], [0, 100], 4_000)).all()


def test_nothing_is_decoded_twice_on_any_machine(server: Server, manifest: Manifest, audio: AudioConfig, move) -> None:
    first = build_store(manifest, audio)
    before = keys(server)
    move()
    again = build_store(manifest, audio)
    assert (again.ref, again.decoded) == (first.ref, 0)
    assert keys(server) == before


def test_only_the_shards_of_a_part_are_fetched(server: Server, manifest: Manifest, audio: AudioConfig, move) -> None:
    ref = build_store(manifest, audio).ref
    move()
    part = open_store(ref).take(np.array([0], np.int64))
    part.waveform(0)
    fetched = list(store_root().rglob("*.npy"))
    assert len(fetched) == 1
    assert len([key for key in keys(server) if key.endswith(".npy")]) > 3


def test_all_of_a_part_is_fetched_at_once_before_it_is_needed(
    server: Server, manifest: Manifest, audio: AudioConfig, move, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = build_store(manifest, audio).ref
    move()
    part = open_store(ref).of("train")
    part.bring()
    monkeypatch.setattr(Remote, "fetch", None)
    assert all(np.isfinite(part.waveform(place)).all() for place in range(len(part)))


def test_a_build_leaves_what_a_reader_is_fetching(
    server: Server, manifest: Manifest, audio: AudioConfig, move, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = build_store(manifest, audio).ref
    move()
    folder, sync, met = store_folder.Folder.of(audio, None), os.fsync, list[str]()

    def beside_a_build(number: int) -> None:
        sync(number)
        met.append(str(Path(f"/proc/self/fd/{number}").readlink()))
        with folder.in_use():
            pass

    monkeypatch.setattr(os, "fsync", beside_a_build)
    assert np.isfinite(open_store(ref).waveform(0)).all()
    assert {"".join(Path(name).suffixes).split("-")[0] for name in met} == {".parquet", ".npy"}


def test_a_full_disk_is_no_damage(server: Server, manifest: Manifest, audio: AudioConfig, move, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = build_store(manifest, audio).ref
    move()
    store = open_store(ref)

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(S3Error, match=r"cannot keep s3://stores/first/.*\.npy in .*: free some space or set TIMBRE_MIRROR"):
        store.waveform(0)


def test_a_full_disk_of_the_mirror_is_told_by_its_own_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIMBRE_MIRROR", str(tmp_path / "mirror"))
    for path, variable in ((mirror("s3://stores/first"), "TIMBRE_MIRROR"), (tmp_path / "store", "TIMBRE_STORE")):
        with pytest.raises(StoreError, match=f"free some or set {variable} to a larger disk"), store_folder.sentences(path):
            raise OSError(errno.ENOSPC, "No space left on device")


def test_a_shard_whose_samples_are_gone_is_none(server: Server, manifest: Manifest, audio: AudioConfig) -> None:
    """A piece of a cluster's work is done again then."""
    build_store(manifest, audio)
    folder = store_folder.Folder.of(audio, None)
    index = next(shards.read_indexes(folder))
    assert shards.holds(folder, index.sha256)
    samples = f"{folder.remote.key('shards')}/{index.shard}.npy"
    server.client.put_object(Bucket="stores", Key=samples, Body=b"cut")
    assert not shards.holds(folder, index.sha256)
    server.client.delete_object(Bucket="stores", Key=samples)
    assert not shards.holds(folder, index.sha256)


def test_the_last_shards_are_small(
    server: Server, manifest: Manifest, audio: AudioConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Little is left to send when all is decoded; a disk needs no such thing."""
    monkeypatch.setattr(shards, "SHARD_BYTES", 2**30)
    monkeypatch.setattr(build, "LAST_BYTES", 1)
    build_store(manifest, audio, tmp_path / "local")
    assert len(list((tmp_path / "local").rglob("*.npy"))) == 1
    build_store(manifest, audio)
    listed = server.client.list_objects_v2(Bucket="stores")["Contents"]
    sizes = [item["Size"] for item in listed if item["Key"].endswith(".npy")]
    assert len(sizes) > 2
    assert max(sizes) > 0.4 * sum(sizes)
    assert min(sizes) < 0.2 * sum(sizes)
    whole = store_folder.Folder.of(AudioConfig(sample_rate=4000), None)
    frame = manifest.frame.drop_duplicates("sha256")
    jobs = [build.Job(path, sha256, 1) for path, sha256 in zip(frame["path"], frame["sha256"], strict=True)]
    assert build.decode(jobs, AudioConfig(sample_rate=4000), whole, 1, one_shard=True) == {}
    assert len([name for name in whole.remote.sizes("shards") if name.endswith(".npy")]) == 1


def test_half_a_shard_does_not_count(server: Server, manifest: Manifest, audio: AudioConfig, move) -> None:
    """The samples went, and then the machine died: its index is missing, or its samples are cut."""
    built = build_store(manifest, audio)
    indexes = sorted(key for key in keys(server) if "/shards/" in key and key.endswith(".parquet"))
    server.client.delete_object(Bucket="stores", Key=indexes[0])
    server.client.put_object(Bucket="stores", Key=indexes[1].replace(".parquet", ".npy"), Body=b"cut")
    move()
    again = build_store(manifest, audio)
    assert again.ref == built.ref
    assert 0 < again.decoded < len(manifest)
    assert np.isfinite(open_store(again.ref).waveform(0)).all()


def test_a_shard_that_comes_damaged(server: Server, manifest: Manifest, audio: AudioConfig, move) -> None:
    built = build_store(manifest, audio)
    key = next(key for key in keys(server) if key.endswith(".npy"))
    size = server.client.head_object(Bucket="stores", Key=key)["ContentLength"]
    server.client.put_object(Bucket="stores", Key=key, Body=bytes(size), Metadata={"timbre-sha256": "0" * 64})
    move()
    store = open_store(built.ref)
    with pytest.raises(S3Error, match="came damaged"):
        [store.clip(place) for place in range(len(store))]


def test_what_is_not_there(server: Server, manifest: Manifest, audio: AudioConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = build_store(manifest, audio).ref
    monkeypatch.setenv("TIMBRE_STORE", "s3://stores/second")
    with pytest.raises(StoreError, match=r"the store at s3://stores/second/clips/.* has no view .*set TIMBRE_STORE to where it ran"):
        open_store(ref)
    monkeypatch.setenv("TIMBRE_STORE", "s3://no-such-bucket")
    with pytest.raises(S3Error, match="there is no bucket no-such-bucket"):
        build_store(manifest, audio)


def test_few_clips_are_held(
    server: Server, clips: list[Path], manifest: Manifest, audio: AudioConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fetching runs ahead of decoding, by a bounded number of clips."""
    files: list[Fetched] = []
    held: list[int] = []

    class Counted(Fetched):
        def __init__(self, address: str) -> None:
            super().__init__(address)
            files.append(self)
            held.append(sum(not file.closed for file in files))

    def slowly(*arguments):
        time.sleep(0.1)
        return load(*arguments)

    monkeypatch.setattr(remote, "Fetched", Counted)
    monkeypatch.setattr(build, "load", slowly)
    for path in clips:
        server.put(path.name, path.read_bytes(), "stores")
    frame = manifest.frame.assign(path=[f"s3://stores/{Path(path).name}" for path in manifest.frame["path"]])
    built = build_store(Manifest(frame, manifest.label_set), audio, workers=1)
    assert built.decoded == len(manifest)
    assert 2 < max(held) < len(manifest) - 4
    assert all(file.closed for file in files)


def test_a_bucket_that_was_emptied_is_filled_again(server: Server, manifest: Manifest, audio: AudioConfig, move) -> None:
    """By a machine that has a mirror of what was there, so that others can open it."""
    ref, before = build_store(manifest, audio).ref, identity()
    for key in keys(server):
        if not key.endswith("/id"):
            server.client.delete_object(Bucket="stores", Key=key)
    with pytest.raises(StoreError, match=r"clips are gone from the store at s3://stores/first/.*: run featurize again"):
        open_store(ref)
    assert identity() != before  # so that a cached featurize is not taken for this one
    assert build_store(manifest, audio).ref == ref
    move()
    assert np.isfinite(open_store(ref).waveform(0)).all()


def test_every_machine_sees_one_identity(server: Server, move) -> None:
    first = identity()
    move()
    assert identity() == first


def test_embeddings_are_shared(server: Server, manifest: Manifest, audio: AudioConfig, move) -> None:
    ref = build_store(manifest, audio).ref
    rows = {manifest.frame["sha256"][0]: np.ones((2, 3), np.float32)}
    open_store(ref).embeddings("k" * 64).add(rows)
    move()
    found = open_store(ref).embeddings("k" * 64).read(list(rows))
    assert {key: value.tolist() for key, value in found.items()} == {key: value.tolist() for key, value in rows.items()}


def test_garbage_of_others_is_left(server: Server, manifest: Manifest, audio: AudioConfig) -> None:
    ref = build_store(manifest, audio).ref
    with pytest.raises(StoreError, match="garbage of the store at s3://stores/first is not collected from here"):
        collect_garbage()
    shutil.rmtree(store_root())  # what was fetched may go
    assert len(open_store(ref)) == len(manifest)
