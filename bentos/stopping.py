"""A stop in order: requests end first, then what scores for them.

BentoML's parent process stops all of its children at once and takes the socket between them away, so that requests under way would fail.
"""

import contextlib
import os
import signal
import socket
from typing import Any

DOOR, SOCKET = "service", "_bento_api_server"  # BentoML's names for the processes that take requests, and for where they come in
CLOSED_S = 0.5  # after which the doors take nobody in any more
CHILD = "BENTOML_RUNNER_MAP"  # what its parent tells a child


def stop_in_order() -> None:
    """Have BentoML's parent process, where this is one, stop its children one kind after the other; a second signal hurries it."""
    if CHILD in os.environ:
        return
    from bentoml._internal.utils.circus import Arbiter
    from circus.arbiter import Arbiter as Plain  # type: ignore[import-untyped]
    from tornado import gen

    @gen.coroutine
    def stop(arbiter: Any) -> Any:
        doors = [watcher for watcher in arbiter.iter_watchers() if watcher.name == DOOR]
        if arbiter._stopping:
            for door in doors:
                for process in list(door.processes.values()):
                    door.send_signal_process(process, signal.SIGINT)  # told twice, uvicorn waits for nobody
            return
        arbiter._stopping = True
        ends = [door._stop() for door in doors]
        yield gen.sleep(CLOSED_S)
        with contextlib.suppress(OSError):
            arbiter.sockets[SOCKET].shutdown(socket.SHUT_RDWR)  # all children hold it, so whoever came now would wait in line for nobody
        yield gen.multi(ends)
        arbiter.exit_stack.close()
        yield Plain.stop(arbiter)

    Arbiter.stop = stop  # type: ignore[method-assign, assignment]
