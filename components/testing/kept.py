"""Predictions that were kept: by `timbre test`, by the pipeline's evaluation, or beside a registered tagger."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.errors import DataError
from components.evaluation.comparison import Contender
from components.evaluation.predictions import score_column
from components.labels import Label, LabelSet, from_codes
from components.testing.write import FORMAT_VERSION, PREDICTIONS

TABLE, CARD = "predictions.parquet", "card.json"
INSIDE = ("", "test", "evaluation")  # of a run folder, where they may lie


def kept_in(place: str | Path) -> Contender | None:
    """The predictions that a file or folder holds; None where it holds none.

    Args:
        place: predictions.json or predictions.parquet, a folder with one of them, or a run folder.
    Raises:
        DataError: if they are damaged, of another version, or of clips without labels.
    """
    place = Path(place)
    if place.is_file():
        return _read(place) if place.name in (PREDICTIONS, TABLE) else None
    files = [place / inside / name for inside in INSIDE for name in (PREDICTIONS, TABLE)]
    return next((_read(file) for file in files if file.is_file()), None)


def _read(file: Path) -> Contender:
    try:
        made = _of_json(json.loads(file.read_text(encoding="utf-8"))) if file.name == PREDICTIONS else _of_parquet(file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{file} is damaged or of another version ({type(error).__name__}): test the tagger again") from None
    if made.predictions.empty:
        raise DataError(f"{file} has no clips with labels, so there is nothing to compare: test the tagger on labelled data")
    return made


def _of_json(values: dict[str, Any]) -> Contender:
    if values["format_version"] != FORMAT_VERSION:
        raise ValueError("format_version")
    labels = LabelSet("kept", tuple(Label(**label) for label in values["labels"]))
    clips = [clip for clip in values["clips"] if "truth" in clip]
    table = {"clip_id": [clip["clip_id"] for clip in clips], "group": [clip["group"] for clip in clips]}
    frame = pd.DataFrame(table).astype(str)
    for column, name in (("labels", "truth"), ("unknown", "unknown")):
        frame[column] = pd.Series([clip[name] for clip in clips], dtype=object)
    predicted = [[code for code in labels.codes if clip["decisions"][code]] for clip in clips]
    frame["predicted"] = pd.Series(predicted, dtype=object)
    for code in labels.codes:
        frame[score_column(code)] = np.array([clip["scores"][code] for clip in clips], np.float32)
    return Contender(_called(values["tagger"]), labels, frame, values.get("task", "multilabel"))


def _of_parquet(file: Path) -> Contender:
    frame, card = pd.read_parquet(file), file.with_name(CARD)
    codes = [name.removeprefix("score_") for name in map(str, frame.columns) if name.startswith("score_")]
    if not card.is_file():
        return Contender(file.parent.name, from_codes(codes, "kept"), frame)
    details = json.loads(card.read_text(encoding="utf-8"))["details"]
    labels = LabelSet("kept", tuple(Label(code, details["labels"][code], "") for code in codes))
    return Contender(_called(details), labels, frame, details.get("task", "multilabel"))


def _called(about: dict[str, Any]) -> str:
    """`name@digest8`."""
    return f"{about['name']}@{about['digest'][:8]}"
