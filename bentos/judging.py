"""Data sets that a client names, heard and measured: what the test routes give."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from bentos.answers import answer_of, thresholds
from bentos.budget import Budget
from bentos.catalogue import Offer
from bentos.config import MIB
from bentos.context import Context
from bentos.source_errors import SourceError, quoted
from bentos.sources import SourceFile, result_names
from bentos.work import Heard, at_once
from components.datasets import DATASETS, read_dataset
from components.datasets.clips import RawClip
from components.errors import DataError, TimbreError
from components.evaluation.metrics import measure
from components.tagger import ClipScores

UNLABELLED = "inference"
MOST_LIST_MIB = 64  # of a file that lists clips, which is held whole while it is read
ALWAYS = ("accuracy", "hamming_distance", "f1", "precision", "recall")
OF_LABELS = ("accuracy", "hamming_distance", "f1", "precision", "recall")


@dataclass(frozen=True)
class Named:
    """A data set as a client names it; the type `""` is `inference`."""

    dataset_type: str
    dataset_path: str


@dataclass(eq=False)
class Test:
    """One request's clips with their truth, and what was heard of them so far; what a data set had to leave out fails when it is opened."""

    context: Context
    offer: Offer
    budget: Budget
    clips: list[RawClip] = field(default_factory=list)
    files: list[SourceFile] = field(default_factory=list)
    labelled: list[bool] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """A name for each clip's result: stems, with folders where they clash."""
        return result_names(self.files)

    async def run(self) -> AsyncIterator[Heard]:
        """Hear every clip, in order."""
        openers = [file.opened for file in self.files]
        async for one in self.context.work.hear(self.offer, at_once(openers), self.budget):
            self.heard.append(one)
            yield one

    def answer(self, heard: Heard) -> dict[str, Any]:
        """Label code -> 0 or 1, or the error."""
        if isinstance(heard, TimbreError):
            return {"error": self.context.sources.hide(str(heard))}
        return answer_of(self.offer, heard, scores=False)

    def metrics(self, of_labels: bool) -> dict[str, float | None]:
        """The metrics over all labelled clips that could be heard; None where there is none, or a number is undefined."""
        label_set = self.offer.settings.label_set
        pairs = [
            (clip, one.clip)
            for clip, labelled, one in zip(self.clips, self.labelled, self.heard, strict=True)
            if labelled and isinstance(one, ClipScores)
        ]
        if not pairs:
            return dict.fromkeys(ALWAYS)
        targets = np.array([[code in clip.labels for code in label_set.codes] for clip, _ in pairs])
        known = np.array([[code not in clip.unknown for code in label_set.codes] for clip, _ in pairs])
        scores = np.stack([score for _, score in pairs])
        values = measure(scores, targets, known, thresholds(self.offer), label_set, task=self.offer.settings.task).values
        names = [*ALWAYS]
        if of_labels:
            names += [f"instruments/{name}_{metric}" for metric in OF_LABELS for name in label_set.full_names]
        return {name: values[name] if math.isfinite(values[name]) else None for name in names}


@contextmanager
def gathered(context: Context, offer: Offer, budget: Budget, data: Sequence[Named]) -> Iterator[Test]:
    """Read what the data sets name; nothing is heard yet. Objects of S3 are there until the block ends.

    Raises:
        SourceError: if a path is not the client's to name, or there are too many files.
        DataError: if a type is unknown, a label is not the model's, or there are no clips.
        StoppedError: if nobody waits for it any more.
    """
    test = Test(context, offer, budget)
    with ExitStack() as stack:
        for one in data:
            budget.check()
            kind = one.dataset_type.strip().lower() or UNLABELLED
            if kind not in DATASETS:
                raise DataError(f'the data set type {quoted(one.dataset_type)} is unknown: choose one of {", ".join(DATASETS)}, or ""')
            local = stack.enter_context(context.sources.local(one.dataset_path, check=budget.check))
            _add(test, kind, local, one.dataset_path)
        if not test.clips:
            raise DataError("the data sets hold no clips: name others")
        yield test


async def opened(context: Context, offer: Offer, data: Sequence[Named], stack: ExitStack) -> Test:
    """`gathered`, read in a thread; it lasts as long as the stack."""
    budget = context.budget()
    gathering = gathered(context, offer, budget, data)
    reading = asyncio.ensure_future(context.look(budget, gathering.__enter__))
    try:
        test = await asyncio.shield(reading)
    except asyncio.CancelledError:
        budget.stop()  # the thread ends when it next looks, and nobody waits for that
        reading.add_done_callback(lambda done: done.cancelled() or done.exception() or gathering.__exit__(None, None, None))
        raise
    stack.push(gathering)
    return test


def _add(test: Test, kind: str, local: Path, shown: str) -> None:
    sources = test.context.sources
    if set(str(local)) & set("*?["):
        raise SourceError("malformed", f"{quoted(shown)} holds *, ? or [, which would name other files too: rename the folder")
    if kind != UNLABELLED and local.is_file() and local.stat().st_size > MOST_LIST_MIB * MIB:
        raise SourceError("too_large", f"{quoted(shown)} has more than {MOST_LIST_MIB} MiB: name a shorter list")
    try:
        found = read_dataset(f"{kind}:{local}", test.offer.settings.label_set, partial(sources.allows, local=local))
    except TimbreError as error:
        raise DataError(sources.hide(str(error))) from None
    clips = [clip for dataset in found for clip in dataset.clips if clip.split in (None, "test")]
    bad = [one for dataset in found for one in dataset.bad if one.split in (None, "test")]
    most = test.context.config.max_files
    if len(test.clips) + len(clips) + len(bad) > most:
        raise SourceError("too_large", f"the data sets hold more than {most} clips: test on fewer at a time")
    sources.check([clip.path for clip in clips], local)
    test.clips += clips
    test.files += [sources.file_of(clip.path, f"{shown.rstrip('/')}/{clip.name}", local) for clip in clips]
    test.labelled += [kind != UNLABELLED] * len(clips)
    for one in bad:
        test.clips.append(RawClip(Path(one.path), one.path))  # its labels are looked at no more than its audio
        test.files.append(SourceFile(sources.hide(one.path), partial(_refuse, f"{one.path} {one.reason}")))
        test.labelled.append(False)


def _refuse(sentence: str) -> BinaryIO:
    raise DataError(sentence)
