"""Where a batch keeps its parts: a folder, or a prefix on S3 that a folder here mirrors. A part appears whole and never changes."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import DataError
from components.files import write_whole
from components.places import mirror
from components.s3 import Remote, is_remote
from components.scoring.rows import encoded

SCORES, FILES, BATCHES = "scores", "files", "batches"


@dataclass(frozen=True)
class Parts:
    """All that was scored by one model in one place.

    Args:
        folder: of this machine.
        remote: what it mirrors, if it does.
        model: the tagger's digest.
    """

    folder: Path
    remote: Remote | None
    model: str

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
    def alone(self) -> Iterator[None]:
        """While clips are added: one run at a time, of this machine or of those that share the folder.

        Raises:
            DataError: if another one is at it, or the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder / f".lock-{self.model[:8]}", os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise DataError(f"cannot write scores to {self} ({error.strerror}): name another folder by prediction.out") from None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DataError(
                    f"another run scores into {self} with this model: wait for it, or name another place by prediction.out"
                ) from None
            except OSError:
                pass  # a file system without locks keeps no runs apart
            yield
        finally:
            os.close(descriptor)

    def write(self, kind: str, batch: str, part: str, table: pa.Table) -> None:
        """Write a part.

        Raises:
            DataError: if the disk is full or cannot be written.
            S3Error: if S3 refuses.
        """
        self._put(self._name(kind, batch, part), encoded(table))

    def names(self, kind: str) -> list[tuple[str, str]]:
        """(batch, part) of every part there is, in order."""
        return sorted((path.parent.name.removeprefix("batch="), path.stem) for path in map(self.folder.joinpath, self._there(kind)))

    def bring(self, kind: str) -> None:
        """Fetch every part that lies on S3 and not here, many at a time."""
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
        under = f"{BATCHES}/model={self.model}"
        if self.remote:
            names = sorted(self.remote.sizes(under))
            self.remote.bring(names, self.folder)
        notes = [_read_note(path) for path in sorted((self.folder / under).glob("[!.]*.json"))]
        return next((note for note in reversed(notes) if note.get("finished") is None and note.get("data") == data), None)

    def note(self, note: dict[str, Any]) -> None:
        """Write what is known of a batch."""
        name = f"{BATCHES}/model={self.model}/{note['batch']}.json"
        self._put(name, (json.dumps(note, indent=2, ensure_ascii=False) + "\n").encode())

    def _there(self, kind: str) -> dict[str, int]:
        """name -> bytes of the parts."""
        under = f"{kind}/model={self.model}"
        if self.remote:
            return self.remote.sizes(under)
        paths = (self.folder / under).glob("batch=*/[!.]*.parquet")
        return {path.relative_to(self.folder).as_posix(): _size(path) for path in paths}

    def _name(self, kind: str, batch: str, part: str) -> str:
        return f"{kind}/model={self.model}/batch={batch}/{part}.parquet"

    def _put(self, name: str, content: bytes) -> None:
        if self.remote:
            self.remote.put(name, content)
        try:
            write_whole(self.folder / name, content)
        except OSError as error:
            raise DataError(
                f"cannot write scores to {self.folder} ({error.strerror}): make room or name another place; what is written is kept"
            ) from None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else -1


def _read_note(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
