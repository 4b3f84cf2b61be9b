"""Reviews as a data set: the clips and a CSV of their labels; the same reviews give the same bytes, so that DVC can version them."""

import csv
import io
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from components.errors import DataError
from components.files import write_whole
from components.registry.reviews import Review

TABLE, AUDIO = "labels.csv", "audio"
OURS = re.compile(r"[0-9a-f]{64}\.[a-z0-9]{1,8}")
Open = Callable[[Review], tuple[BinaryIO, str] | None]


@dataclass(frozen=True)
class Exported:
    """What was written: clips, and contents whose bytes are gone."""

    table: Path
    clips: int
    gone: int


def truths(reviews: Iterable[Review], labels: Sequence[str]) -> dict[str, tuple[Review, dict[str, bool]]]:
    """content -> its last review and what is known of these labels; contents of which nothing is known are left out.

    Reviews of models with other labels tell what those models know: a label that a person was not asked for stays unknown.
    """
    found: dict[str, tuple[Review, dict[str, bool]]] = {}
    for one in sorted(reviews, key=lambda one: (one.content, one.at, one.prediction_id)):
        told = {code: code in one.labels for code in labels if code in one.known}
        if told:
            found[one.content] = one, {**found.get(one.content, (one, {}))[1], **told}
    return found


def export(reviews: Iterable[Review], labels: Sequence[str], folder: Path, open_audio: Open) -> Exported:
    """Write `labels.csv` and `audio/` into a folder: `csv:<folder>/labels.csv` is the data set.

    Clips that an earlier export wrote there and this one does not name are removed.

    Args:
        labels: codes, a column each.
        open_audio: gives a review's clip and how its name ends, or None where the bytes are gone.
    Raises:
        DataError: if there is nothing to write.
    """
    known, rows, gone = truths(reviews, labels), [], 0
    for content, (one, told) in sorted(known.items()):
        opened = open_audio(one)
        if opened is None:
            gone += 1
            continue
        file, suffix = opened
        with file:
            name = f"{content}.{suffix}"
            _copy(file, folder / AUDIO / name)
        rows.append((name, *("" if code not in told else str(int(told[code])) for code in labels)))
    if not rows:
        said = f"the audio of all {gone} reviewed clips is gone" if gone else "no clip has been reviewed yet"
        raise DataError(f"{said}: there is nothing to export")
    _sweep(folder / AUDIO, {row[0] for row in rows})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", *labels))
    writer.writerows((f"{AUDIO}/{name}", *cells) for name, *cells in rows)
    write_whole(folder / TABLE, text.getvalue().encode())
    return Exported(folder / TABLE, len(rows), gone)


def _copy(file: BinaryIO, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partly = path.with_name(f".{uuid.uuid4().hex}")
    try:
        with partly.open("xb") as written:
            shutil.copyfileobj(file, written, 2**20)
        partly.replace(path)
    finally:
        partly.unlink(missing_ok=True)


def _sweep(folder: Path, named: set[str]) -> None:
    for path in folder.iterdir():
        if OURS.fullmatch(path.name) and path.name not in named and path.is_file():
            path.unlink()
