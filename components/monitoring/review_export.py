"""Reviews as a data set: the clips and a CSV of their labels; the same reviews give the same bytes, so that DVC can version them.

How each review came about lies beside, a line of JSON a clip, for who wants to choose among them: it is no label, and people's names are
nobody's data.
"""

import csv
import io
import json
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from components.errors import DataError
from components.evaluation.names import plural
from components.files import write_whole
from components.monitoring.clip_audio import open_clip, suffix_of
from components.registry.records import rfc3339
from components.registry.reviews import Review

TABLE, AUDIO, REVIEWS = "labels.csv", "audio", "reviews.jsonl"
OURS = re.compile(r"[0-9a-f]{64}\.[a-z0-9]{1,8}")


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


def export(reviews: Iterable[Review], labels: Sequence[str], folder: Path) -> Exported:
    """Write `labels.csv`, `reviews.jsonl` and `audio/` into a folder: `csv:<folder>/labels.csv` is the data set.

    Clips that an earlier export wrote there and this one does not name are removed, and its tables where nothing is left.

    Args:
        labels: codes, a column each.
    Raises:
        DataError: if there is nothing to write.
    """
    rows: list[tuple[str, ...]] = []
    lines, gone = "", 0
    known = truths(reviews, labels)
    for content, (one, told) in sorted(known.items()):
        try:
            file = open_clip(content, one.source, one.audio_uri)
        except OSError:
            gone += 1
            continue
        with file:
            name = f"{content}.{suffix_of(file) or 'audio'}"
            _copy(file, folder / AUDIO / name)
        rows.append((name, *("" if code not in told else str(int(told[code])) for code in labels)))
        lines += _line(name, one)
    if not rows:
        _sweep(folder / AUDIO, lambda path: path.stem in known)  # what is away today may be there tomorrow
        for name in (TABLE, REVIEWS) if not known else ():
            (folder / name).unlink(missing_ok=True)
        said = f"of {plural(gone, 'reviewed clip')} no audio is left" if gone else "no clip has been reviewed yet"
        raise DataError(f"{said}: there is nothing to export")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", *labels))
    writer.writerows((f"{AUDIO}/{name}", *cells) for name, *cells in rows)
    named = {row[0] for row in rows}
    _sweep(folder / AUDIO, lambda path: path.name in named)
    write_whole(folder / TABLE, text.getvalue().encode())
    write_whole(folder / REVIEWS, lines.encode())
    return Exported(folder / TABLE, len(rows), gone)


def forget(folder: Path, content: str) -> bool:
    """Remove a clip from what `export` wrote to a folder, and say whether it was there; its row goes before its audio.

    Args:
        content: BLAKE3 of the file's bytes.
    Raises:
        OSError: if it cannot be removed.
    """
    gone = [_without(folder / name, f"{AUDIO}/{content}.") for name in (TABLE, REVIEWS)]
    for path in (folder / AUDIO).glob(f"{content}.*"):
        path.unlink(missing_ok=True)
        gone.append(True)
    return any(gone)


def _without(table: Path, name: str) -> bool:
    """Take the lines that hold a name out of a file, and say whether there were any."""
    if not table.is_file():
        return False
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    left = [line for line in lines if name not in line]
    if len(left) < len(lines):
        write_whole(table, "".join(left).encode())
    return len(left) < len(lines)


def _line(name: str, review: Review) -> str:
    about = {"model": review.model, "at": rfc3339(review.at), "sampled_p": review.sampled_p, "opinion_shown": review.opinion_shown}
    return json.dumps({"file": f"{AUDIO}/{name}", **about}) + "\n"


def _copy(file: BinaryIO, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partly = path.with_name(f".{uuid.uuid4().hex}")
    try:
        with partly.open("xb") as written:
            shutil.copyfileobj(file, written, 2**20)
        partly.replace(path)
    finally:
        partly.unlink(missing_ok=True)


def _sweep(folder: Path, stays: Callable[[Path], bool]) -> None:
    for path in folder.iterdir() if folder.is_dir() else ():
        if OURS.fullmatch(path.name) and not stays(path) and path.is_file():
            path.unlink()
