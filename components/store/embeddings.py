"""Embeddings of stored clips: what a frozen backbone hears, computed once and kept by content, beside the clips.

<root>/embeddings/<decoding>-<key>/<name>.safetensors     some clips each: sha256 -> float32 [window, value]
"""

import hashlib
import logging
import os
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from components.files import write_whole
from components.s3 import Remote
from components.store.folder import remove, sentences

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]
DAY_S = 86_400


class Embeddings:
    """The embeddings under one key, which names all that they depend on besides the clips. Use `Store.embeddings`.

    Files are written whole and never changed, so several processes may read and add at once.
    """

    def __init__(self, folder: Path, remote: Remote | None = None) -> None:
        self._folder = folder
        self._remote = remote

    def read(self, wanted: Collection[str]) -> dict[str, Floats]:
        """sha256 -> [window, value] of the wanted clips that are here; a damaged file is passed over, so that its clips are done again."""
        found: dict[str, Floats] = {}
        if self._remote:
            self._remote.bring([name for name in self._remote.sizes() if not (self._folder / name).exists()], self._folder)
        for path in sorted(self._folder.glob("[!.]*.safetensors")):
            try:
                with safe_open(path, framework="numpy") as file:
                    here = set(file.keys())  # no mapping: it cannot be asked `in`, nor be iterated over
                    found |= {sha256: file.get_tensor(sha256) for sha256 in here.intersection(wanted).difference(found)}
            except (SafetensorError, OSError) as error:
                log.warning("embeddings %s are passed over: %s", path, error)
                continue
            with suppress(OSError):  # a store that may only be read
                os.utime(path, (time.time(),) * 2)  # it is in use: garbage collection keeps it
        return found

    def add(self, embeddings: Mapping[str, Floats]) -> None:
        """Keep [window, value] of some clips.

        Raises:
            StoreError: if the disk is full or cannot be written; nothing half-written stays.
        """
        if not embeddings:
            return
        # The name follows from the content's names: two processes that add the same clips replace the file by itself.
        name = hashlib.sha256("\n".join(sorted(embeddings)).encode()).hexdigest()[:32]
        with sentences(self._folder):
            content = save({key: np.ascontiguousarray(rows) for key, rows in embeddings.items()})
            if self._remote:
                self._remote.put(f"{name}.safetensors", content)
            write_whole(self._folder / f"{name}.safetensors", content)


def forget_embeddings(root: Path, unused_days: float) -> int:
    """Remove the files that nobody has added or read for some days, and what interrupted writers left; bytes freed."""
    files = list((root / "embeddings").glob("*/*"))
    drafts = [path for path in files if path.name.startswith(".")]
    old = [path for path in files if time.time() - path.stat().st_mtime >= DAY_S * (max(1, unused_days) if path in drafts else unused_days)]
    freed = sum(remove(path) for path in old)
    for folder in (root / "embeddings").glob("*/"):
        with suppress(OSError):  # one that still holds some
            folder.rmdir()
    return freed
