"""What a stop does to those who come, and what a second signal does to those who are there.

BentoML's parent process listens on until the last request has ended, so that newcomers wait in line for nobody, and hears no second signal.
"""

import contextlib
import os
import signal
import socket
from typing import Any

SOCKET = "_bento_api_server"  # BentoML's name for where requests come in
CHILD = "BENTOML_RUNNER_MAP"  # what its parent process tells a child
CLOSED_S = 0.5  # after which its children take nobody in any more


def is_child() -> bool:
    """Whether BentoML's parent process started this one, to take requests."""
    return CHILD in os.environ


def stop_plainly() -> None:
    """Have BentoML's parent process, where this is one, refuse newcomers once it stops, and end at once where it is told twice."""
    if is_child():
        return
    from bentoml._internal.utils.circus import Arbiter
    from tornado import gen

    wait_for_children = Arbiter.stop

    @gen.coroutine
    def stop(arbiter: Any) -> Any:
        if arbiter._stopping:
            for watcher in arbiter.iter_watchers():
                for process in list(watcher.processes.values()):
                    watcher.send_signal_process(process, signal.SIGINT)  # told twice, uvicorn waits for nobody
            return
        ended = wait_for_children(arbiter)
        yield gen.sleep(CLOSED_S)
        with contextlib.suppress(OSError):
            arbiter.sockets[SOCKET].shutdown(socket.SHUT_RDWR)  # closing would not do: others hold it too
        yield ended

    Arbiter.stop = stop  # type: ignore[method-assign, assignment]
