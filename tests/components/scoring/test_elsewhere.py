"""The same batch with its clips and scores on S3, and over a Dask cluster whose workers are killed."""

import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from components.audio import load_with_header
from components.errors import ClusterError, S3Error
from components.registry.predictions import Predictions
from components.s3 import Remote
from components.scoring import keep, lease, score
from components.scoring.model import Model
from components.tagger import Tagger
from components.work_config import PredictionConfig
from tests.components.scoring.conftest import CLIPS
from tests.components.scoring.test_resume import check_whole, parts_in
from tests.components.scoring.test_score import TOLERANCE, expected, of, scores_in
from tests.fixtures.buckets import Server, s3_environment
from tests.fixtures.dask_cluster import dask_cluster, threads_cluster
from tests.fixtures.manifests import noisy_clips
from tests.fixtures.running import until
from tests.fixtures.scoring import scoring
from tests.fixtures.sounds import encoded, sine


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with threads_cluster() as found:
        yield found


@pytest.fixture
def bucket(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with the clips."""
    with s3_environment(monkeypatch, tmp_path / "mirror", "clips", "scores") as server:
        for path in data.glob("*.wav"):
            server.put(f"some/{path.name}", path.read_bytes())
        yield server


def fetched(server: Server, folder: Path) -> Path:
    """What lies in the bucket of scores, in a folder."""
    for item in server.client.list_objects_v2(Bucket="scores").get("Contents", ()):
        path = folder / item["Key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(server.client.get_object(Bucket="scores", Key=item["Key"])["Body"].read())
    return folder


def test_from_s3_into_s3(
    wanted: PredictionConfig, data: Path, tagger: Tagger, log: Predictions, bucket: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = wanted.model_copy(update={"data": ("s3://clips/some",), "out": "s3://scores/all"})
    done = score(far)
    assert (done.scored, done.bad, done.out) == (CLIPS, 0, "s3://scores/all")
    table: pd.DataFrame = scores_in(fetched(bucket, tmp_path / "fetched") / "all")
    assert abs(of(table, tagger) - expected(tagger, data)).max() <= TOLERANCE
    assert table["path"].tolist() == [f"s3://clips/some/{path.name}" for path in sorted(data.glob("*.wav"))]
    assert log.count() == CLIPS
    monkeypatch.setenv("TIMBRE_MIRROR", str(tmp_path / "another"))  # another machine goes on
    bucket.put("some/new.wav", encoded(sine(440, 1.5, 22050), 22050))
    again = score(far)
    assert (again.scored, again.before) == (1, CLIPS)
    assert log.count() == CLIPS + 1


def test_s3_is_asked_for_nothing_twice(wanted: PredictionConfig, log: Predictions, bucket: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question is a way there and back, which a short batch would feel."""
    asked = Counter[str]()
    real = Remote._ask

    def counting(self: Remote, method: str, *given: Any, **more: Any) -> Any:
        asked[method] += 1
        return real(self, method, *given, **more)

    monkeypatch.setattr(lease, "BEAT_S", 3600.0)
    monkeypatch.setattr(keep, "PART_S", 3600.0)
    monkeypatch.setattr(Remote, "_ask", counting)
    assert score(wanted.model_copy(update={"data": ("s3://clips/some",), "out": "s3://scores/all"})).scored == CLIPS
    lists = ["the place", "scores", "files", "batches", "the data set", "files at the end"]
    writes = ["lease", "note", "scores", "files", "note at the end"]
    assert asked == {"list_objects_v2": len(lists), "head_object": 2, "put_object": len(writes), "delete_object": 1}


def test_notes_of_earlier_batches_are_fetched_once(
    wanted: PredictionConfig, log: Predictions, bucket: Server, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far, fetched = wanted.model_copy(update={"out": "s3://scores/all"}), list[str]()
    real = Remote.fetch

    def noting(self: Remote, name: str, path: Path) -> Path:
        fetched.append(name)
        return real(self, name, path)

    for _ in range(3):
        (data / "none.wav").write_bytes(b"no audio")
        score(far)
    monkeypatch.setattr(Remote, "fetch", noting)
    score(far)
    assert fetched == []
    monkeypatch.setenv("TIMBRE_MIRROR", str(data.parent / "another"))
    score(far)
    assert sum(name.startswith("batches/") for name in fetched) == 3


def test_a_bucket_that_goes_away_is_no_bad_clip(
    wanted: PredictionConfig, log: Predictions, bucket: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise S3Error("S3 gives no answer")

    monkeypatch.setattr("components.audio.ahead.near", away)
    with pytest.raises(S3Error, match="no answer"):
        score(wanted.model_copy(update={"data": ("s3://clips/some",)}))
    assert log.count() == 0


def test_a_bucket_that_forbids_reading_is_told_as_new_once(
    wanted: PredictionConfig, log: Predictions, bucket: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise S3Error("S3 does not let these credentials at it", "denied")

    far = wanted.model_copy(update={"data": ("s3://clips/some",)})
    assert score(far).newly_bad == 0
    for name in ("a", "b"):
        bucket.put(f"some/{name}.wav", encoded(sine(440, 1.5, 22050), 22050))
    monkeypatch.setattr("components.audio.ahead.near", denied)
    first, again = score(far), score(far)
    assert (first.scored, first.same, first.before, first.bad, first.newly_bad) == (0, 0, CLIPS, 2, 2)
    assert (again.before, again.bad, again.newly_bad) == (CLIPS, 2, 0)


@pytest.mark.slow
def test_over_a_cluster(wanted: PredictionConfig, data: Path, tagger: Tagger, log: Predictions, address: str) -> None:
    (data / "broken.wav").write_bytes(b"no audio")
    shutil.copy(data / "clip0000.wav", data / "a copy.wav")
    done = score(wanted, address)
    assert (done.scored, done.same, done.bad) == (CLIPS, 1, 1)
    assert done.first_bad[0].reason.startswith("is no audio that can be read")
    (data / "broken.wav").unlink()
    (data / "a copy.wav").unlink()
    table = scores_in(wanted.out)
    assert abs(of(table, tagger) - expected(tagger, data)).max() <= TOLERANCE
    assert score(wanted, "tcp://127.0.0.1:9").before == CLIPS  # nobody is asked when nothing is to do
    assert log.count() == CLIPS


def test_a_model_that_a_worker_does_not_see(tmp_path: Path) -> None:
    model = Model("d" * 64, "small@dddddddd", str(tmp_path / "nowhere"))
    with pytest.raises(ClusterError, match=r"this machine does not see the tagger at .*nowhere: let all workers mount it"):
        model.open()


def test_each_file_is_read_once(wanted: PredictionConfig, log: Predictions, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(source: str, *arguments: object) -> object:
        read.append(source)
        return load_with_header(source, *arguments)

    monkeypatch.setattr("components.scoring.hear.load_with_header", counted)
    score(wanted)
    assert len(read) == len(set(read)) == CLIPS


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_no_clip(
    wanted: PredictionConfig, data: Path, tagger: Tagger, log: Predictions, tmp_path: Path
) -> None:
    noisy_clips(data, 400, duration_s=3.0, sample_rate=22050)
    with dask_cluster(tmp_path / "cluster") as cluster:
        with scoring(wanted, cluster.address) as process:
            until(lambda: parts_in(wanted) >= 2, 200)
            cluster.workers[0].send_signal(signal.SIGKILL)
            assert process.poll() is None
            assert process.wait(500) == 0
            assert process.stdout.read().split() == ["0", "400"]
        assert score(wanted, cluster.address).scored == 0
    check_whole(wanted, data, tagger, log)
