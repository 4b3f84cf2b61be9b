"""One run at a time on S3: an object that the run which scores writes anew all the while; one that stays as it is, a dead run left."""

import contextlib
import json
import logging
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from components.errors import DataError, S3Error
from components.s3 import Remote

BEAT_S = 10.0  # between two writes
DEAD_S = 60.0  # without one, by the watch of who waits, as clocks of two machines differ
LOOK_S = 1.0

log = logging.getLogger(__name__)


class Lease:
    """A run's right to score into a place; a thread of its own keeps it.

    Args:
        place: where all that is scored lies.
        name: of the object.
    """

    def __init__(self, place: Remote, name: str) -> None:
        self._place, self._name = place, name
        self._run, self._beat = uuid.uuid4().hex, 0
        self._tag: str | None = None
        self._written = 0.0
        self._lost = False
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def take(self) -> None:
        """Take it; what a dead run left is seen as such after DEAD_S.

        Raises:
            DataError: if another run has it.
        """
        left = self._place.tag(self._name)
        if left:
            log.info("a run scores into %s, or broke off: that is seen within %.0f s", self._place.address, DEAD_S)
            left = self._watch(left)
        if not self._write(left, looked=True):
            raise self._refusal()
        self._thread.start()

    def check(self) -> None:
        """Ask before a part is written whether this run still has it.

        Raises:
            DataError: if another run has taken it over.
        """
        with self._lock:
            if time.monotonic() - self._written >= DEAD_S:  # S3 was away, or this process stood still
                self._renew()
            if self._lost:
                raise DataError(
                    f"another run has taken {self._place.address} over, as this one gave no sign for {DEAD_S:.0f} s: "
                    "what it wrote is kept, and the other one does the rest"
                )

    def release(self) -> None:
        """Give it back, if it is still had; where S3 is away it dies by itself."""
        self._ended.set()
        self._thread.join()
        with self._lock, contextlib.suppress(S3Error):
            if time.monotonic() - self._written >= DEAD_S / 2:
                self._renew()  # so that nobody takes it over before it is removed
            if not self._lost and self._place.tag(self._name) == self._tag:  # or it is another's, which no beat has told yet
                self._place.remove(self._name)

    def _watch(self, left: str) -> str | None:
        until = time.monotonic() + DEAD_S
        while time.monotonic() < until:
            time.sleep(LOOK_S)
            found = self._place.tag(self._name)
            if found is None:
                return None
            if found != left:
                raise self._refusal()
        return left

    def _keep(self) -> None:
        while not self._ended.wait(BEAT_S):
            with self._lock, contextlib.suppress(S3Error):
                self._renew()
            if self._lost:
                return

    def _renew(self) -> None:
        self._lost = self._lost or not self._write(self._tag)

    def _write(self, over: str | None, *, looked: bool = False) -> bool:
        self._beat += 1
        began = time.monotonic()
        content = json.dumps({"run": self._run, "host": platform.node(), "beat": self._beat}).encode()
        if tag := self._place.swap(self._name, content, over, looked=looked):
            self._tag, self._written = tag, began
        return tag is not None

    def _refusal(self) -> DataError:
        return DataError(
            f"another run scores into {self._place.address} with this model{self._whose()}: "
            "wait for it, or name another place by prediction.out"
        )

    def _whose(self) -> str:
        try:
            return f", on {json.loads(self._place.read(self._name))['host']}"
        except (S3Error, ValueError, TypeError, KeyError):  # it was given back, or is none of ours
            return ""


@contextmanager
def leased(place: Remote, name: str) -> Iterator[Lease]:
    """The right to score into a place, taken and given back.

    Raises:
        DataError: if another run has it.
        S3Error: if S3 refuses.
    """
    lease = Lease(place, name)
    lease.take()
    try:
        yield lease
    finally:
        lease.release()
