"""A CSV names files on S3: what was scored is known without being opened, and what was replaced is scored."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.datasets.clips import RawClip
from components.places import stand_ins
from components.registry.predictions import Predictions
from components.scoring import listing, score
from components.tagger import Tagger
from components.work_config import PredictionConfig
from tests.components.scoring.conftest import CLIPS
from tests.components.scoring.test_score import files_in
from tests.fixtures.buckets import Server, s3_environment
from tests.fixtures.sounds import encoded, sine


@pytest.fixture
def server(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with the clips."""
    with s3_environment(monkeypatch, tmp_path / "mirror", "clips") as found:
        for path in data.glob("*.wav"):
            found.put(f"some/{path.name}", path.read_bytes())
        yield found


@pytest.fixture
def named(wanted: PredictionConfig, data: Path, tmp_path: Path) -> PredictionConfig:
    """A CSV of the clips; the mirror lies below its folder."""
    rows = [f"s3://clips/some/{path.name}" for path in sorted(data.glob("*.wav"))]
    (tmp_path / "list.csv").write_text("\n".join(["file", *rows]))
    return wanted.model_copy(update={"data": (str(tmp_path / "list.csv"),)})


def test_a_second_run_opens_nothing(named: PredictionConfig, log: Predictions, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert score(named).scored == CLIPS
    monkeypatch.setattr("components.scoring.hear.load_with_header", None)
    again = score(named)
    assert (again.scored, again.same, again.before) == (0, 0, CLIPS)
    assert len(files_in(named.out)) == CLIPS
    assert not stand_ins("s3://clips").exists()


def test_a_clip_of_the_list_goes_when_its_file_has_come(
    named: PredictionConfig, tagger: Tagger, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def watching(*arguments: Any) -> Any:
            held.append(sum(type(one) is RawClip for one in gc.get_objects()))
            return real(*arguments)

        return watching

    monkeypatch.setattr(listing, "_look", watched(listing._look))
    monkeypatch.setattr(listing, "find", watched(listing.find))
    files, _ = listing.list_files(named.data, tagger.label_set)
    assert [Path(file.path).name for file in files] == [f"clip{place:04d}.wav" for place in range(CLIPS)]
    assert held == list(range(CLIPS, -1, -1))


def test_by_a_list_and_by_their_prefix_they_are_the_same_files(named: PredictionConfig, log: Predictions, server: Server) -> None:
    score(named)
    both = named.model_copy(update={"data": (*named.data, "s3://clips/some")})
    assert score(both).before == CLIPS
    assert score(named.model_copy(update={"data": tuple(reversed(both.data))})).before == CLIPS


def test_what_was_replaced_is_scored_whatever_stood_for_it(named: PredictionConfig, log: Predictions, server: Server) -> None:
    assert score(named.model_copy(update={"data": ("s3://clips/some",)})).scored == CLIPS
    assert stand_ins("s3://clips/some/clip0003.wav").exists()
    server.put("some/clip0003.wav", encoded(sine(880, 1.2, 22050), 22050))
    again = score(named)
    assert (again.scored, again.before) == (1, CLIPS - 1)
    assert score(named).before == CLIPS


def test_a_list_on_s3_beside_its_files(wanted: PredictionConfig, log: Predictions, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.put(
        "some/list.csv", b"file\nclip0001.wav\ns3://clips/some/clip0002.wav\ns3://clips/elsewhere/a.wav\ns3://clips/elsewhere/none.wav\n"
    )
    server.put("elsewhere/a.wav", encoded(sine(440, 1.2, 22050), 22050))
    far = wanted.model_copy(update={"data": ("s3://clips/some/list.csv",)})
    done = score(far)
    assert (done.scored, done.bad) == (3, 1)
    assert (done.first_bad[0].path, done.first_bad[0].reason) == ("s3://clips/elsewhere/none.wav", "is not on S3: check bucket and key")
    again = score(far)
    assert (again.scored, again.before, again.bad) == (0, 3, 1)
