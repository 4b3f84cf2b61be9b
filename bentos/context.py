"""What the routes of one process share."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar

from starlette.requests import Request

from bentos.access import Access, Caller
from bentos.budget import MIB, Budget
from bentos.catalogue import Catalogue, Offer
from bentos.config import ServiceConfig
from bentos.drift_figures import DriftFigures
from bentos.recording import Record, Recorder
from bentos.scorer import Scorer
from bentos.scoring import Batches
from bentos.scratch import Scratch
from bentos.sources import Sources
from bentos.work import Work
from components.cores import cores
from components.registry import ApiKeys, Registry
from components.registry.episodes import Episodes
from components.registry.jobs import Jobs

P = ParamSpec("P")
T = TypeVar("T")
LOOKERS = 16


@dataclass(frozen=True)
class Context:
    """One process's parts; all that several processes must agree on lies in the database."""

    config: ServiceConfig
    registry: Registry
    keys: ApiKeys
    jobs: Jobs
    access: Access
    catalogue: Catalogue
    sources: Sources
    work: Work
    scorer: Scorer
    lookers: ThreadPoolExecutor
    scratch: Scratch
    recorder: Recorder
    drift_figures: DriftFigures

    @classmethod
    def build(cls, config: ServiceConfig, scorer: Scorer) -> "Context":
        registry = Registry()
        keys, jobs = ApiKeys(registry.database), Jobs(registry.database)
        scratch = Scratch(round(config.max_temporary_mib * MIB))
        sources = Sources(config.data_roots, config.s3_buckets, config.max_body_bytes, config.max_files, scratch)
        catalogue = Catalogue(registry, config.model_dir)
        scorer.start()  # it is ready in seconds; whoever comes before waits
        work = Work(Batches(scorer.score), config.limits, min(8, max(1, cores() // config.num_workers)))
        lookers = ThreadPoolExecutor(LOOKERS, thread_name_prefix="timbre-look")
        recorder = Recorder.build(config, registry.database)
        episodes = Episodes(registry.database)
        figures = DriftFigures(lambda: episodes.watched() if registry.database.is_there else ())
        return cls(
            config, registry, keys, jobs, Access(keys, config), catalogue, sources, work, scorer, lookers, scratch, recorder, figures
        )

    def record(self, offer: Offer, caller: str, sources: Sequence[str] = ()) -> Record:
        """What one request's clips are heard and logged through; see `Record`."""
        return Record(self.recorder, self.work, offer, caller, sources)

    async def look(self, budget: Budget, at: Callable[P, T], *args: P.args, **given: P.kwargs) -> T:
        """Run what may wait long for a disk or for S3 in threads of its own, so that nobody else waits for one behind it.

        Where the request ends before it, the budget's `check` ends it.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self.lookers, partial(at, *args, **given))
        except asyncio.CancelledError:
            budget.stop()
            raise

    def budget(self) -> Budget:
        """What one request may have decoded."""
        return Budget(self.config.max_seconds, round(self.config.max_request_pcm_mib * MIB))

    def close(self) -> None:
        self.access.close()
        self.lookers.shutdown(wait=False, cancel_futures=True)
        self.scorer.kill()  # whoever asked for what it does has gone; it may hang
        self.work.close()
        self.scorer.close()
        self.recorder.close()
        self.drift_figures.close()
        self.registry.close()


def context_of(request: Request) -> Context:
    found: Context = request.app.state.context
    return found


def caller_of(request: Request) -> str:
    """Who asks, for the audit trail."""
    caller: Caller | None = request.scope.get("state", {}).get("caller")
    return caller.name if caller else "anonymous"
