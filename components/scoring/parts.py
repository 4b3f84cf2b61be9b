"""Where a batch keeps its parts: a folder, or a prefix on S3 that a folder here mirrors. A part appears whole, under a name of its own."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import DataError, S3Error
from components.files import write_whole
from components.locks import Turn, locked
from components.places import mirror
from components.s3 import Remote, is_remote
from components.scoring.lease import Lease, leased
from components.scoring.rows import encoded

TRIES = 4
SCORES, FILES, BATCHES, LEASES = "scores", "files", "batches", "leases"


@dataclass(frozen=True)
class Parts:
    """All that was scored by one model in one place.

    Args:
        folder: of this machine.
        remote: what it mirrors, if it does.
        model: the tagger's digest.
        lease: of the run that is alone on S3.
        listing: kind -> name -> bytes of what was seen; what is not in it is asked for each time.
    """

    folder: Path
    remote: Remote | None
    model: str
    lease: Lease | None = None
    listing: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @classmethod
    def at(cls, out: str, model: str) -> "Parts":
        """In a folder or at `s3://bucket/prefix`.

        Raises:
            S3Error: if S3 refuses.
        """
        if not is_remote(out):
            return cls(Path(out).expanduser().absolute(), None, model)
        remote = Remote.of(out)
        remote.check()
        return cls(mirror(remote.address), remote, model)

    def __str__(self) -> str:
        return self.remote.address if self.remote else str(self.folder)

    @contextmanager
    def alone(self) -> Iterator["Parts"]:
        """These parts while clips are added: one run at a time, of those that share the folder or the prefix.

        Raises:
            DataError: if another one is at it, or the folder cannot be written.
            S3Error: if S3 refuses.
        """
        with self._alone_here():
            if self.remote is None:
                yield self
                return
            with leased(self.remote, f"{LEASES}/model={self.model}.json") as lease:
                yield replace(self, lease=lease)

    def try_out(self) -> None:
        """See that this machine lets parts be written, and that no other run of it is at them.

        Raises:
            DataError: if not.
        """
        with self._alone_here():
            pass

    def seen(self, *kinds: str) -> "Parts":
        """These parts as they lie there now, listed once and all kinds at once; what is written later is not in that list."""
        with ThreadPoolExecutor(len(kinds)) as pool:
            return replace(self, listing=dict(zip(kinds, pool.map(self._list, kinds), strict=True)))

    def check(self) -> None:
        """Ask whether this run is still alone, as far as it asked to be.

        Raises:
            DataError: if another one has taken its place.
        """
        if self.lease:
            self.lease.check()

    def write(self, kind: str, batch: str, part: str, table: pa.Table, *, missing: bool = False) -> None:
        """Write a part.

        Args:
            missing: only where there is none.
        Raises:
            DataError: if the disk is full or cannot be written.
            S3Error: if S3 refuses.
        """
        self._put(self._name(kind, batch, part), encoded(table), missing=missing)

    def alter(self, kind: str, batch: str, part: str, change: Callable[[pa.Table], pa.Table]) -> None:
        """Put what `change` makes of a part in its place, where there is such a part; what another run changes meanwhile stays changed.

        Raises:
            DataError: if it is damaged, or the disk is full or cannot be written.
            S3Error: if S3 refuses.
        """
        name = self._name(kind, batch, part)
        if self.remote is None:
            if (self.folder / name).exists():
                self._keep(name, encoded(change(self.read(kind, batch, part))))
            return
        for _ in range(TRIES):
            if (tag := self.remote.tag(name)) is None:
                return
            self.remote.fetch(name, self.folder / name)
            content = encoded(change(self.read(kind, batch, part)))
            if self.remote.swap(name, content, tag):
                self._keep(name, content)
                return
        raise S3Error(f"{self.remote.address}/{name} changes all the while: run again when no other run scores there", "taken")

    def names(self, kind: str) -> list[tuple[str, str]]:
        """(batch, part) of every part there is, in order."""
        return sorted((path.parent.name.removeprefix("batch="), path.stem) for path in map(self.folder.joinpath, self._there(kind)))

    def broken_off(self) -> list[tuple[str, str]]:
        """(batch, part) of those that have scores and no files, in order."""
        return sorted(set(self.names(SCORES)) - set(self.names(FILES)))

    def bring(self, kind: str) -> None:
        """Fetch every part, or note, that lies on S3 and not here, or otherwise: one that was finished is longer."""
        if self.remote:
            self.remote.bring([name for name, size in self._there(kind).items() if _size(self.folder / name) != size], self.folder)

    def read(self, kind: str, batch: str, part: str) -> pa.Table:
        """A part that `names` has named.

        Raises:
            DataError: if it is damaged.
        """
        name = self._name(kind, batch, part)
        path = self.folder / name
        if self.remote and not path.exists():
            self.remote.fetch(name, path)
        try:
            return pq.read_table(path, partitioning=None)
        except (OSError, ValueError):
            raise DataError(f"{path} is damaged or cut short: remove it and run again, which makes it anew") from None

    def unfinished(self, data: list[str]) -> dict[str, Any] | None:
        """The note of the last batch of these data sets that was begun and not finished."""
        self.bring(BATCHES)
        notes = [_read_note(self.folder / name) for name in sorted(self._there(BATCHES))]
        return next((note for note in reversed(notes) if note.get("finished") is None and note.get("data") == data), None)

    def note(self, note: dict[str, Any]) -> None:
        """Write what is known of a batch."""
        name = f"{BATCHES}/model={self.model}/{note['batch']}.json"
        self._put(name, (json.dumps(note, indent=2, ensure_ascii=False) + "\n").encode())

    def _there(self, kind: str) -> Mapping[str, int]:
        """name -> bytes of the parts, or of the notes."""
        return self.listing[kind] if kind in self.listing else self._list(kind)

    def _list(self, kind: str) -> dict[str, int]:
        under = f"{kind}/model={self.model}"
        if self.remote:
            return self.remote.sizes(under)
        paths = (self.folder / under).glob("[!.]*.json" if kind == BATCHES else "batch=*/[!.]*.parquet")
        return {path.relative_to(self.folder).as_posix(): _size(path) for path in paths}

    def _name(self, kind: str, batch: str, part: str) -> str:
        return f"{kind}/model={self.model}/batch={batch}/{part}.parquet"

    def _put(self, name: str, content: bytes, *, missing: bool = False) -> None:
        if self.remote and missing:
            self.remote.swap(name, content, None)
        elif self.remote:
            self.remote.put(name, content)
        if not (self.remote and missing):  # what lies there is fetched when it is read
            self._keep(name, content)

    def _keep(self, name: str, content: bytes) -> None:
        try:
            write_whole(self.folder / name, content)
        except OSError as error:
            raise DataError(
                f"cannot write scores to {self.folder} ({error.strerror}): make room or name another place; what is written is kept"
            ) from None

    @contextmanager
    def _alone_here(self) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                turn = stack.enter_context(locked(self.folder / f".lock-{self.model[:8]}", wait=False))
            except OSError as error:
                raise DataError(f"cannot write scores to {self} ({error.strerror}): name another folder by prediction.out") from None
            if turn is Turn.TAKEN:
                raise DataError(f"another run scores into {self} with this model: wait for it, or name another place by prediction.out")
            yield


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else -1


def _read_note(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
