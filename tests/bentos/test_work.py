"""What a request may cost: decoded audio is charged as it is decoded, and little of it is held."""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from bentos.budget import MIB, Budget
from bentos.errors import Refused
from bentos.work import HELD_BYTES, Work, at_once
from components.audio import Clip16, Limits
from components.errors import TimbreError
from components.tagger import ClipScores
from tests.fixtures.sounds import encoded, sine

RATE = 8000
OFFER = SimpleNamespace(key="a", digest="a", settings=SimpleNamespace(sample_rate=RATE))


class Scorer:
    """Scores nothing, when it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.may.set()

    async def score(self, _: str, clips: Sequence[Clip16]) -> list[ClipScores]:
        await self.may.wait()
        return [ClipScores(np.zeros((1, 1), np.float32), np.zeros(1), np.zeros(1, np.float32), None) for _ in clips]

    def close(self) -> None: ...


def broken(seconds: float, channels: int = 1) -> bytes:
    """A clip that fails at its last sample."""
    waveform = np.repeat(sine(440, seconds, RATE)[:, np.newaxis], channels, 1)
    waveform[-1] = np.nan
    return encoded(waveform, RATE, "WAV", "FLOAT")


def heard(sounds: list[bytes], budget: Budget) -> list[bool]:
    """Whether each could be heard."""

    async def hear() -> list[bool]:
        work = Work(Scorer(), Limits(), 2)
        try:
            openers = [lambda sound=sound: nullcontext(sound) for sound in sounds]
            return [not isinstance(one, TimbreError) async for one in work.hear(OFFER, at_once(openers), budget)]
        finally:
            work.close()

    return asyncio.run(hear())


def test_clips_that_fail_are_charged():
    assert heard([broken(2)] * 3, Budget(6.1, 100 * MIB)) == [False] * 3
    with pytest.raises(Refused, match=r"more than 5 s of audio") as raised:
        heard([broken(2)] * 3, Budget(5, 100 * MIB))
    assert raised.value.status_code == 413


def test_all_channels_are_charged():
    budget = 2 * RATE * 8 * 4  # two seconds of eight channels
    assert heard([broken(1, channels=8)] * 2, Budget(100, budget)) == [False] * 2
    with pytest.raises(Refused, match=r"more than 0\.488281 MiB of decoded audio"):
        heard([broken(1, channels=8)] * 3, Budget(100, budget))


def test_a_request_that_was_stopped_decodes_no_more():
    budget = Budget(100, 100 * MIB)
    budget.stop()
    assert heard([encoded(sine(440, 1, RATE), RATE)], budget) == [False]


def test_single_clips_wait_for_room_as_those_of_large_requests_do():
    minute = encoded(sine(440, 200, RATE), RATE)  # 3.05 MiB of samples

    async def most() -> tuple[int, int]:
        scorer = Scorer()
        scorer.may.clear()
        work = Work(scorer, Limits(), 1)
        held = [0]
        hold = work.hold

        def count(size: int) -> None:
            held.append(held[-1] + size)
            hold(size)

        work.hold = count

        async def one() -> None:
            async with work.hear_one(OFFER, lambda: nullcontext(minute), Budget(1000, 100 * MIB)):
                await asyncio.sleep(0.1)  # what the page makes of the clip

        waiting = [asyncio.create_task(one()) for _ in range(12)]
        while held[-1] < HELD_BYTES:
            await asyncio.sleep(0.01)
        await asyncio.sleep(1)  # in which more would be decoded, if it did not wait
        scorer.may.set()
        await asyncio.gather(*waiting)
        work.close()
        return max(held), held[-1]

    highest, left = asyncio.run(most())
    assert highest <= HELD_BYTES + 2 * 200 * RATE * 2
    assert left == 0
