"""The service as BentoML runs it.

`bentoml serve` finds it by pyproject.toml. The config is read here, at the service's start: this module is its root.
"""

import atexit
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import bentoml

if own := os.environ.get("TIMBRE_METRICS_DIR"):  # BentoML's is one for all services of a user, and each start empties it
    Path(own).mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = own  # prometheus_client reads it when it is first imported

from bentos.config import from_environment
from bentos.log import set_up_logging
from bentos.processes import sweep
from bentos.scorer import Scorer
from bentos.stopping import is_child, stop_plainly
from components.parent import end_with_parent

PATIENCE_S = 24 * 3600  # the app keeps its own clock, which knows streams; BentoML's would cut them
QUIET: Any = {"logging": {"access": {"enabled": False}}, "metrics": {"enabled": False}}  # both are ours: see log.py and metrics.py
if "BENTOML_CONFIG" not in os.environ:  # who wants traces names an exporter there; without one each chunk of a body would cost a span
    QUIET["tracing"] = {"excluded_urls": ".*"}

if own and not is_child():  # a child may end before the others do
    atexit.register(shutil.rmtree, own, ignore_errors=True)

config = from_environment()
stop_plainly()


@bentoml.service(
    name="timbre",
    workers=config.num_workers,
    traffic={"timeout": PATIENCE_S},
    http={"host": "127.0.0.1", "port": 3000},
    **QUIET,
)
class Timbre:
    """Takes requests and answers them, in as many processes as the config says."""

    def __init__(self) -> None:
        end_with_parent(signal.SIGTERM)  # it would keep the port, and nobody would stop it
        set_up_logging()
        sweep()

    async def __is_ready__(self) -> bool:
        """What /readyz says."""
        return bool(await app.state.readiness.look())


if is_child():  # its parent only watches over it, and would load the app for nothing
    scorer = Scorer(config)
    scorer.start()  # it loads what it needs while the app loads here

    from bentos.app import Straight, create_app
    from bentos.connections import set_up_connections

    set_up_connections()  # BentoML makes uvicorn's server after it has read this module
    app = create_app(config, scorer)
    served: Any = Timbre
    served.mount_asgi_app(app, path="/")
    served.add_asgi_middleware(Straight, ours=app)
