"""Whether requests may be sent here: the process that scores answers, and the database does or did lately."""

import asyncio
import logging
import math
import time
from concurrent.futures import ThreadPoolExecutor

from bentos.outage import KEPT_S
from bentos.scorer import Scorer
from components.errors import RegistryError
from components.registry.database import Database

log = logging.getLogger("timbre.service")
FRESH_S = 1.0  # for which an answer holds, however many ask
LOOK_S = 2.0


class Readiness:
    """Looks when it is asked. A service without a model is ready: models are registered, and jobs are queued, by its routes.

    So is one whose database has gone away while what it last said stands in for it: predictions go on.
    """

    def __init__(self, database: Database, scorer: Scorer) -> None:
        self._database, self._scorer = database, scorer
        # A thread for each, as a look at a database that has gone away can hang for minutes.
        self._askers, self._lookers = (ThreadPoolExecutor(1, thread_name_prefix=f"timbre-ready-{of}") for of in ("database", "scorer"))
        self._asked: asyncio.Future[None] | None = None
        self._turn = asyncio.Lock()
        self._is_ready, self._looked_at, self._said_at = False, -math.inf, -math.inf

    async def look(self) -> bool:
        """Whether the service is ready, or was a moment ago."""
        async with self._turn:
            if time.monotonic() - self._looked_at > FRESH_S:
                self._is_ready = await self._look()
                self._looked_at = time.monotonic()
            return self._is_ready

    def close(self) -> None:
        for threads in (self._askers, self._lookers):
            threads.shutdown(wait=False, cancel_futures=True)

    async def _look(self) -> bool:
        loop = asyncio.get_running_loop()
        if self._asked is None or self._asked.done():
            self._asked = loop.run_in_executor(self._askers, self._ask)
            self._asked.add_done_callback(lambda asked: asked.cancelled() or asked.exception())  # where nobody waits any more
        try:
            async with asyncio.timeout(LOOK_S):
                await asyncio.shield(self._asked)  # one that hangs is waited for at the next look too
            self._said_at = time.monotonic()
        except TimeoutError:
            log.warning("the database does not answer within %g s", LOOK_S)
        except RegistryError as error:
            log.warning("%s", error)
        if time.monotonic() - self._said_at >= KEPT_S:
            return False
        return await loop.run_in_executor(self._lookers, self._scorer.is_up)

    def _ask(self) -> None:
        if self._database.is_there:
            self._database.ask()
