"""OpenMIC-2018 (Humphrey, Durand and McFee, ISMIR 2018) in its own layout: 20 instruments, most of them unknown for most clips."""

import json
import zipfile
from pathlib import Path

import numpy as np

from components.datasets.clips import BadClip, Dataset, RawClip
from components.datasets.files import find_files, read_text, shown
from components.datasets.table import read_table
from components.errors import DataError
from components.labels import OPENMIC, LabelSet

ARRAYS = "openmic-2018.npz"
TABLE = "openmic-2018-aggregated-labels.csv"
PRESENT = 0.5

Relevance = dict[str, dict[str, float]]
"""sample key -> instrument -> share of the listeners who heard it; an instrument that nobody was asked about is not in it."""


def read_openmic(where: str, label_set: LabelSet) -> Dataset:
    """Clips of OpenMIC-2018: relevance >= 0.5 is 1, what nobody was asked about is unknown, its own train and test kept.

    Labels come from openmic-2018.npz, never unpickled; where it is missing or holds pickled keys, from the CSV of aggregated
    labels. Group = track (the key before `_`).

    Raises:
        DataError: if the layout is another, a label is not in the set, or a key is in both partitions.
    """
    root = _root(Path(where).expanduser())
    dataset = Dataset("openmic", root)
    relevance = _relevance(root, dataset.notes)
    for code in sorted({code for asked in relevance.values() for code in asked}):
        label_set.check(code, shown(root))
    splits = _partitions(root, dataset.notes)
    found = find_files(str(root / "audio"))
    dataset.bad += found.bad
    audio = {path.stem: path for path, _ in found.audio}
    for key, asked in sorted(relevance.items()):
        if (path := audio.pop(key, None)) is None:
            dataset.bad.append(BadClip(shown(root / "audio" / key[:3] / f"{key}.ogg"), "is not there, though it has labels"))
        elif splits and key not in splits:
            dataset.bad.append(BadClip(shown(path), "is in no partition", gated=False))
        else:
            dataset.clips.append(
                RawClip(
                    path,
                    path.relative_to(root).as_posix(),
                    labels=frozenset(code for code, share in asked.items() if share >= PRESENT),
                    unknown=frozenset(label_set.codes) - frozenset(asked),
                    group=key.partition("_")[0],
                    split=splits.get(key),
                )
            )
    dataset.bad += [BadClip(shown(path), "has no labels", gated=False) for path in audio.values()]
    return dataset


def _root(path: Path) -> Path:
    """The folder that holds `audio`: the one named, or the openmic-2018 that the archive makes in it."""
    for root in (path, path / "openmic-2018"):
        if (root / "audio").is_dir():
            return root
    raise DataError(f"{shown(path)} is not OpenMIC-2018: it has no folder audio; `timbre data fetch openmic DIR` makes one that fits")


def _relevance(root: Path, notes: list[str]) -> Relevance:
    if (arrays := root / ARRAYS).is_file():
        try:
            return _from_arrays(arrays, _classes(root))
        except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
            if not (root / TABLE).is_file():
                raise DataError(f"{shown(arrays)} cannot be read without unpickling ({error}) and {TABLE} is not beside it") from None
            notes.append(f"labels are from {TABLE}: {ARRAYS} holds pickled or damaged arrays, which are not opened")
    if (table := root / TABLE).is_file():
        return _from_table(table)
    raise DataError(f"{shown(root)} has neither {ARRAYS} nor {TABLE}: fetch OpenMIC-2018 anew")


def _from_arrays(path: Path, classes: list[str]) -> Relevance:
    with np.load(path, allow_pickle=False) as arrays:
        keys, truth, known = arrays["sample_key"], arrays["Y_true"], arrays["Y_mask"].astype(bool)
    if truth.shape != known.shape or truth.shape != (len(keys), len(classes)):
        raise ValueError(f"Y_true is {truth.shape}, Y_mask {known.shape}, for {len(keys)} keys and {len(classes)} classes")
    names = [key.decode() if isinstance(key, bytes) else str(key) for key in keys]
    return {name: {classes[place]: float(truth[row, place]) for place in np.flatnonzero(known[row])} for row, name in enumerate(names)}


def _from_table(path: Path) -> Relevance:
    wanted = ("sample_key", "instrument", "relevance")
    table = read_table(path, key="sample_key")
    if missing := [column for column in wanted if column not in table.columns]:
        raise DataError(f"{shown(path)} has no column {missing[0]!r}: fetch OpenMIC-2018 anew")
    relevance: Relevance = {}
    for line, row in table.rows:
        key, instrument, share = (table.cell(row, column) for column in wanted)
        try:
            relevance.setdefault(key, {})[instrument] = float(share)
        except ValueError:
            raise DataError(f"{shown(path)}, line {line}: relevance is {share!r}, not a number") from None
    return relevance


def _classes(root: Path) -> list[str]:
    """Class names in the order of the arrays' columns."""
    path = root / "class-map.json"
    if not path.is_file():
        return list(OPENMIC.codes)
    try:
        places = json.loads(read_text(path))
        return sorted(places, key=places.__getitem__)
    except (json.JSONDecodeError, TypeError, AttributeError):
        raise DataError(f"{shown(path)} is not a JSON object of class names and places: fetch OpenMIC-2018 anew") from None


def _partitions(root: Path, notes: list[str]) -> dict[str, str]:
    """key -> train or test, from partitions/split01_train.csv and split01_test.csv (one key a line, no header)."""
    splits: dict[str, str] = {}
    for split in ("train", "test"):
        files = [path for path in sorted((root / "partitions").glob(f"*{split}*")) if path.suffix in (".csv", ".txt")]
        if not files:
            notes.append(f"{shown(root)} has no partitions/split01_{split}.csv: its clips are split anew")
            return {}
        for key in read_text(files[0]).split():
            if splits.setdefault(key, split) != split:
                raise DataError(f"{shown(files[0])}: {key} is in the train partition too: fetch OpenMIC-2018 anew")
    return splits
