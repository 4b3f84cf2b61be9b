"""IRMAS (Bosch et al., ISMIR 2012): training clips that carry their label in the name, test clips that carry theirs in a text file."""

import re
from pathlib import Path

from components.datasets.clips import BadClip, Dataset, RawClip
from components.datasets.files import Found, find_files, read_text, shown
from components.errors import DataError
from components.labels import IRMAS, LabelSet

_BRACKET = re.compile(r"\[([^\[\]]*)\]")
_SONG = re.compile(r"(\d+)__\d+$")
_PART = re.compile(r"^(.+)-(\d+)$")


def read_irmastrain(where: str, label_set: LabelSet) -> Dataset:
    """Clips named `<PREFIX>[<INSTRUMENT>][<DRUMS>][<GENRE>]<SONG>__<PART>.<ext>` in a folder a class.

    The first bracket that is an instrument code is the label; where the folder says otherwise, a note says so. Drums may be
    missing. A name without such a bracket takes the folder's label. Group = label and song number.

    Raises:
        DataError: if nothing is there, or a label is not in the set.
    """
    found = find_files(where)
    dataset = Dataset("irmastrain", found.root, bad=found.bad, counted_groups=True)
    codes = frozenset(IRMAS.codes) | frozenset(label_set.codes)
    bare: list[str] = []
    for path, name in found.audio:
        in_name = next((code for code in map(str.lower, _BRACKET.findall(path.name)) if code in codes), None)
        in_folder = folder if (folder := path.absolute().parent.name.lower().strip("[]")) in codes else None
        code = in_name or in_folder
        if code is None:
            dataset.bad.append(BadClip(shown(path), "names no instrument, neither in a bracket such as [cel] nor by its folder"))
            continue
        if in_name and in_folder and in_name != in_folder:
            dataset.notes.append(f"{shown(path)} is labelled {in_name} as its name says, though it lies in {in_folder}")
        if in_name is None:
            bare.append(shown(path))
        label_set.check(code, shown(path))
        song = _SONG.search(path.stem)
        dataset.clips.append(RawClip(path, name, frozenset({code}), group=f"{code}/{song.group(1)}" if song else None))
    if bare:
        dataset.notes.append(f"{len(bare)} clips have no instrument in brackets and take their folder's label, such as {bare[0]}")
    return _with_unknown(dataset, label_set)


def read_irmastest(where: str, label_set: LabelSet) -> Dataset:
    """Clips named `<NAME>-<PART>.<ext>`, each beside a `.txt` of the same name with one code a line. Group = NAME.

    Audio without a label file, and a label file without audio, are reported and left out.

    Raises:
        DataError: if nothing is there, or a line is not in the set (with file and line).
    """
    found = find_files(where)
    if len(found.files) == 1:
        found = _with_partner(found)
    dataset = Dataset("irmastest", found.root, bad=found.bad)
    texts = {path.with_suffix(""): path for path, _ in found.files if path.suffix.lower() == ".txt"}
    for path, name in found.audio:
        if (text := texts.get(path.with_suffix(""))) is None:
            dataset.bad.append(BadClip(shown(path), f"has no label file {path.stem}.txt beside it", gated=False))
            continue
        if not (codes := read_codes(text, label_set)):
            dataset.bad.append(BadClip(shown(path), f"has a label file {text.name} without a label", gated=False))
            continue
        part = _PART.match(path.stem)
        dataset.clips.append(RawClip(path, name, codes, group=part.group(1) if part else path.stem))
    with_audio = {path.with_suffix("") for path, _ in found.audio}
    for stem, text in texts.items():
        if stem not in with_audio and _is_label_file(text, label_set):
            dataset.bad.append(BadClip(shown(text), "is a label file without audio of the same name", gated=False))
    return _with_unknown(dataset, label_set)


def read_codes(path: Path, label_set: LabelSet) -> frozenset[str]:
    """The codes in a label file, one a line; blanks, tabs, CRLF, a byte order mark and upper case do not matter.

    Raises:
        DataError: if a line is no label of the set; it says which line.
    """
    codes = set()
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if code := line.strip():
            code = code if code in label_set.index else code.lower()
            codes.add(label_set.check(code, f"{shown(path)}, line {number}"))
    return frozenset(codes)


def _with_partner(found: Found) -> Found:
    """Where a single file was named, its partner beside it belongs to it."""
    path, _ = found.files[0]
    beside = [other for other in path.parent.iterdir() if other.stem == path.stem]
    return Found(found.root, sorted((other, other.name) for other in beside), found.bad)


def _is_label_file(path: Path, label_set: LabelSet) -> bool:
    """Whether a text file without audio was meant as labels, rather than as a README."""
    if _PART.match(path.stem):
        return True
    try:
        return bool(read_codes(path, label_set))
    except DataError:
        return False


def _with_unknown(dataset: Dataset, label_set: LabelSet) -> Dataset:
    """Labels that are neither IRMAS's nor used by this data set were not listened for: unknown."""
    known = set(IRMAS.codes).union(*(clip.labels for clip in dataset.clips))
    if unknown := frozenset(label_set.codes) - known:
        dataset.clips = [RawClip(clip.path, clip.name, clip.labels, unknown, clip.group, clip.split, clip.fold) for clip in dataset.clips]
    return dataset
