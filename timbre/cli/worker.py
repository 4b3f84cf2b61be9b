"""timbre worker: runs the training jobs that wait in the queue."""

import threading
from typing import Annotated

import typer

from timbre.cli.console import log_to_stderr
from timbre.pacing import LEASE_S, POLL_S, Pacing


def worker(
    once: Annotated[bool, typer.Option("--once", help="Work until the queue is empty, and end.")] = False,
    poll: Annotated[float, typer.Option(min=0.05, metavar="S", help="Seconds between two looks at an empty queue.")] = POLL_S,
    lease: Annotated[
        float, typer.Option(min=1.0, metavar="S", help="Seconds after which others take up the job of a worker that has died.")
    ] = LEASE_S,
    with_parent: Annotated[int | None, typer.Option(metavar="PID", hidden=True, help="End with this process, which started it.")] = None,
    beside: Annotated[
        int | None, typer.Option(metavar="PID", hidden=True, help="Keep a worker running until this process ends, which started it.")
    ] = None,
) -> None:
    """Take training jobs from the queue and run them one after the other, in the folder that holds configs/.

    Several workers share a queue, on one machine or more. SIGTERM or Ctrl+C puts the job under way back into it.
    """
    from timbre.beside import keep_worker, stop_with_parent, stopped_by_signals

    log_to_stderr()
    if beside is not None:
        stop = threading.Event()
        with stopped_by_signals(stop):
            stop_with_parent(stop, beside)
            keep_worker(stop)
        return
    from components.errors import ConfigError
    from components.places import configs_root
    from components.registry import Registry
    from components.registry.jobs import Jobs
    from timbre.worker import Worker

    if not configs_root().is_dir():
        raise ConfigError(f"there is no {configs_root()}, which holds what jobs train: run the worker where it is, or set TIMBRE_CONFIGS")
    with Registry() as registry:
        working = Worker(Jobs(registry.database), Pacing(lease, poll))
        with stopped_by_signals(working.stop):
            if with_parent is not None:
                stop_with_parent(working.stop, with_parent)
            working.run(once)
