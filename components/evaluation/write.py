"""The folder that evaluation leaves: numbers, pictures and words, for people, DVC and the registry."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from components.evaluation.card import card, readme
from components.evaluation.for_dvc import dvc_files
from components.evaluation.judgement import Judgement
from components.evaluation.pictures import pictures
from components.evaluation.reference import REFERENCE
from components.evaluation.report import Verdict, report
from components.files import write_whole


def write_evaluation(
    judgement: Judgement,
    folder: str | Path,
    history: pd.DataFrame | None = None,
    config: Mapping[str, Any] | None = None,
    versions: Mapping[str, str] | None = None,
    verdict: Verdict | None = None,
    note: str = "",
    engines: Mapping[str, Any] | None = None,
    reference: pd.DataFrame | None = None,
) -> Path:
    """Write all that is known of a judgement.

    metrics.json and plots/*.csv are what DVC compares, plots/*.png the pictures, report.html the page to read; predictions.parquet
    holds the scores of each clip; card.json, README.md and reference.parquet go with the tagger.

    Args:
        folder: made where it is missing; files of the same names are replaced, each at once.
        history, config, versions, verdict, note, engines: as for `report`.
        reference: of `components.judge.reference`; without it there is no reference.parquet.
    """
    folder, made = Path(folder), card(judgement, engines)
    files = dvc_files(judgement, history)
    files |= {f"plots/{picture.name}.png": picture.png() for picture in pictures(judgement, history)}
    files["report.html"] = report(judgement, verdict, history, config, versions, note, engines).encode()
    files["predictions.parquet"] = _parquet(judgement.predictions)
    if reference is not None:
        files[REFERENCE] = _parquet(reference)
    files["card.json"] = (json.dumps(made, indent=2, ensure_ascii=False) + "\n").encode()
    files["README.md"] = readme(made).encode()
    for name, content in files.items():
        write_whole(folder / name, content)
    return folder


def _parquet(table: pd.DataFrame) -> bytes:
    made = io.BytesIO()
    table.to_parquet(made, index=False)
    return made.getvalue()
