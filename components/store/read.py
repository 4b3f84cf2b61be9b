"""Reads stored clips: whole ones for scoring, batches of windows straight from the memory map for training."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.audio import Clip16
from components.datasets import Manifest
from components.errors import DataError, S3Error, StoreError
from components.store.embeddings import Embeddings
from components.store.folder import Folder
from components.store.identity import renew_far
from components.store.ref import StoreRef
from components.store.remote import bring_shards
from components.store.shards import Samples, locate, map_samples, samples_file


class Store:
    """The clips of a view, in the order of its manifest; it can be pickled, and maps a shard when it is first needed.

    Attributes:
        manifest: the clips that are in it.
        sample_rate: of every clip, in Hz.
        num_samples: int64 [clip].
        scales: float32 [clip].
    """

    def __init__(self, folder: Folder, manifest: Manifest) -> None:
        """Use `open_store`.

        Raises:
            StoreError: if a clip of the manifest is not stored.
        """
        self.manifest = manifest
        self.sample_rate: int = folder.settings["sample_rate"]
        self._folder = folder
        self._maps: dict[str, Samples] = {}
        self._find()

    def _find(self) -> None:
        shas = self.manifest.frame["sha256"].tolist()
        found = locate(self._folder, set(shas))
        if lost := [sha256 for sha256 in shas if sha256 not in found]:
            if self._folder.store:
                renew_far(self._folder.store)  # or a cached featurize would name this view again
            raise StoreError(f"{len(lost)} of {len(shas)} clips are gone from the store at {self._folder}: run featurize again")
        places = [found[sha256] for sha256 in shas]
        self._shards = [place.shard for place in places]
        self._offsets = np.array([place.offset for place in places], np.int64)
        self.num_samples = np.array([place.length for place in places], np.int64)
        self.scales = np.array([place.scale for place in places], np.float32)

    def __len__(self) -> int:
        return len(self.manifest)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_maps": {}}

    def of(self, split: str) -> "Store":
        """The clips of one split."""
        return self.take(np.flatnonzero(self.manifest.frame["split"].to_numpy() == split))

    def take(self, places: npt.NDArray[np.int64]) -> "Store":
        """Some of the clips.

        Args:
            places: [n], rising, in the manifest's order.
        """
        part = object.__new__(Store)
        part.__dict__.update(self.__dict__)
        part.manifest = Manifest(self.manifest.frame.iloc[places].reset_index(drop=True), self.manifest.label_set)
        part._shards = [self._shards[place] for place in places]
        part._offsets, part.num_samples, part.scales = self._offsets[places], self.num_samples[places], self.scales[places]
        return part

    def resplit(self, splits: Sequence[str]) -> "Store":
        """The same clips in other splits.

        Args:
            splits: [clip], `train`, `val` or `test`.
        """
        part = object.__new__(Store)
        part.__dict__.update(self.__dict__)
        part.manifest = Manifest(self.manifest.frame.assign(split=list(splits)), self.manifest.label_set)
        return part

    def bring(self) -> None:
        """Fetch what is not here yet, where the store lies on S3: once, before several processes need the same."""
        bring_shards(self._folder, self._shards)

    def clip(self, place: int) -> Clip16:
        """A whole clip as it is stored: the same bits as `audio.load(path, sample_rate)`, its samples still in the memory map."""
        return Clip16(self._samples(place, 0, int(self.num_samples[place])), float(self.scales[place]))

    def waveform(self, place: int) -> npt.NDArray[np.float32]:
        """A whole clip, float32 [time]."""
        return self.clip(place).waveform

    def batch(
        self, places: Sequence[int] | npt.NDArray[np.int64], starts: Sequence[int] | npt.NDArray[np.int64], length: int
    ) -> npt.NDArray[np.float32]:
        """Windows, float32 [n, length], with zeros past a clip's end.

        Args:
            places: [n], of clips in the manifest's order.
            starts: [n], in samples, 0 or more.
            length: of a window, in samples.
        Raises:
            ValueError: if a start is negative.
        """
        windows = np.empty((len(places), length), np.float32)
        for window, place, start in zip(windows, places, starts, strict=True):
            if start < 0:
                raise ValueError(f"a window starts at sample {start}: it cannot start before its clip")
            samples = self._samples(place, start, length)
            np.multiply(samples, self.scales[place], out=window[: len(samples)], dtype=np.float32)
            window[len(samples) :] = 0
        return windows

    def embeddings(self, key: str) -> Embeddings:
        """Where embeddings of these clips are kept; `key` is the sha256 of all that they depend on besides the clips."""
        name = f"embeddings/{self._folder.path.name}-{key[:32]}"
        return Embeddings(self._folder.path.parents[1] / name, self._folder.store / name if self._folder.store else None)

    def _samples(self, place: int, start: int, length: int) -> Samples:
        """int16 [up to length] of a clip from `start` on."""
        shard = self._maps.get(self._shards[place])
        if shard is None:
            shard = self._map(place)
        first = self._offsets[place]
        return shard[first + start : first + min(start + length, self.num_samples[place])]

    def _map(self, place: int) -> Samples:
        try:
            try:
                if not samples_file(self._folder, self._shards[place]).exists():
                    self.bring()  # more of this part will be asked for
                samples = map_samples(self._folder, self._shards[place])
            except FileNotFoundError:
                self._find()  # garbage collection has moved the clip to another shard
                samples = map_samples(self._folder, self._shards[place])
        except (S3Error, StoreError):
            raise
        except (OSError, ValueError) as error:
            raise StoreError(
                f"shard {self._shards[place]} of the store at {self._folder} is damaged ({error}): run featurize again"
            ) from None
        self._maps[self._shards[place]] = samples
        return samples


def open_store(ref: StoreRef, root: Path | None = None) -> Store:
    """The clips that `ref` names.

    Args:
        root: of the store; TIMBRE_STORE by default.
    Raises:
        StoreError: if the store has no such view, or clips of it are gone.
    """
    folder = Folder.at(ref.uri, root)
    view = folder.view(ref.digest)
    try:
        if folder.remote and not view.exists():
            with folder.fetching():
                folder.remote.fetch(f"views/{view.name}", view)
        manifest = Manifest.read(view)
    except (DataError, S3Error) as error:
        if isinstance(error, S3Error) and error.kind != "missing":
            raise
        raise StoreError(
            f"the store at {folder} has no view {ref.digest[:8]}: run featurize, or set TIMBRE_STORE to where it ran"
        ) from None
    with suppress(OSError):  # a store that may only be read
        os.utime(view, (time.time(),) * 2)  # it is in use: garbage collection keeps it
    return Store(folder, manifest)
