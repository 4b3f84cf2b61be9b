import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.audio import Clip16, load
from components.config import AudioConfig
from components.datasets import Manifest
from components.errors import StoreError
from components.store import StoreRef, build, build_store, open_store
from components.store import shards as shards_module
from tests.fixtures.manifests import manifest_of
from tests.fixtures.progress import CountedProgress
from tests.fixtures.sounds import encoded, noise, silent_flac, sine, write


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were decoded."""
    names: list[str] = []

    def counted(source: Any, *arguments: Any) -> Clip16:
        names.append(Path(source).name)
        return load(source, *arguments)

    monkeypatch.setattr(build, "load", counted)
    return names


def copies(clips: Iterable[Path], folder: Path) -> list[Path]:
    folder.mkdir(parents=True)
    return [Path(shutil.copy(path, folder / path.name)) for path in clips]


def test_a_clip_is_never_decoded_twice(manifest: Manifest, root: Path, audio: AudioConfig, decodes: list[str]) -> None:
    first = build_store(manifest, audio, root)
    assert (first.decoded, first.reused, first.bad) == (24, 0, [])
    assert len(decodes) == 24
    second = build_store(manifest, audio, root)
    assert (second.decoded, second.reused) == (0, 24)
    assert second.ref == first.ref
    assert len(decodes) == 24
    subset = build_store(manifest.of("test"), audio, root)
    assert (subset.decoded, subset.reused) == (0, 6)
    assert subset.ref.digest != first.ref.digest


def test_one_changed_clip_is_one_decode(
    clips: list[Path], manifest: Manifest, root: Path, audio: AudioConfig, decodes: list[str], tmp_path: Path
) -> None:
    before = build_store(manifest, audio, root)
    decodes.clear()
    paths = copies(clips, tmp_path / "data")
    write(paths[7], sine(440, 1, 44100), 44100)
    after = build_store(manifest_of(paths), audio, root)
    assert decodes == [clips[7].name]
    assert (after.decoded, after.reused) == (1, 23)
    assert after.ref.digest != before.ref.digest
    assert open_store(after.ref, root).waveform(7)[11025] == pytest.approx(load(paths[7], 22050).waveform[11025])
    assert open_store(before.ref, root).num_samples[7] == 22205  # 1.007 s, rounded up


def test_the_digest_follows_from_content_and_settings_alone(
    clips: list[Path], manifest: Manifest, root: Path, audio: AudioConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = build_store(manifest, audio, root).ref
    monkeypatch.setattr(shards_module, "SHARD_BYTES", 1)
    moved = manifest_of(copies(clips, tmp_path / "moved" / "data"))
    assert build_store(moved, audio, tmp_path / "elsewhere", workers=5).ref == wanted
    for other in (AudioConfig(sample_rate=16000), AudioConfig(max_duration_s=60)):
        ref = build_store(manifest, other, root).ref
        assert ref.digest != wanted.digest
        assert ref.uri != wanted.uri
    relabelled = manifest.frame.assign(labels=[["pia"]] * len(manifest))
    assert build_store(Manifest(relabelled, manifest.label_set), audio, root).ref.digest != wanted.digest


def test_equal_files_are_decoded_once(root: Path, audio: AudioConfig, decodes: list[str], tmp_path: Path) -> None:
    paths = [write(tmp_path / name, sine(440, 0.5, 8000), 8000) for name in ("a.wav", "b.wav", "c.wav")]
    built = build_store(manifest_of(paths), audio, root)
    assert (built.decoded, built.reused, len(decodes)) == (1, 2, 1)
    assert open_store(built.ref, root).num_samples.tolist() == [11025] * 3


def test_bad_clips_are_left_out_with_a_reason(clips: list[Path], root: Path, audio: AudioConfig, tmp_path: Path) -> None:
    paths = copies(clips[:6], tmp_path / "data")
    paths[1].write_bytes(encoded(noise(2, 44100), 44100, "FLAC"))
    everything = manifest_of([*paths[:2], *paths[3:]])
    paths[1].write_bytes(paths[1].read_bytes()[:30_000])
    paths[3].write_bytes(paths[0].read_bytes())
    paths[4].unlink()
    built = build_store(everything, audio, root)
    assert [(Path(bad.path).name, bad.reason) for bad in built.bad] == [
        ("clip0001.wav", built.bad[0].reason),
        ("clip0003.wav", "has changed since it was listed: run validate again"),
        ("clip0004.wav", f"cannot read {paths[4]}: No such file or directory"),
    ]
    assert "breaks off after" in built.bad[0].reason
    assert (built.decoded, built.reused) == (2, 0)
    store = open_store(built.ref, root)
    assert store.manifest.frame["clip_id"].tolist() == ["data/clip0000.wav", "data/clip0005.wav"]
    healthy = Manifest(everything.frame.iloc[[0, 4]].reset_index(drop=True), everything.label_set)
    assert build_store(healthy, audio, root).ref == built.ref


def test_a_clip_that_passes_a_limit_only_while_decoding_is_bad(root: Path, audio: AudioConfig, tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    path.write_bytes(silent_flac(500, announce=False))
    listed = manifest_of([path])
    built = build_store(listed, AudioConfig(max_duration_s=100), root)
    assert "100 s are allowed" in built.bad[0].reason
    assert len(open_store(built.ref, root)) == 0


def test_a_fifo_put_in_a_clips_place_does_not_block(clips: list[Path], root: Path, audio: AudioConfig, tmp_path: Path) -> None:
    paths = copies(clips[:2], tmp_path / "data")
    listed = manifest_of(paths)
    paths[0].unlink()
    os.mkfifo(paths[0])
    built = build_store(listed, audio, root)
    assert built.bad[0].reason.startswith("is no regular file")


def test_progress_passes_each_job(manifest: Manifest, root: Path, audio: AudioConfig) -> None:
    progress = CountedProgress()
    build_store(manifest, audio, root, progress=progress)
    assert progress.seen == [("featurize", 24, 24)]


def test_an_interrupt_keeps_what_is_decoded(manifest: Manifest, root: Path, audio: AudioConfig, decodes: list[str]) -> None:
    def interrupted(items: Iterable[Any], what: str, total: int) -> Iterator[Any]:
        for count, item in enumerate(items):
            if count == 10:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        build_store(manifest, audio, root, progress=interrupted)
    decodes.clear()
    built = build_store(manifest, audio, root)
    assert (built.decoded, built.reused) == (14, 10)


@pytest.mark.parametrize("damage", ["cut samples", "cut index", "no samples"])
def test_a_damaged_shard_is_decoded_again(
    damage: str, manifest: Manifest, root: Path, audio: AudioConfig, caplog: pytest.LogCaptureFixture
) -> None:
    ref = build_store(manifest, audio, root).ref
    index = sorted((root / ref.uri / "shards").glob("*.parquet"))[0]
    samples = index.with_suffix(".npy")
    harm: dict[str, Callable[[], Any]] = {
        "cut samples": lambda: samples.write_bytes(samples.read_bytes()[:-2]),
        "cut index": lambda: index.write_bytes(index.read_bytes()[:-20]),
        "no samples": samples.unlink,
    }
    harm[damage]()
    with pytest.raises(StoreError, match=r"of 24 clips are gone from the store .* run featurize again"):
        open_store(ref, root)
    again = build_store(manifest, audio, root)
    assert 0 < again.decoded < 24
    assert again.ref == ref
    assert "is passed over" in caplog.text
    assert (open_store(ref, root).waveform(0) == load(manifest.frame["path"][0], 22050).waveform).all()


def test_what_is_not_there_is_said_in_a_sentence(root: Path, manifest: Manifest, audio: AudioConfig, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="has no view abababab: run featurize"):
        open_store(StoreRef(uri="clips/22050hz-0", digest="ab" * 32), root)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(StoreError, match=r"cannot write the store at .* \(Not a directory\): set TIMBRE_STORE"):
        build_store(manifest, audio, file / "store")


def test_the_root_is_where_the_environment_says(
    manifest: Manifest, root: Path, audio: AudioConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIMBRE_STORE", str(root))
    ref = build_store(manifest.of("test"), audio).ref
    assert (root / ref.uri / "views" / f"{ref.digest}.parquet").exists()
    assert len(open_store(ref)) == 6
