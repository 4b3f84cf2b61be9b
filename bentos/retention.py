"""Once a day, what the prediction log has held for long enough is forgotten, and audio that was kept as long without a row in it."""

import asyncio
import logging
import random
from datetime import timedelta

from components.errors import TimbreError
from components.monitoring import kept_audio
from components.monitoring.unlogged import drop_unlogged
from components.registry.predictions import Predictions

log = logging.getLogger("timbre.service")
FIRST_S, DAY_S = 60.0, 24 * 3600.0


async def keep_short(predictions: Predictions, days: float, place: kept_audio.Place | None = None) -> None:
    """Sweep shortly after the start and then daily, for ever; processes that share the database come at different times."""
    await asyncio.sleep(FIRST_S * (1 + random.random()))  # noqa: S311 - no secret
    while True:
        await asyncio.to_thread(sweep, predictions, days)
        if place is not None:
            await asyncio.to_thread(sweep_audio, place, predictions, days)
        await asyncio.sleep(DAY_S)


def sweep(predictions: Predictions, days: float) -> int:
    """Forget what is older, by the database's clock: this machine's may jump. How many rows there were."""
    try:
        gone = predictions.delete_before(predictions.clock() - timedelta(days=days), kept_audio.drop)
    except (TimbreError, OSError, OverflowError) as error:
        log.warning("old predictions stay for another day: %s", error)
        return 0
    if gone:
        log.info("%d predictions older than %g days are forgotten", gone, days)
    return gone


def sweep_audio(place: kept_audio.Place, predictions: Predictions, days: float) -> int:
    """Remove audio that was last sent so many days ago and is of no logged prediction; how many clips there were."""
    try:
        gone = drop_unlogged(place, predictions, predictions.clock() - timedelta(days=days))
    except (TimbreError, OSError, OverflowError) as error:
        log.warning("audio that was kept for no prediction stays for another day: %s", error)
        return 0
    if gone:
        log.info("%d clips that were kept for no logged prediction, and not sent for %g days, are forgotten", gone, days)
    return gone
