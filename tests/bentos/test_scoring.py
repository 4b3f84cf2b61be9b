"""Clips of many requests in shared batches."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from bentos.scoring import Batches, OpenTaggers
from components.audio import Clip16, from_array
from components.errors import TaggerError
from components.tagger import Tagger
from tests.fixtures.pitches import RATE, seal_pitches
from tests.fixtures.sounds import sine

PITCHES_HZ = (220, 440, 880, 1760)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seal_pitches(tmp_path_factory.mktemp("tagger") / "small", seed=0)


@pytest.fixture(scope="module")
def tagger(folder: Path) -> Tagger:
    return Tagger.open(folder)


@pytest.fixture
def batches(folder: Path, tagger: Tagger):
    taggers = OpenTaggers(lambda digest: folder if digest == tagger.digest else folder / digest, "cpu", 2**30)
    found = Batches(lambda digest, clips: list(taggers.get(digest).score_clips(clips, batch_size=4)))
    yield found
    found.close()


def clip(pitch_hz: float) -> Clip16:
    return from_array(sine(pitch_hz, 1.0, RATE), RATE, RATE)


def test_each_request_gets_the_scores_of_its_own_clips_also_where_one_between_them_left(batches: Batches, tagger: Tagger):
    async def ask() -> list[list[float] | None]:
        first = asyncio.create_task(batches.score(tagger.digest, [clip(100)]))  # at work while the others gather
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(batches.score(tagger.digest, [clip(pitch)] * 2)) for pitch in PITCHES_HZ]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await first
        waiting[1].cancel()  # scored already or about to be
        found = await asyncio.gather(*waiting, return_exceptions=True)
        return [None if isinstance(one, BaseException) else [scores.clip.tolist() for scores in one] for one in found]

    scores = asyncio.run(ask())
    assert scores[0] is None
    for pitch, found in list(zip(PITCHES_HZ, scores, strict=True))[2:]:
        assert np.allclose(found, [tagger.score(sine(pitch, 1.0, RATE), RATE)] * 2, atol=1e-5)


def test_an_error_reaches_all_who_wait_for_that_tagger_and_nobody_else(batches: Batches, tagger: Tagger):
    async def ask() -> list[object]:
        digests = (tagger.digest, "absent", "absent", tagger.digest)
        return await asyncio.gather(*(batches.score(digest, [clip(440)]) for digest in digests), return_exceptions=True)

    first, *wrong, last = asyncio.run(ask())
    assert np.array_equal(first[0].clip, last[0].clip)
    assert [type(one) for one in wrong] == [TaggerError] * 2
