"""Judge a tagger on the clips of a store: the evaluate step, the gate, `timbre test` and the service's test routes all come here."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from components.audio import Clip16, load
from components.audio.facts import Facts, facts_of
from components.config import EvaluationConfig
from components.errors import DataError, TaggerError
from components.evaluation.judgement import Judgement, Subject, WindowScores, WorstClip, judgement_of
from components.evaluation.reference import reference_of
from components.progress import Progress, quiet
from components.store import Store
from components.tagger import ClipScores, Tagger

__all__ = ["Judgement", "hear", "judge", "reference"]


def judge(
    tagger: Tagger,
    store: Store,
    evaluation: EvaluationConfig,
    progress: Progress = quiet,
    *,
    split: str | None = None,
    batch_size: int = 32,
    heard: Sequence[ClipScores] | None = None,
) -> Judgement:
    """Score every clip of the store and measure the scores at the tagger's own thresholds.

    Clips at another sample rate than the tagger's are decoded again from their files at the tagger's own.

    Args:
        store: the clips to judge on, usually `store.of("test")`.
        split: what to call them; the splits that they are in, without it.
        heard: what `hear` gave for these clips, where that is there already.
    Raises:
        TaggerError: if the tagger knows other labels than the store, or orders them differently.
        DataError: if the store has no clips.
        AudioError: if a clip must be decoded again and cannot be.
    """
    label_set, frame = tagger.label_set, store.manifest.frame
    scores = heard if heard is not None else hear(tagger, store, progress, batch_size)
    splits = split or ", ".join(sorted(frame["split"].unique()))

    def listen(place: int) -> WorstClip:
        return WorstClip(place, _clip(tagger, store, place).waveform, tagger.sample_rate, _windows(tagger, scores[place]))

    return judgement_of(
        Subject(tagger.name, tagger.digest, splits, store.manifest.digest, tagger.about),
        label_set,
        tagger.thresholds,
        frame,
        np.stack([one.clip for one in scores]),
        listen,
        evaluation,
    )


def hear(tagger: Tagger, store: Store, progress: Progress = quiet, batch_size: int = 32) -> list[ClipScores]:
    """The scores of every clip of the store, in its order; errors as for `judge`."""
    label_set, frame = tagger.label_set, store.manifest.frame
    if label_set.codes != store.manifest.label_set.codes:
        raise TaggerError(
            f"tagger {tagger.name} knows the labels {', '.join(label_set.codes)}, the clips have "
            f"{', '.join(store.manifest.label_set.codes)}: judge it on clips that are read with its own label set"
        )
    if frame.empty:
        raise DataError(f"there are no clips to judge {tagger.name} on: name a data set that has some in this split")
    return list(progress(tagger.score_clips(_clips(tagger, store), batch_size), "judge", len(frame)))


def reference(tagger: Tagger, store: Store, judgement: Judgement, heard: Sequence[ClipScores]) -> pd.DataFrame:
    """What drift compares with, see `reference_of`.

    Args:
        judgement: of the tagger on these clips.
        heard: what `hear` gave for them.
    """
    none = np.full(tagger.network.projection.shape[1], np.nan, np.float32)
    embeddings = np.stack([none if one.embedding is None else one.embedding for one in heard])

    def facts_at(place: int) -> Facts:
        return facts_of(_clip(tagger, store, place), tagger.sample_rate)

    return reference_of(judgement, store.manifest.frame, embeddings, facts_at)


def _clips(tagger: Tagger, store: Store) -> Iterator[Clip16]:
    for place in range(len(store)):
        yield _clip(tagger, store, place)


def _clip(tagger: Tagger, store: Store, place: int) -> Clip16:
    if tagger.sample_rate == store.sample_rate:
        return store.clip(place)
    return load(store.manifest.frame["path"].iloc[place], tagger.sample_rate)


def _windows(tagger: Tagger, heard: ClipScores) -> WindowScores:
    return WindowScores(heard.windows.astype(np.float64), heard.starts_s, tagger.settings.windows.length_s)
