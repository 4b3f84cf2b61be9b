"""Once a day, what the prediction log has held for long enough is forgotten."""

import asyncio
import logging
import random
from datetime import timedelta

from components.errors import TimbreError
from components.monitoring import kept_audio
from components.registry.predictions import Predictions

log = logging.getLogger("timbre.service")
FIRST_S, DAY_S = 60.0, 24 * 3600.0


async def keep_short(predictions: Predictions, days: float) -> None:
    """Sweep shortly after the start and then daily, for ever; processes that share the database come at different times."""
    await asyncio.sleep(FIRST_S * (1 + random.random()))  # noqa: S311 - no secret
    while True:
        await asyncio.to_thread(sweep, predictions, days)
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
