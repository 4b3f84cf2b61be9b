"""Tagger: open a folder, hear a waveform, say how likely each label is. The one scoring path of Timbre."""

import logging
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from safetensors.torch import load

from components.audio import Clip16, Limits, Source, cut, from_array, window_starts
from components.audio import load as load_clip
from components.config import Task
from components.errors import TaggerError, TimbreError
from components.labels import LabelSet
from components.network import Network, build_network
from components.progress import Progress, quiet
from components.tagger.engine import Engine, Floats, Heard, exact, find_device, missing, onnx_engine, torch_engine
from components.tagger.folder import ONNX, WEIGHTS, check
from components.tagger.reading import Reading, read_ahead
from components.tagger.settings import TaggerJson
from components.tagger.tables import ClipScores, Outcome, clip_table, window_table

log = logging.getLogger(__name__)
BATCH_SIZE = 32


class Tagger:
    """An opened tagger folder. It may be shared by threads.

    Attributes:
        digest: sha256 of tagger.json.
        label_set: the order of every score vector.
        sample_rate: in Hz; input of another rate is resampled.
        thresholds: [label]; a score at or above it is a yes. For `multiclass` they are 0: the highest score is the answer.
    """

    def __init__(self, settings: TaggerJson, digest: str, network: Network, engine: Engine, device: torch.device) -> None:
        self.settings = settings
        self.digest = digest
        self.network = network
        self.device = device
        self._engine = engine

    @classmethod
    def open(cls, folder: str | Path, device: str | torch.device = "cpu", digest: str | None = None) -> "Tagger":
        """Open a tagger folder after checking every byte of it.

        Where ONNX Runtime is missing or cannot use the device, PyTorch scores a tagger whose engine it is, to 1e-4 the same.

        Args:
            device: cpu, cuda, cuda:1 or auto.
            digest: the tagger that is expected, where that is known.
        Raises:
            TaggerError: if the folder is damaged, incomplete, of another version or another tagger, or the device is not here.
        """
        where = find_device(device)
        sealed = check(folder, digest)
        settings = sealed.settings
        network = _network(settings, sealed.files[WEIGHTS], Path(folder)).to(where)
        if settings.engine == "onnx" and (lack := missing(where)):
            log.warning("%s on %s: tagger %s is scored by PyTorch, which may be slower", lack, where, settings.name)
        elif settings.engine == "onnx":
            return cls(settings, sealed.digest, network, onnx_engine(sealed.files[ONNX], network, where, settings.task), where)
        return cls(settings, sealed.digest, network, torch_engine(network, where, settings.task), where)

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def label_set(self) -> LabelSet:
        return self.settings.label_set

    @property
    def task(self) -> Task:
        return self.settings.task

    @property
    def sample_rate(self) -> int:
        return self.settings.sample_rate

    @cached_property
    def thresholds(self) -> Floats:
        return np.array(self.settings.thresholds, np.float32)

    @property
    def about(self) -> dict[str, Any]:
        """What tagger.json says."""
        return self.settings.model_dump(mode="json")

    def score(self, y: npt.ArrayLike, sr: int) -> Floats:
        """A waveform in memory, [time], [channel, time] or [time, channel] at `sr` Hz -> scores [label]."""
        return next(self.score_clips([from_array(y, sr, self.sample_rate)])).clip

    def score_windows(self, waveform: Floats) -> Floats:
        """A mono waveform [time] at the tagger's own rate -> scores [window, label]."""
        starts = self._starts(len(waveform))
        parts = [starts[first : first + BATCH_SIZE] for first in range(0, len(starts), BATCH_SIZE)]
        return np.concatenate([self._engine(cut(waveform, part, self.settings.window_samples))[0] for part in parts])

    def score_clips(self, clips: Iterable[Clip16], batch_size: int = BATCH_SIZE) -> Iterator[ClipScores]:
        """Clips at the tagger's own rate -> their scores, in order; windows of many clips share batches.

        Scores do not depend on `batch_size` or on a clip's neighbours by more than 1e-5.

        Raises:
            TaggerError: if `batch_size` is below 1.
        """
        if batch_size < 1:
            raise TaggerError(f"batch_size must be 1 or more, got {batch_size}: raise it")
        batch = np.empty((batch_size, self.settings.window_samples), np.float32)
        filled, owners = 0, list[tuple[_Waiting, int]]()
        waiting = deque[_Waiting]()
        for clip in clips:
            waveform = clip.waveform
            entry = _Waiting(self._starts(len(waveform)), [])
            waiting.append(entry)
            first = 0
            while first < len(entry.starts):
                part = entry.starts[first : first + batch_size - filled]
                batch[filled : filled + len(part)] = cut(waveform, part, self.settings.window_samples)
                owners.append((entry, len(part)))
                first, filled = first + len(part), filled + len(part)
                if filled == batch_size:
                    self._share_out(batch, owners)
                    filled, owners = 0, []
            while waiting and waiting[0].complete:
                yield self._pooled(waiting.popleft())
        if filled:
            self._share_out(batch[:filled], owners)
        yield from map(self._pooled, waiting)

    def embed(self, y: npt.ArrayLike, sr: int) -> Floats:
        """A waveform in memory -> [width]: what the backbone hears, averaged over the clip's windows."""
        waveform = from_array(y, sr, self.sample_rate).waveform
        starts = self._starts(len(waveform))
        total = np.zeros(0, np.float32)
        for first in range(0, len(starts), BATCH_SIZE):
            windows = cut(waveform, starts[first : first + BATCH_SIZE], self.settings.window_samples)
            with torch.inference_mode(), exact(self.device):
                part = self.network.embed(torch.from_numpy(windows).to(self.device)).sum(dim=0).cpu().numpy()
            total = part if first == 0 else total + part
        return total / np.float32(len(starts))

    def predict(
        self, sources: Sequence[Source], *, progress: Progress = quiet, threshold: float | None = None, **reading: Unpack[Reading]
    ) -> pd.DataFrame:
        """Files, bytes or file objects -> a row a clip: `path`, `score_<code>` a label, `labels` found, `error`.

        Args:
            threshold: one for every label instead of the tagger's own; for `multiclass` the highest score counts only where it reaches it.
            reading: as for `score_sources`.
        """
        thresholds = self.thresholds if threshold is None else np.full(len(self.label_set), threshold, np.float32)
        outcomes = progress(self.score_sources(sources, **reading), "predict", len(sources))
        return clip_table(outcomes, self.label_set, thresholds, self.task)

    def windows_frame(self, sources: Sequence[Source], *, progress: Progress = quiet, **reading: Unpack[Reading]) -> pd.DataFrame:
        """The same files -> a row a window: `path`, `start_s`, `end_s`, `score_<code>` a label; a file that failed has none."""
        outcomes = progress(self.score_sources(sources, **reading), "predict", len(sources))
        return window_table(outcomes, self.label_set, self.settings.windows.length_s)

    def score_sources(self, sources: Iterable[Source], **reading: Unpack[Reading]) -> Iterator[Outcome]:
        """Each source's name with its scores or its error, in order, while later ones are still being read."""
        names = deque[tuple[str, TimbreError | None]]()
        with closing(self._clips(sources, names, reading)) as clips:  # nobody reads on where scoring fails
            for scores in self.score_clips(clips, reading.get("batch_size", BATCH_SIZE)):
                yield from _failures(names)
                yield names.popleft()[0], scores
            yield from _failures(names)

    def _clips(
        self, sources: Iterable[Source], names: "deque[tuple[str, TimbreError | None]]", reading: Reading
    ) -> Generator[Clip16, None, None]:
        how = reading.get("limits", Limits()), reading.get("workers"), reading.get("read", load_clip)
        with closing(read_ahead(sources, self.sample_rate, *how)) as read:
            for name, outcome in read:
                names.append((name, outcome if isinstance(outcome, TimbreError) else None))
                if not isinstance(outcome, TimbreError):
                    yield outcome

    def _starts(self, num_samples: int) -> list[int]:
        return window_starts(num_samples, self.settings.window_samples, self.settings.hop_samples)

    def _share_out(self, batch: Floats, owners: "list[tuple[_Waiting, int]]") -> None:
        (scores, embeddings), first = self._engine(batch), 0
        for entry, count in owners:
            part = slice(first, first + count)
            entry.parts.append((scores[part], None if embeddings is None else embeddings[part]))
            first += count

    def _pooled(self, entry: "_Waiting") -> ClipScores:
        windows = np.concatenate([scores for scores, _ in entry.parts])
        clip = self.network.pool(torch.from_numpy(windows)).numpy()
        embeddings = [part for _, part in entry.parts if part is not None]
        embedding = np.concatenate(embeddings).mean(axis=0) if embeddings else None
        return ClipScores(windows, np.array(entry.starts) / self.sample_rate, clip, embedding)


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A clip whose windows are not all scored yet."""

    starts: list[int]
    parts: list[Heard]

    @property
    def complete(self) -> bool:
        return sum(len(scores) for scores, _ in self.parts) == len(self.starts)


def _failures(names: "deque[tuple[str, TimbreError | None]]") -> Iterator[Outcome]:
    """Take the files that failed from the front of the line."""
    while names and (error := names[0][1]) is not None:
        yield names.popleft()[0], error


def _network(settings: TaggerJson, weights: bytes, folder: Path) -> Network:
    model = settings.model.model_copy(update={"pretrained": "none"})  # the weights are in the folder
    with torch.random.fork_rng(devices=[]):  # weights are drawn before they are replaced; a notebook's own draws stay as they were
        network = build_network(settings.feature, model, settings.windows, settings.sample_rate, settings.label_set)
    try:
        network.load_state_dict(load(weights))
    except Exception as error:
        raise TaggerError(f"{folder / WEIGHTS} does not fit {folder}: {' '.join(str(error).split())[:200]}; train again") from None
    return network.eval()
