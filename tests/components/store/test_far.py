"""Featurize over a Dask cluster gives the store that this machine gives, whatever happens to the workers."""

import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from components.config import AudioConfig
from components.datasets import Manifest
from components.errors import ClusterError
from components.store import StoreRef, build_store, far, identity, open_store
from components.store.folder import Folder
from components.store.shards import read_indexes
from tests.fixtures.buckets import s3_environment
from tests.fixtures.dask_cluster import DaskCluster, dask_cluster, started, threads_cluster
from tests.fixtures.manifests import manifest_of, noisy_clips
from tests.fixtures.progress import CountedProgress
from tests.fixtures.running import until


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with threads_cluster() as found:
        yield found


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clips of a second, and some more at the start."""
    monkeypatch.setattr(far, "LEAST_BYTES", 100_000)


def stored(root: Path, ref: StoreRef) -> Counter[str]:
    """How often each content lies in the shards."""
    return Counter(sha256 for index in read_indexes(Folder(root / ref.uri)) for sha256 in index.sha256)


def test_the_store_is_the_same_bit_for_bit(manifest: Manifest, audio: AudioConfig, address: str, tmp_path: Path) -> None:
    here = build_store(manifest, audio, tmp_path / "here")
    built = build_store(manifest, audio, tmp_path / "far", dask_address=address)
    assert (built.ref, built.decoded, built.reused, built.bad) == (here.ref, 24, 0, [])
    ours, theirs = open_store(here.ref, tmp_path / "here"), open_store(built.ref, tmp_path / "far")
    for place in range(len(manifest)):
        assert (ours.clip(place).samples == theirs.clip(place).samples).all()
        assert ours.clip(place).scale == theirs.clip(place).scale
    assert set(stored(tmp_path / "far", built.ref).values()) == {1}


def test_only_what_is_missing_is_decoded(manifest: Manifest, audio: AudioConfig, address: str, root: Path) -> None:
    build_store(manifest.of("test"), audio, root)
    built = build_store(manifest, audio, root, dask_address=address)
    assert (built.decoded, built.reused) == (18, 6)
    again = build_store(manifest, audio, root, dask_address="tcp://127.0.0.1:9")  # nobody is asked when nothing is to do
    assert (again.ref, again.decoded) == (built.ref, 0)
    assert set(stored(root, built.ref).values()) == {1}


def test_bad_clips_are_those_of_this_machine(clips: list[Path], audio: AudioConfig, address: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    paths = [Path(shutil.copy(path, data)) for path in clips[:6]]
    listed = manifest_of(paths)
    paths[1].write_bytes(paths[0].read_bytes())
    paths[2].write_bytes(b"no audio")
    paths[4].unlink()
    here = build_store(listed, audio, tmp_path / "here")
    built = build_store(listed, audio, tmp_path / "far", dask_address=address)
    assert built.bad == here.bad
    assert len(built.bad) == 3
    assert built.ref == here.ref


def test_progress_passes_each_clip(manifest: Manifest, audio: AudioConfig, address: str, root: Path) -> None:
    progress = CountedProgress()
    build_store(manifest, audio, root, progress=progress, dask_address=address)
    assert progress.seen == [("featurize", 24, 24)]


def test_paths_are_read_from_where_the_run_is(
    clips: list[Path], audio: AudioConfig, address: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clips[0].parent)
    listed = manifest_of([Path(path.name) for path in clips[:4]])
    assert build_store(listed, audio, root, dask_address=address).decoded == 4


@pytest.mark.slow
def test_a_bucket_is_filled_from_the_workers(
    manifest: Manifest, audio: AudioConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_environment(monkeypatch, tmp_path / "mirror", "stores"):
        monkeypatch.setenv("TIMBRE_STORE", "s3://stores/far")
        with threads_cluster(TIMBRE_MIRROR=str(tmp_path / "theirs")) as address:
            built = build_store(manifest, audio, dask_address=address)
        assert (built.decoded, built.bad) == (24, [])
        assert built.ref == build_store(manifest, audio, tmp_path / "here").ref
        waveform = open_store(built.ref).waveform(5)
        assert (waveform == open_store(built.ref, tmp_path / "here").waveform(5)).all()


def test_a_worker_that_sees_another_store_is_told_from_one_that_sees_this(root: Path, audio: AudioConfig) -> None:
    folder = Folder.of(audio, root)
    place = far._Place(str(root), folder.path.name, identity(root))
    assert place.folder() == folder
    for other in (far._Place(str(root / "nowhere"), folder.path.name, place.identity), far._Place(str(root), folder.path.name, "another")):
        with pytest.raises(ClusterError, match=r"this machine does not see the store at .*: let all workers mount it at this path, or set"):
            other.folder()


def test_a_worker_with_another_decoder(root: Path, audio: AudioConfig) -> None:
    place = far._Place(str(root), Folder.of(audio, root).path.name, identity(root))
    with pytest.raises(ClusterError, match="install the same packages in both"):
        far._decode_piece([], audio=audio, place=place, decoder="timbre 0")


def test_a_piece_whose_answer_was_lost_is_not_decoded_twice(
    manifest: Manifest, root: Path, audio: AudioConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = far._Place(str(root), Folder.of(audio, root).path.name, identity(root))
    piece = [far.Job(path, sha256, 1) for path, sha256 in zip(manifest.frame["path"][:3], manifest.frame["sha256"][:3], strict=True)]
    work = partial(far._decode_piece, audio=audio, place=place, decoder=far.DECODER_VERSION)
    assert work(piece) == far._Done({}, [])
    monkeypatch.setattr(far, "decode", None)
    assert work(piece) == far._Done({}, [])


def test_a_damaged_piece_is_decoded_again(manifest: Manifest, root: Path, audio: AudioConfig) -> None:
    folder = Folder.of(audio, root)
    place = far._Place(str(root), folder.path.name, identity(root))
    piece = [far.Job(path, sha256, 1) for path, sha256 in zip(manifest.frame["path"][:3], manifest.frame["sha256"][:3], strict=True)]
    work = partial(far._decode_piece, audio=audio, place=place, decoder=far.DECODER_VERSION)
    work(piece)
    (samples,) = folder.shards.glob("*.npy")
    samples.write_bytes(samples.read_bytes()[:-2])
    assert list(read_indexes(folder)) == []
    assert work(piece) == far._Done({}, [])
    assert [index.sha256 for index in read_indexes(folder)] == [[job.sha256 for job in piece]]


BUILD = """
import os, signal, sys
from pathlib import Path
from components.config import AudioConfig
from components.datasets import Manifest
from components.store import build_store, far
far.LEAST_BYTES = 400_000
most = int(sys.argv[4])

