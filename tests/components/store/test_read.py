import pickle
from pathlib import Path

import numpy as np
import pytest

from components.audio import cut, load
from components.config import AudioConfig
from components.datasets import Manifest
from components.errors import StoreError
from components.store import Store, build_store, open_store
from tests.fixtures.manifests import manifest_of
from tests.fixtures.sounds import silence, wav_bytes, write


@pytest.fixture
def store(manifest: Manifest, root: Path, audio: AudioConfig) -> Store:
    return open_store(build_store(manifest, audio, root).ref, root)


def test_a_stored_waveform_has_the_bits_of_load(store: Store) -> None:
    assert store.sample_rate == 22050
    assert store.num_samples.dtype == np.int64
    assert store.scales.dtype == np.float32
    assert len(store) == 24
    for place, path in enumerate(store.manifest.frame["path"]):
        clip = load(path, 22050)
        assert np.array_equal(store.clip(place).samples, clip.samples)
        assert store.clip(place).scale == store.scales[place] == clip.scale
        assert np.array_equal(store.waveform(place), clip.waveform)
        assert store.num_samples[place] == len(clip.samples)


def test_batches_are_windows_of_the_waveforms(store: Store) -> None:
    places, starts = np.array([3, 0, 23, 3, 5]), np.array([0, 100, 20_000, 22_000, 10**9])
    batch = store.batch(places, starts, 4096)
    assert batch.shape == (5, 4096)
    assert batch.dtype == np.float32
    for window, place, start in zip(batch, places, starts, strict=True):
        assert np.array_equal(window, cut(store.waveform(place), [start], 4096)[0])
    assert not batch[4].any()
    assert store.batch([], [], 16).shape == (0, 16)


def test_a_window_may_be_longer_than_its_clip(store: Store) -> None:
    window = store.batch([0], [0], 60_000)[0]
    assert np.array_equal(window[:22050], store.waveform(0))
    assert not window[22050:].any()


def test_a_window_cannot_start_before_its_clip(store: Store) -> None:
    with pytest.raises(ValueError, match="starts at sample -1"):
        store.batch([0, 1], [0, -1], 100)


def test_edges_silence_and_one_sample(root: Path, audio: AudioConfig, tmp_path: Path) -> None:
    paths = [write(tmp_path / "a_silent.wav", silence(0.1, 8000), 8000), tmp_path / "b_single.wav"]
    paths[1].write_bytes(wav_bytes(22050, 2, 1))
    store = open_store(build_store(manifest_of(paths), audio, root).ref, root)
    assert store.num_samples.tolist() == [2205, 1]
    assert not store.waveform(0).any()
    assert store.waveform(1)[0] == pytest.approx(2**-15)


def test_a_split_is_a_store_of_its_own(store: Store) -> None:
    test = store.of("test")
    assert len(test) == 6
    assert test.manifest.frame["split"].eq("test").all()
    assert np.array_equal(test.waveform(1), store.waveform(7))
    assert test.num_samples.tolist() == store.num_samples[3::4].tolist()
    assert np.array_equal(test.batch([0, 5], [0, 9], 50), store.batch([3, 23], [0, 9], 50))
    assert len(store.of("val")) == 0


def test_it_can_be_pickled_without_its_maps(store: Store) -> None:
    store.batch(range(24), [0] * 24, 10)
    packed = pickle.dumps(store)
    assert len(packed) < 30_000
    unpacked: Store = pickle.loads(packed)  # noqa: S301 - what a DataLoader does for its workers
    assert np.array_equal(unpacked.waveform(9), store.waveform(9))


def test_reading_leaves_the_store_untouched(store: Store) -> None:
    store.waveform(0)[:] = 0
    store.batch([0], [0], 100)[:] = 0
    assert store.waveform(0).any()


def test_a_shard_that_vanishes_is_said_in_a_sentence(store: Store, root: Path) -> None:
    for path in root.rglob("*.npy"):
        path.write_bytes(b"nonsense")
    with pytest.raises(StoreError, match=r"of the store at .* is damaged .*: run featurize again"):
        store.waveform(0)
    for path in root.rglob("*.npy"):
        path.unlink()
    with pytest.raises(StoreError, match="clips are gone from the store"):
        store.waveform(0)


def test_another_rate(manifest: Manifest, root: Path) -> None:
    store = open_store(build_store(manifest.of("test"), AudioConfig(sample_rate=8000), root).ref, root)
    assert store.sample_rate == 8000
    assert store.num_samples[0] == round(1.003 * 8000)
    assert np.abs(store.waveform(0)).max() == pytest.approx(np.abs(load(store.manifest.frame["path"][0], 8000).waveform).max())
