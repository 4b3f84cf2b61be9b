"""A few clips of a period that drifted, to listen to where their audio is kept: the most typical of what changed, and the farthest."""

import base64
import io
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.audio import Limits, load
from components.errors import TimbreError
from components.evaluation.names import display_name, listed
from components.labels import LabelSet
from components.monitoring.inputs import INPUTS
from components.monitoring.kept_audio import fetch
from components.monitoring.period import embedding_columns, usable
from components.monitoring.verdict import DriftVerdict

log = logging.getLogger(__name__)
EACH, MOST_CLIPS = 3, 20_000  # of each kind; that they are chosen from
RATE, SECONDS, MOST_BYTES = 22050, 10.0, 64 * 2**20
Distances = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sound:
    """A clip in a report.

    Attributes:
        title: why it is there.
        told: when it came and what was heard in it.
        ogg: its first ten seconds in base64.
    """

    title: str
    told: str
    ogg: str


def sounds(
    reference: pd.DataFrame, current: pd.DataFrame, label_set: LabelSet, verdict: DriftVerdict, now: datetime | None = None
) -> list[Sound]:
    """At most six clips of the period; none where nothing drifted or no audio is kept. What cannot be read is left out.

    Args:
        reference, current, now: as for `drift`.
    """
    if not verdict.findings or "audio_uri" not in current:
        return []
    places = np.flatnonzero(usable(current, now)[0] & current["audio_uri"].notna().to_numpy(bool))
    if not len(places):
        return []
    if len(places) > MOST_CLIPS:
        places = np.sort(np.random.default_rng(0).choice(places, MOST_CLIPS, replace=False))
    rows = current.iloc[places].reset_index(drop=True)
    typical, far = _distances(reference, rows, verdict)
    made: list[Sound] = []
    taken: set[int] = set()
    for title, order in (("typical of what changed", np.argsort(typical)), ("farthest from the reference", np.argsort(-far))):
        for place in [int(one) for one in order if int(one) not in taken][:EACH]:
            taken.add(place)
            if (sound := _sound(title, rows.iloc[place], label_set)) is not None:
                made.append(sound)
    return made


def _distances(reference: pd.DataFrame, rows: pd.DataFrame, verdict: DriftVerdict) -> tuple[Distances, Distances]:
    """How far each row lies from the middle of the period, and from that of the reference, in the numbers that drifted."""
    names = [name for check in verdict.checks if check.found for name in _columns(check.area, check.name, reference)]
    columns = [name for name in dict.fromkeys(names) if name in rows and name in reference]
    if not columns:
        return np.zeros(len(rows)), np.zeros(len(rows))
    then = reference[columns].to_numpy(np.float64, na_value=np.nan)
    now = rows[columns].to_numpy(np.float64, na_value=np.nan)
    middle, spread = np.nanmedian(then, axis=0), np.nanstd(then, axis=0)
    scaled = np.nan_to_num((now - middle) / np.where(spread > 0, spread, 1.0))
    return np.square(scaled - np.median(scaled, axis=0)).mean(axis=1), np.square(scaled).mean(axis=1)


def _columns(area: str, name: str, reference: pd.DataFrame) -> list[str]:
    if area == "input":
        return [name] if INPUTS[name].kind == "number" else []
    return embedding_columns(reference) if area == "embedding" else [f"score_{name}"]


def _sound(title: str, row: Any, label_set: LabelSet) -> Sound | None:
    import soundfile

    try:
        with fetch(str(row["audio_uri"]), MOST_BYTES) as source:
            clip = load(source, RATE, Limits())
        file = io.BytesIO()
        soundfile.write(file, clip.samples[: round(SECONDS * RATE)], RATE, format="OGG", subtype="VORBIS")
    except (OSError, TimbreError, RuntimeError) as error:
        log.warning("a clip cannot be heard in the report: %s", error)
        return None
    heard = [display_name(one.full_name) for one in label_set.labels if row.get(f"decision_{one.code}") == 1]
    at = f"{pd.Timestamp(row['at']):%Y-%m-%d %H:%M:%S}, " if "at" in row else ""
    return Sound(title, f"{at}heard: {listed(heard) if heard else 'nothing'}", base64.b64encode(file.getvalue()).decode())
