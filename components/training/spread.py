"""Starts a process a device, passes on what they say, and ends them all when one is done, fails or dies."""

import logging
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from logging.handlers import QueueHandler
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, NoReturn

import torch
import torch.distributed as dist

from components.errors import ConfigError, TimbreError
from components.training.interrupt import Interrupt
from components.training.run_folder import LAST
from components.training.team import Team

log = logging.getLogger(__name__)
Work = Callable[[Team], Path | None]
TORCH_SAYS = "TORCH_CPP_LOG_LEVEL"
POLL_S = 0.2
GRACE_S = 5.0
WAIT = timedelta(days=7)  # the others wait while the first judges


@dataclass(frozen=True, eq=False)
class Member:
    rank: int
    process: SpawnProcess
    channel: "Connection[Any, Any]"


def train_together(work: Work, world: int, on_gpu: bool, interrupt: Interrupt) -> Path:
    """Do `work` in `world` new processes, and give what it gives in the first.

    They are started afresh (spawned), since a process that has used a GPU or threads cannot be forked; `work` is pickled. What they
    log comes out of this process's loggers. Ctrl+C is theirs through `interrupt` alone.

    Raises:
        ConfigError: if one of them is ended from outside.
        Exception: whatever `work` raises in one of them.
    """
    with tempfile.TemporaryDirectory(prefix="timbre-devices-") as folder:
        members = [_start(rank, world, f"file://{folder}/meeting", work, on_gpu) for rank in range(world)]
        try:
            return _follow(members, interrupt)
        finally:
            for member in members:
                member.process.kill()
            for member in members:
                member.process.join()
                member.channel.close()


def _start(rank: int, world: int, meeting: str, work: Work, on_gpu: bool) -> Member:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    level = logging.getLogger("components").getEffectiveLevel() if rank == 0 else logging.WARNING
    arguments = (rank, world, meeting, work, on_gpu, theirs, level)
    process = context.Process(target=_member, args=arguments, name=f"timbre-device-{rank}", daemon=True)
    with _inherited():
        process.start()
    theirs.close()
    return Member(rank, process, ours)


@contextmanager
def _inherited() -> Iterator[None]:
    """What a process started meanwhile has before Python loads: no ear for Ctrl+C, and no advice from torch, which is about speed."""
    listens = threading.current_thread() is threading.main_thread()
    former = signal.signal(signal.SIGINT, signal.SIG_IGN) if listens else None
    said = os.environ.get(TORCH_SAYS)
    os.environ.setdefault(TORCH_SAYS, "ERROR")
    try:
        yield
    finally:
        if said is None:
            del os.environ[TORCH_SAYS]
        if listens:
            signal.signal(signal.SIGINT, former)


def _follow(members: list[Member], interrupt: Interrupt) -> Path:
    told, busy = False, {member.channel: member for member in members}
    while True:
        if interrupt.asked and not told:
            members[0].channel.send("end")
            told = True
        for channel in connection.wait(list(busy), POLL_S):
            member = busy[channel]  # type: ignore[index] # wait() knows nothing of what it is given
            try:
                message = member.channel.recv()
            except (EOFError, OSError):
                member.process.join(GRACE_S)
                if member.process.exitcode or member.rank == 0:
                    raise _lost(member) from None
                del busy[member.channel]
                continue
            if isinstance(message, Path):
                return message
            _pass_on(message, members)


def _pass_on(message: Any, members: list[Member]) -> None:
    if isinstance(message, logging.LogRecord):
        logger = logging.getLogger(message.name)
        if logger.isEnabledFor(message.levelno):
            logger.handle(message)
        return
    if not isinstance(message, TimbreError):  # that another died comes as an error of the network between them
        for member in members:
            member.process.join(1.0)
            if member.process.exitcode:
                raise _lost(member) from None
    raise message


def _lost(member: Member) -> ConfigError:
    code = member.process.exitcode or 0
    how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
    return ConfigError(
        f"the process of device {member.rank} {how}: lower training.batch_size if memory ran out, put the call of fit under "
        f"`if __name__ == '__main__':` if it is in a script, or go on from the run folder's {LAST} with training.ckpt"
    )


def _member(rank: int, world: int, meeting: str, work: Work, on_gpu: bool, channel: "Connection[Any, Any]", level: int) -> None:
    """What a process of the team does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    relay = _Relay(channel)
    logging.basicConfig(level=level, handlers=[relay], force=True)
    try:
        with _meeting(rank, world, meeting, on_gpu) as group:
            made = work(Team(rank, world, group, lambda: channel.poll()))
        if rank == 0:
            relay.tell(made)
    except BaseException as error:
        error.add_note(traceback.format_exc())
        relay.tell(error)
        _wait_for_the_end()


@contextmanager
def _meeting(rank: int, world: int, meeting: str, on_gpu: bool) -> Iterator[Any]:
    """The group over which they agree; gradients go by NCCL between GPUs."""
    os.environ["LOCAL_RANK"] = str(rank)  # tells Lightning that the processes are there
    if sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # else it asks what the machine's name resolves to
    if not on_gpu:
        torch.set_num_threads(max(1, torch.get_num_threads() // world))
    dist.init_process_group("nccl" if on_gpu else "gloo", init_method=meeting, rank=rank, world_size=world, timeout=WAIT)
    group = dist.new_group(backend="gloo", timeout=WAIT)
    yield group
    dist.barrier(group)
    dist.destroy_process_group()


class _Relay(QueueHandler):
    """Log records, results and errors on their way to the process that started this one."""

    def __init__(self, channel: "Connection[Any, Any]") -> None:
        super().__init__(channel)  # type: ignore[arg-type] # it need be no queue, as enqueue() is ours
        self._channel = channel
        self.setFormatter(logging.Formatter("%(message)s"))  # the rest is up to whom it comes out at

    def enqueue(self, record: logging.LogRecord) -> None:
        self._channel.send(record)

    def tell(self, message: Any) -> None:
        with self.lock or threading.Lock():
            try:
                self._channel.send(message)
            except (TypeError, AttributeError, ValueError):  # an error that cannot be pickled
                self._channel.send(RuntimeError(f"{message}"))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _wait_for_the_end() -> NoReturn:
    """An error of one is told before the others notice that it is gone."""
    while True:
        threading.Event().wait()
