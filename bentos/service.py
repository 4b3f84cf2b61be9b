"""The service as BentoML runs it: `Timbre` takes requests, `Scorer` scores the clips of all of them in shared batches.

`bentoml serve` finds it by pyproject.toml. The config is read here, at the service's start: this module is its root.
"""

import os
import shutil
from collections.abc import Sequence
from typing import Any

import bentoml

if own := os.environ.get("TIMBRE_METRICS_DIR"):  # BentoML's is one for all services of a user, and each start empties it
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = own  # prometheus_client reads it when it is first imported

from bentos import metrics
from bentos.app import Straight, create_app
from bentos.catalogue import Catalogue
from bentos.config import MIB, from_environment
from bentos.connections import set_up_connections
from bentos.log import set_up_logging
from bentos.processes import end_with_parent, give_back_memory, stop_after_others, sweep
from bentos.scoring import Item, OpenTaggers, score
from bentos.work import LARGE_BYTES
from components.registry import Registry

CLIPS_A_BATCH = 64
PATIENCE_S = 24 * 3600  # the app keeps its own clock, which knows streams; BentoML's would cut them
QUIET: Any = {"logging": {"access": {"enabled": False}}, "metrics": {"enabled": False}}  # both are ours: see log.py and metrics.py
if "BENTOML_CONFIG" not in os.environ:  # who wants traces names an exporter there; without one each chunk of a body would cost a span
    QUIET["tracing"] = {"excluded_urls": ".*"}

config = from_environment()
set_up_connections()  # BentoML makes uvicorn's server after it has read this module


# BentoML closes a connection pool after 100 calls or 300 s, and with it whatever calls are under way: never do that.
FOR_GOOD: Any = {"max_requests": 10**12, "max_age": 1e9}


@bentoml.service(name="timbre_scorer", workers=1, traffic={"timeout": PATIENCE_S}, runner_connection=FOR_GOOD, **QUIET)
class Scorer:
    """Holds the taggers and scores."""

    def __init__(self) -> None:
        end_with_parent()
        stop_after_others("timbre_scorer")
        set_up_logging()
        folder_of = Catalogue(Registry(), config.model_dir).folder
        self._taggers = OpenTaggers(folder_of, config.device, config.models_mib * MIB)

    @bentoml.api(batchable=True, max_batch_size=CLIPS_A_BATCH, max_latency_ms=PATIENCE_S * 1000)  # type: ignore[untyped-decorator]
    def score(self, items: list[Any]) -> list[Any]:
        """Clips of any models -> their scores, in order; clips of one model share its batches."""
        metrics.BATCH.observe(len(items))
        scored = [tuple(one) for one in score(self._taggers, [Item(*item) for item in items], config.batch_size)]
        if sum(item[1].nbytes for item in items) >= LARGE_BYTES:
            give_back_memory()
        return scored


def _score() -> Any:
    """What the app's process asks."""
    scorer = bentoml.get_current_service().scorer.to_async

    async def ask(items: Sequence[Item]) -> Sequence[Any]:
        answer: Sequence[Any] = await scorer.score(items=[tuple(item) for item in items])
        return answer

    return ask


app = create_app(config, _score)


@bentoml.service(
    name="timbre",
    workers=config.num_workers,
    traffic={"timeout": PATIENCE_S},
    http={"host": "127.0.0.1", "port": 3000},
    **QUIET,
)
@bentoml.asgi_app(app, path="/")
class Timbre:
    """Takes requests."""

    scorer = bentoml.depends(Scorer)

    def __init__(self) -> None:
        end_with_parent()
        set_up_logging()
        sweep()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def forget(self) -> None:
        """Leave no figures behind."""
        if own:
            shutil.rmtree(own, ignore_errors=True)


Timbre.add_asgi_middleware(Straight, ours=app)  # type: ignore[attr-defined]
