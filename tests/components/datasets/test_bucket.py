"""Data sets on a real S3 server give the manifest that the same files give on disk."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread, current_thread

import pytest

from components.audio import load
from components.config import AudioConfig, DataConfig
from components.datasets import Gathered, build_manifest, inference, read_dataset, resolve_labels
from components.datasets.files import Found
from components.errors import DataError
from components.labels import IRMAS, OPENMIC
from components.places import mirror, stand_ins
from components.s3 import Remote
from components.s3.remote import Object
from components.store import build_store, open_store
from tests.components.datasets.test_gather import songs
from tests.fixtures.buckets import Server, s3_environment

AB = ("cel", "voi")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    with s3_environment(monkeypatch, tmp_path / "mirror", "clips") as found:
        yield found


def upload(server: Server, folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            server.put(path.relative_to(folder.parent).as_posix(), path.read_bytes())


def gather(*train: str, labels: str | tuple[str, ...] = AB) -> Gathered:
    return build_manifest(DataConfig(train=train), labels, AudioConfig())


def test_irmas(server: Server, tone, tmp_path: Path) -> None:
    songs(tone, "irmas")
    upload(server, tmp_path / "irmas")
    here, there = gather(f"irmastrain:{tmp_path}/irmas"), gather("irmastrain:s3://clips/irmas/")
    assert there.manifest.digest == here.manifest.digest
    assert there.manifest.frame["path"].iloc[0] == "s3://clips/irmas/cel/[cel][nod][cla]0000__1.wav"
    assert not there.bad


def test_irmas_test_with_its_label_files(server: Server, tone, tmp_path: Path) -> None:
    for number in (1, 2):
        path = tone(f"songs/(0{number}) song-{number}.wav")
        path.with_suffix(".txt").write_text("cel\t\nvoi\t\n")
    upload(server, tmp_path / "songs")
    [dataset] = read_dataset("irmastest:s3://clips/songs", IRMAS)
    assert [clip.labels for clip in dataset.clips] == [frozenset({"cel", "voi"})] * 2


def test_a_csv_and_what_it_names(server: Server, tone, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        tone(f"own/audio/{name}.wav", duration_s=0.2)
    rows = [
        "file,cel,voi,split",
        "audio/a.wav,1,0,train",
        "audio/b.wav,0,1,val",
        "s3://clips/own/audio/c.wav,1,1,test",
        "audio/no.wav,1,0,test",
    ]
    (tmp_path / "own" / "labels.csv").write_text("\n".join(rows))
    upload(server, tmp_path / "own")
    gathered = gather("csv:s3://clips/own/labels.csv", labels="CSV")
    assert sorted(gathered.manifest.frame["path"]) == [f"s3://clips/own/audio/{name}.wav" for name in "abc"]
    assert [(clip.path, clip.reason) for clip in gathered.bad] == [
        ("s3://clips/own/audio/no.wav", "is not there (named in s3://clips/own/labels.csv, line 5)")
    ]


def test_a_changed_list_is_read_anew(server: Server, tone, tmp_path: Path) -> None:
    tone("own/a.wav", duration_s=0.2)
    tone("own/b.wav", duration_s=0.2)
    upload(server, tmp_path / "own")
    server.put("own/labels.csv", b"file,cel\na.wav,1\n")
    assert len(read_dataset("csv:s3://clips/own/labels.csv", IRMAS)[0].clips) == 1
    server.put("own/labels.csv", b"file,cel\nb.wav,1\n")
    server.client.delete_object(Bucket="clips", Key="own/a.wav")
    [dataset] = read_dataset("csv:s3://clips/own/labels.csv", IRMAS)
    assert [clip.name for clip in dataset.clips] == ["b.wav"]
    assert [clip.name for clip in read_dataset("s3://clips/own/", IRMAS)[0].clips] == ["b.wav"]


def test_globs_and_single_files(server: Server, tone, tmp_path: Path) -> None:
    for name in ("x1", "x2", "y1"):
        tone(f"some/{name}.wav", duration_s=0.2)
    upload(server, tmp_path / "some")
    assert [clip.name for clip in read_dataset("inference:s3://clips/some/x*.wav", IRMAS)[0].clips] == ["x1.wav", "x2.wav"]
    assert [clip.name for clip in read_dataset("inference:s3://clips/some/y1.wav", IRMAS)[0].clips] == ["y1.wav"]


def test_audio_is_read_from_s3_and_takes_no_room_here(server: Server, tone, tmp_path: Path) -> None:
    path = tone("some/x.wav", duration_s=2)
    upload(server, tmp_path / "some")
    [clip] = read_dataset("s3://clips/some", IRMAS)[0].clips
    assert clip.path.stat().st_blocks == 0
    assert (load(clip.path, 16_000).samples == load(path, 16_000).samples).all()
    assert (load("s3://clips/some/x.wav", 16_000).samples == load(path, 16_000).samples).all()


def test_what_is_not_there_or_broken(server: Server, tone, tmp_path: Path) -> None:
    tone("some/good.wav", duration_s=0.2)
    upload(server, tmp_path / "some")
    server.put("some/bad.wav", b"no audio")
    server.put("some/../up.wav", b"leads out")
    server.put("some//twice.wav", b"no name")
    server.put("some//", b"")
    gathered = build_manifest(DataConfig(test=("s3://clips/some",)), AB, AudioConfig())
    assert [(clip.path, clip.reason.split(" (")[0]) for clip in gathered.bad] == [
        ("s3://clips/some/../up.wav", "has a name that no folder here can hold: rename it"),
        ("s3://clips/some//twice.wav", "has a name that no folder here can hold: rename it"),
        ("s3://clips/some/bad.wav", "is no audio that can be read"),
    ]
    assert len(gathered.manifest) == 1
    with pytest.raises(DataError, match="s3://clips/none is not there: check bucket and key"):
        read_dataset("s3://clips/none", IRMAS)
    with pytest.raises(DataError, match=r"s3://clips/some/\*\.flac is not there: check bucket and key"):
        read_dataset("s3://clips/some/*.flac", IRMAS)


def test_an_object_with_the_name_that_a_folder_had(server: Server) -> None:
    server.put("some/a.wav/b.wav", b"1")
    assert [clip.name for clip in read_dataset("s3://clips/some", IRMAS)[0].clips] == ["a.wav/b.wav"]
    server.client.delete_object(Bucket="clips", Key="some/a.wav/b.wav")
    server.put("some/a.wav", b"1")
    assert [clip.name for clip in read_dataset("s3://clips/some", IRMAS)[0].clips] == ["a.wav"]


def test_an_object_that_is_too_large_is_bad_and_not_fetched(server: Server, tone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tone("some/a.wav", duration_s=0.3)
    upload(server, tmp_path / "some")
    server.put("some/b.wav", bytes(2**17))
    monkeypatch.setattr("components.audio.source.MOST_BYTES", 2**16)
    gathered = build_manifest(DataConfig(test=("s3://clips/some",)), AB, AudioConfig())
    assert [(clip.path, clip.reason) for clip in gathered.bad] == [
        ("s3://clips/some/b.wav", "has 0.1 MiB, more than the 0.1 MiB that may be read")
    ]


def test_a_clip_that_goes_meanwhile_is_bad(server: Server, tone, tmp_path: Path) -> None:
    tone("some/a.wav", duration_s=0.3)
    tone("some/b.wav", duration_s=0.5)
    upload(server, tmp_path / "some")
    gathered = build_manifest(DataConfig(test=("s3://clips/some",)), AB, AudioConfig())
    server.client.delete_object(Bucket="clips", Key="some/a.wav")
    built = build_store(gathered.manifest, AudioConfig(), tmp_path / "store")
    assert [(clip.path, clip.reason) for clip in built.bad] == [("s3://clips/some/a.wav", "is not on S3: check bucket and key")]
    assert len(open_store(built.ref, tmp_path / "store")) == 1


def test_what_no_reader_reads_is_not_fetched_and_what_is_kept_there_stays(server: Server, tone, tmp_path: Path) -> None:
    """A bucket may hold the data and the store."""
    tone("some/x.wav", duration_s=0.2)
    upload(server, tmp_path / "some")
    server.put("some/large.parquet", bytes(2**20))
    server.put("some/x", b"a name that is a folder too")
    server.put("some/x/y.wav", b"below it")
    draft = mirror("s3://clips/some/store") / ".draft"
    draft.parent.mkdir(parents=True)
    draft.write_bytes(b"of somebody at work")
    assert [clip.name for clip in read_dataset("s3://clips/some", IRMAS)[0].clips] == ["x.wav", "x/y.wav"]
    assert stand_ins("s3://clips/some/large.parquet").stat().st_blocks == 0
    assert draft.exists()


def test_the_service_is_given_nothing_of_s3(server: Server) -> None:
    with pytest.raises(DataError, match="lies on S3, where no data set is read from here"):
        read_dataset("inference:s3://clips/some", IRMAS, may_read=lambda path: True)


def test_openmic(server: Server, tone, tmp_path: Path) -> None:
    root = tmp_path / "openmic"
    tone("openmic/audio/000/000046_3840.ogg", duration_s=0.3)
    (root / "class-map.json").write_text(json.dumps({code: number for number, code in enumerate(OPENMIC.codes)}))
    (root / "openmic-2018-aggregated-labels.csv").write_text("sample_key,instrument,relevance,num_responses\n000046_3840,flute,0.9,3\n")
    (root / "partitions").mkdir()
    (root / "partitions" / "split01_train.csv").write_text("000046_3840\n")
    (root / "partitions" / "split01_test.csv").write_text("")
    upload(server, root)
    shutil.rmtree(root)
    [dataset] = read_dataset("openmic:s3://clips/openmic", OPENMIC)
    assert [clip.labels for clip in dataset.clips] == [frozenset({"flute"})]


def test_who_listed_before_takes_nothing_from_who_listed_after(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process lists, an object comes, another process lists and makes its stand-in, and the first one knows nothing of it."""
    server.put("some/old.wav", b"1")
    listed, made, real = Event(), Event(), (Remote.objects, inference.find_files)
    found: dict[str, list[str]] = {}

    def objects(place: Remote, under: str = "") -> dict[str, Object]:
        there = real[0](place, under)
        if current_thread() is first:
            listed.set()
            made.wait(1)
        return there

    def find_files(where: str) -> Found:
        if current_thread() is second:
            made.set()
            first.join()
        return real[1](where)

    def read() -> None:
        found[current_thread().name] = [clip.name for clip in read_dataset("s3://clips/some", IRMAS)[0].clips]

    monkeypatch.setattr(Remote, "objects", objects)
    monkeypatch.setattr(inference, "find_files", find_files)
    first, second = Thread(target=read, name="first"), Thread(target=read, name="second")
    first.start()
    listed.wait()
    server.put("some/new.wav", b"2")
    second.start()
    second.join()
    assert found == {"first": ["old.wav"], "second": ["new.wav", "old.wav"]}