def progress(clips, *_):
    for done, clip in enumerate(clips):
        if done == most:
            os.kill(os.getpid(), signal.SIGKILL)
        yield clip

build_store(Manifest.read(sys.argv[1]), AudioConfig(), Path(sys.argv[2]), dask_address=sys.argv[3], progress=progress)
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Five seconds of decoding."""
    return manifest_of(noisy_clips(tmp_path_factory.mktemp("many"), 400, duration_s=6.0))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path / "cluster") as found:
        yield found


def shards_in(root: Path) -> int:
    return len(list(root.glob("clips/*/shards/[!.]*.parquet")))


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_no_clip(many: Manifest, audio: AudioConfig, cluster: DaskCluster, tmp_path: Path) -> None:
    root = tmp_path / "far"
    path = many.write(tmp_path / "manifest.parquet")
    with started(BUILD, str(path), str(root), cluster.address, "400") as process:
        until(lambda: shards_in(root) >= 2, 200)
        assert process.poll() is None
        cluster.workers[0].send_signal(signal.SIGKILL)
        assert process.wait(500) == 0
    again = build_store(many, audio, root)
    assert (again.decoded, again.bad) == (0, [])
    assert again.ref == build_store(many, audio, tmp_path / "here").ref
    assert Counter(stored(root, again.ref).values()) == {1: 400}


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on(many: Manifest, audio: AudioConfig, cluster: DaskCluster, tmp_path: Path) -> None:
    root = tmp_path / "far"
    path = many.write(tmp_path / "manifest.parquet")
    with started(BUILD, str(path), str(root), cluster.address, "100") as process:  # a fifth has gone to no worker by then
        assert process.wait(500) == -signal.SIGKILL
    cluster.add()
    built = build_store(many, audio, root, dask_address=cluster.address)
    assert 0 < built.decoded <= 300
    assert (built.decoded + built.reused, built.bad) == (400, [])
    assert built.ref == build_store(many, audio, tmp_path / "here").ref
