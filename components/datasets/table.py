"""Clips listed in a CSV: a `file` column, one 0/1 column a label, and the reserved columns split, group, fold and speaker."""

import csv
import io
import os
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from components.datasets.clips import BadClip, Dataset, RawClip
from components.datasets.files import leads_out, read_text, shown
from components.errors import DataError
from components.labels import LabelSet
from components.places import stand_ins
from components.s3 import SCHEME, is_remote

MOST_ECHOED = 200  # characters of a first line that is no header
RESERVED = ("file", "split", "group", "fold", "speaker")
_CELLS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1, "": None, "nan": None}
_SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}

MayRead = Callable[[Path], bool]


@dataclass(frozen=True)
class Table:
    """A CSV as text.

    Args:
        columns: column -> place in a row; reserved columns in lower case, unnamed ones (an index that pandas wrote) left out.
        rows: (line number, cells).
    """

    path: Path
    columns: dict[str, int]
    rows: list[tuple[int, list[str]]]

    @property
    def labels(self) -> list[str]:
        return [column for column in self.columns if column not in RESERVED]

    def cell(self, row: list[str], column: str) -> str:
        return row[self.columns[column]].strip() if column in self.columns else ""


def read_table(path: Path, key: str = "file") -> Table:
    """Read a CSV; commas, semicolons or tabs part its cells, as its first line shows.

    Args:
        key: the column that it must have.
    Raises:
        DataError: if it is no CSV with that column, names a column twice, or a row has too many or too few cells.
    """
    if not path.is_file():
        raise DataError(f"{shown(path)} is not there, or is no file: name a CSV with a column `{key}`")
    text = read_text(path)
    first_line = text.lstrip("\n").split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first_line.count), strict=True)
    try:
        lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DataError(f"{shown(path)}, line {reader.line_num} is not CSV: {error}") from None
    header = [cell.strip() for cell in lines[0][1]] if lines else []
    names = [name.lower() if name.lower() in RESERVED else name for name in header]
    if key not in names:
        only = ", ".join(names) or "nothing"
        only = only if len(only) <= MOST_ECHOED else f"{only[:MOST_ECHOED]}..."
        raise DataError(f"{shown(path)} has no column `{key}` in its first line, only: {only}")
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise DataError(f"{shown(path)}, line 1: column {twice[0]!r} is there twice: keep one")
    columns = {name: place for place, name in enumerate(names) if name}
    return Table(path, columns, list(_even(lines[1:], len(names), path)))


def read_csv(where: str, label_set: LabelSet, may_read: MayRead | None = None) -> Dataset:
    """Clips of a CSV whose other columns are labels; an empty cell, and a label without a column, is unknown.

    Files are sought beside the CSV, then in the working folder; one that is missing, or leads out of both, is reported as bad.
    Group = the `group` column, else `speaker`.

    Raises:
        DataError: with file and line: a column outside the label set, a cell that is not 0, 1 or empty, a split that is not
            train, val or test, a file listed twice with other labels.
    """
    table = read_table(Path(where).expanduser())
    for column in table.labels:
        label_set.check(column, f"{shown(table.path)}, line 1")
    absent = frozenset(label_set.codes) - frozenset(table.labels)
    dataset = Dataset("csv", table.path.parent)
    has_split = any(table.cell(row, "split") for _, row in table.rows)
    if not (has_split or {"group", "speaker"} & set(table.columns)):
        dataset.notes.append(
            f"{shown(table.path)} has no column `group`: each file is a group of its own, so excerpts of one recording may be in two splits"
        )
    seen: dict[str, tuple[int, RawClip]] = {}
    for line, row in table.rows:
        at = f"{shown(table.path)}, line {line}"
        cells = {column: _truth(table.cell(row, column), column, at) for column in table.labels}
        split = _split(table.cell(row, "split"), at) if has_split else None
        located = locate(table, row, line, may_read)
        if isinstance(located, BadClip):
            dataset.bad.append(replace(located, split=split))
            continue
        path, name = located
        clip = RawClip(
            path,
            name,
            labels=frozenset(column for column, truth in cells.items() if truth == 1),
            unknown=frozenset(column for column, truth in cells.items() if truth is None) | absent,
            group=table.cell(row, "group") or table.cell(row, "speaker") or None,
            split=split,
            fold=table.cell(row, "fold"),
        )
        if name in seen:
            _check_same(clip, seen[name], at, dataset)
            continue
        seen[name] = (line, clip)
        dataset.clips.append(clip)
    return dataset


def locate(table: Table, row: list[str], line: int, may_read: MayRead | None = None) -> tuple[Path, str] | BadClip:
    """The row's file and its name in the data set, or why there is none.

    Args:
        may_read: asked before the disk is, and what it denies is as if it were not there; names are then sought beside the CSV only.
    """
    at = f"{shown(table.path)}, line {line}"
    if not (text := table.cell(row, "file")):
        return BadClip(at, "names no file")
    if is_remote(text) and may_read is None:
        return stand_ins(text), unicodedata.normalize("NFC", text.removeprefix(SCHEME))  # whether it is there is seen when it is read
    written = Path(text) if may_read else Path(text).expanduser()
    folder, here = table.path.parent, Path.cwd()
    wanted = [folder / written] if may_read else [folder / written, written]
    path = next((path for path in wanted if (may_read is None or may_read(path)) and os.path.isfile(path)), None)  # noqa: PTH113 - any text
    if path is None:
        return BadClip(shown(folder / written), f"is not there (named in {at})")
    if may_read is None and not written.is_absolute() and leads_out(path, folder.resolve(), here.resolve()):
        return BadClip(shown(path), f"leads out of the CSV's folder and the working folder (named in {at}): give its absolute path")
    return path, unicodedata.normalize("NFC", written.as_posix().lstrip("/"))


def _even(lines: list[tuple[int, list[str]]], width: int, path: Path) -> Iterator[tuple[int, list[str]]]:
    for line, row in lines:
        if len(row) < width or any(cell.strip() for cell in row[width:]):
            raise DataError(
                f"{shown(path)}, line {line} has {len(row)} cells where the first line has {width}: quote cells that hold a comma"
            )
        yield line, row[:width]


def _truth(cell: str, column: str, at: str) -> int | None:
    if cell.lower() not in _CELLS:
        reserved = ", ".join(RESERVED)
        raise DataError(f"{at}: column {column!r} holds {cell!r}, not 0, 1 or nothing; each column but {reserved} is a label")
    return _CELLS[cell.lower()]


def _split(cell: str, at: str) -> str:
    if cell.lower() not in _SPLIT_NAMES:
        raise DataError(f"{at}: split is {cell!r}: write train, val or test")
    return _SPLIT_NAMES[cell.lower()]


def _check_same(clip: RawClip, before: tuple[int, RawClip], at: str, dataset: Dataset) -> None:
    line, first = before
    if clip != first:
        raise DataError(f"{at}: {clip.name} is listed on line {line} too, with other values: keep one")
    dataset.notes.append(f"{at}: {clip.name} is listed on line {line} too; it counts once")