def test_who_goes_first_may_have_removed_what_goes(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system without locks."""

    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    def walk(top: Path, **more: object) -> list[tuple[str, list[str], list[str]]]:
        there = list(real(top, **more))
        (top / "gone.wav").unlink()
        return there

    server.put("some/here.wav", b"1")
    server.put("some/gone.wav", b"1")
    read_dataset("s3://clips/some", IRMAS)
    server.client.delete_object(Bucket="clips", Key="some/gone.wav")
    real = os.walk
    monkeypatch.setattr("components.locks.fcntl.flock", refuse)
    monkeypatch.setattr("components.datasets.bucket.os.walk", walk)
    assert [clip.name for clip in read_dataset("s3://clips/some", IRMAS)[0].clips] == ["here.wav"]


def test_labels_of_two_csvs_of_a_bucket(server: Server, tone, tmp_path: Path) -> None:
    tone("own/a.wav", duration_s=0.2)
    upload(server, tmp_path / "own")
    server.put("own/one.csv", b"file,cel\na.wav,1\n")
    server.put("own/two.csv", b"file,voi\na.wav,1\n")
    data = DataConfig(train=("csv:s3://clips/own/one.csv",), test=("csv:s3://clips/own/two.csv",))
    assert resolve_labels(data, "CSV").codes == ("cel", "voi")


def test_stand_ins_keep_the_time_of_the_object(server: Server, tone, tmp_path: Path) -> None:
    tone("some/x.wav", duration_s=0.2)
    upload(server, tmp_path / "some")
    [clip] = read_dataset("s3://clips/some", IRMAS)[0].clips
    before = clip.path.stat()
    read_dataset("s3://clips/some", IRMAS)
    assert clip.path.stat().st_ino == before.st_ino
    assert before.st_size == Remote.of("s3://clips/some").sizes()["x.wav"]
