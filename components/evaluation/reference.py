"""What drift compares with: inputs, scores, decisions, truths and embeddings of clips that the tagger was judged on."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.audio.facts import Facts
from components.errors import TaggerError
from components.evaluation.judgement import Judgement
from components.evaluation.predictions import score_column

REFERENCE = "reference.parquet"
MOST_CLIPS = 2000
OF_FILE = ("duration_s", "sample_rate", "channels")
OF_SOUND = ("loudness_lufs", "peak_db", "silent_share", "clipped_share")


def sample(clips: pd.DataFrame) -> npt.NDArray[np.int64]:
    """The rows [up to 2,000], rising, of clips that are drawn by SHA-256 of group and clip id: each clip is as likely as another.

    Neither the order of the rows nor where the files lie changes the choice.
    """
    names = zip(clips["group"].tolist(), clips["clip_id"].tolist(), strict=True)
    lots = [hashlib.sha256(f"{group}\n{clip}".encode()).digest() for group, clip in names]
    drawn = sorted(range(len(lots)), key=lots.__getitem__)[:MOST_CLIPS]
    return np.array(sorted(drawn), np.int64)


def reference_of(
    judgement: Judgement, clips: pd.DataFrame, embeddings: npt.NDArray[np.float32], facts_at: Callable[[int], Facts]
) -> pd.DataFrame:
    """A row a clip of `sample`.

    Args:
        clips: the manifest's rows that were judged.
        embeddings: [clip, number]; NaN where the tagger gives none.
        facts_at: row -> what its sound is like; asked of the sample alone.
    Returns:
        clip_id; the inputs duration_s, sample_rate and channels (of the file), loudness_lufs, peak_db, silent_share and
        clipped_share (of its mono mix at the tagger's rate), float64, NaN where undefined; score_<code> float32, decision_<code> int8,
        target_<code> float32, NaN where unknown; embedding_00 and so on, float32. Its `attrs` say of which tagger's `digest`, of
        which `split` and of how many `clips` it is.
    """
    kept, codes, found = sample(clips), judgement.label_set.codes, judgement.predicted
    rows = clips.iloc[kept].reset_index(drop=True)
    facts = [asdict(facts_at(int(place))) for place in kept]
    targets = np.where(found.mask, found.targets, np.nan)
    tables = [
        rows[["clip_id"]],
        rows[list(OF_FILE)].astype(np.float64),
        pd.DataFrame(facts, columns=list(OF_SOUND), dtype=np.float64),
        _table(found.scores[kept].astype(np.float32), map(score_column, codes)),
        _table(found.decisions[kept].astype(np.int8), (f"decision_{code}" for code in codes)),
        _table(targets[kept].astype(np.float32), (f"target_{code}" for code in codes)),
        _table(embeddings[kept], (f"embedding_{number:02d}" for number in range(embeddings.shape[1]))),
    ]
    table = pd.concat(tables, axis=1)
    table.attrs = {"digest": judgement.subject.digest, "split": judgement.subject.split, "clips": len(clips)}
    return table


def read_reference(folder: str | Path) -> pd.DataFrame:
    """The reference in a tagger folder or in that of an evaluation, as `reference_of` made it.

    Raises:
        TaggerError: if it is not there, damaged, or has no inputs, as one from before drift was watched.
    """
    path = Path(folder) / REFERENCE
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise TaggerError(f"{folder} has no {REFERENCE}, so there is nothing to compare with: train and register a tagger anew") from None
    except (OSError, ValueError):
        raise TaggerError(f"{path} is damaged: take the tagger from its origin again") from None
    if lacking := [name for name in (*OF_FILE, *OF_SOUND) if name not in table]:
        raise TaggerError(f"{path} is of an older Timbre and lacks {', '.join(lacking)}: train and register a tagger anew")
    return table


def _table(values: npt.NDArray[Any], names: Iterable[str]) -> pd.DataFrame:
    """[clip, column] under names."""
    return pd.DataFrame(values, columns=list(names))
