"""A folder of the store: its settings, where its files lie, who may be in it, and the sweeping of what was left half-written."""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from components.audio import DECODER_VERSION
from components.config import AudioConfig
from components.errors import S3Error, StoreError
from components.locks import Turn, take
from components.places import mirror_root, store_remote, store_root
from components.s3 import Remote

FORMAT = 1
SETTINGS = "settings.json"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class Folder:
    """Where the clips of one way of decoding lie.

    Args:
        path: of this machine.
        remote: of the same folder on S3, which `path` then mirrors: indexes and views always, shards as they are needed.
    """

    path: Path
    remote: Remote | None = None

    @classmethod
    def of(cls, audio: AudioConfig, root: Path | None) -> "Folder":
        """The folder for these settings and this decoder, made where it is not there yet."""
        text = json.dumps({"format": FORMAT, "decoder": DECODER_VERSION, **audio.model_dump()}, indent=2, sort_keys=True)
        name = f"{audio.sample_rate}hz-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        folder = cls.at(f"clips/{name}", root)
        with sentences(folder.path):
            for inner in (folder.shards, folder.views):
                inner.mkdir(parents=True, exist_ok=True)
        with folder.in_use(), sentences(folder.path):
            if folder.remote and not folder.remote.holds(SETTINGS):
                folder.remote.put(SETTINGS, text.encode())
            if not folder._settings_file.exists():
                with beside(folder._settings_file) as draft:
                    draft.write_text(text)
        return folder

    @classmethod
    def at(cls, uri: str, root: Path | None) -> "Folder":
        """The folder of this name under the store's root; TIMBRE_STORE by default."""
        remote = far(root)
        return cls(Path(root or store_root()).absolute() / uri, remote / uri if remote else None)

    def __str__(self) -> str:
        return self.remote.address if self.remote else str(self.path)

    @property
    def store(self) -> Remote | None:
        """Where the store that this folder is of lies on S3, if it does."""
        return Remote(self.remote.address.removesuffix(f"/clips/{self.path.name}")) if self.remote else None

    @property
    def shards(self) -> Path:
        return self.path / "shards"

    @property
    def views(self) -> Path:
        return self.path / "views"

    def view(self, digest: str) -> Path:
        return self.views / f"{digest}.parquet"

    @property
    def _settings_file(self) -> Path:
        return self.path / SETTINGS

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What `settings.json` says.

        Raises:
            StoreError: if it is missing or damaged.
        """
        try:
            if self.remote and not self._settings_file.exists():
                with self.fetching():
                    self.remote.fetch(SETTINGS, self._settings_file)
            settings = json.loads(self._settings_file.read_text())
            return {**settings, "sample_rate": int(settings["sample_rate"])}
        except StoreError:
            raise
        except S3Error as error:
            if error.kind != "missing":
                raise
            raise StoreError(f"{self} is no folder of the store: run featurize again") from None
        except (OSError, ValueError, KeyError, TypeError):
            raise StoreError(f"{self} is no folder of the store, or a damaged one: run featurize again") from None

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """While clips are added: many processes may, and none collects garbage. The first one in sweeps."""
        with self._lock_file() as descriptor:
            if take(descriptor, wait=False) is Turn.OURS:
                self.sweep()
            take(descriptor, shared=True)
            yield

    @contextmanager
    def fetching(self) -> Iterator[None]:
        """While files come here from S3: none sweeps their drafts away."""
        with sentences(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        with self._lock_file() as descriptor:
            take(descriptor, shared=True)
            yield

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """While clips are removed; False where another process is in the folder, or that cannot be known."""
        with self._lock_file() as descriptor:
            yield take(descriptor, wait=False) is Turn.OURS

    def sweep(self) -> int:
        """Remove what an interrupted process left, drafts and halves of shards; bytes freed. Only when alone."""
        freed = 0
        for place in (self.path, self.shards, self.views):
            freed += sum(remove(draft) for draft in place.glob(".*"))
        indexed = {index.stem for index in self.shards.glob("*.parquet")}
        freed += sum(remove(samples) for samples in self.shards.glob("*.npy") if samples.stem not in indexed)
        return freed

    @contextmanager
    def _lock_file(self) -> Iterator[int]:
        with sentences(self.path):
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A draft to write; it takes the path's place when all went well and is removed otherwise."""
    draft = path.with_name(f".{path.name}-{os.getpid()}-{os.urandom(4).hex()}.draft")
    try:
        yield draft
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """Turns what a disk refuses into a StoreError."""
    try:
        yield
    except OSError as error:
        variable = "TIMBRE_MIRROR" if path.is_relative_to(mirror_root()) else "TIMBRE_STORE"
        if error.errno in _FULL:
            raise StoreError(
                f"no space is left for the store at {path}: free some or set {variable} to a larger disk, and run again; "
                "clips that are finished are kept"
            ) from None
        raise StoreError(f"cannot write the store at {path} ({error.strerror or error}): set {variable} to a folder that can be") from None


def remove(path: Path) -> int:
    """Delete a file; the bytes that it held."""
    with suppress(FileNotFoundError):
        held = path.stat().st_size
        path.unlink()
        return held
    return 0


def far(root: Path | None) -> Remote | None:
    """Where the store's root lies on S3, if it does; a root that is named is a folder of this machine."""
    address = store_remote()
    return Remote.of(address) if address and root in (None, store_root()) else None
