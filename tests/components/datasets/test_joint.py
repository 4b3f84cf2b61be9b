"""IRMAS and OpenMIC under one label set: what follows from a clip's own labels, and what stays unknown."""

from pathlib import Path

import pytest

from components.datasets import read_dataset
from components.datasets.clips import Dataset, RawClip
from components.datasets.joint import NAMES, join_labels
from components.errors import DataError
from components.labels import IRMAS, IRMAS_OPENMIC, OPENMIC, label_set

ONLY_OPENMIC = set(OPENMIC.codes) - {NAMES[code] for code in IRMAS.codes} - {"guitar"}


def joined(source: str, labels: set[str], unknown: set[str] | None = None) -> RawClip:
    clip = RawClip(Path("a.wav"), "a.wav", frozenset(labels), frozenset(unknown or ()), group="g", split="train", fold="1")
    return join_labels(Dataset(source, Path(), [clip])).clips[0]


def absent(clip: RawClip) -> set[str]:
    return set(IRMAS_OPENMIC.codes) - clip.labels - clip.unknown


def test_the_joint_set_has_openmics_labels_and_two_guitars() -> None:
    assert label_set("irmas-openmic") is IRMAS_OPENMIC
    assert IRMAS_OPENMIC.codes == (*OPENMIC.codes, "acoustic_guitar", "electric_guitar")
    assert len(ONLY_OPENMIC) == 10


def test_every_label_of_both_has_a_name_in_the_joint_set() -> None:
    assert set(NAMES) == {*IRMAS.codes, *OPENMIC.codes}
    assert set(NAMES.values()) == set(IRMAS_OPENMIC.codes)
    assert (NAMES["voi"], NAMES["gac"], NAMES["tru"]) == ("voice", "acoustic_guitar", "trumpet")


@pytest.mark.parametrize(
    ("code", "present"),
    [
        ("cel", {"cello"}),
        ("voi", {"voice"}),
        ("gac", {"acoustic_guitar", "guitar"}),
        ("gel", {"electric_guitar", "guitar"}),
    ],
)
@pytest.mark.parametrize("source", ["irmastrain", "irmastest"])
def test_irmas_knows_its_own_labels_and_guitars(source: str, code: str, present: set[str]) -> None:
    clip = joined(source, {code})
    assert clip.labels == present
    assert clip.unknown == ONLY_OPENMIC
    assert len(absent(clip)) == 12 - len(present)


def test_nothing_else_of_a_clip_changes() -> None:
    clip = joined("irmastest", {"cel", "pia"})
    assert (clip.labels, clip.name, clip.group, clip.split, clip.fold) == ({"cello", "piano"}, "a.wav", "g", "train", "1")


def test_openmic_does_not_know_which_guitar_it_is() -> None:
    clip = joined("openmic", {"guitar"}, set(OPENMIC.codes) - {"guitar", "flute"})
    assert clip.labels == {"guitar"}
    assert absent(clip) == {"flute"}
    assert {"acoustic_guitar", "electric_guitar"} <= clip.unknown


def test_without_a_guitar_there_is_none_of_a_kind() -> None:
    clip = joined("openmic", {"voice"}, set(OPENMIC.codes) - {"guitar", "voice"})
    assert absent(clip) == {"guitar", "acoustic_guitar", "electric_guitar"}


def test_a_guitar_that_nobody_was_asked_about_stays_unknown() -> None:
    clip = joined("openmic", {"voice"}, set(OPENMIC.codes) - {"voice"})
    assert clip.unknown == set(IRMAS_OPENMIC.codes) - {"voice"}


def test_a_csv_says_itself_what_it_knows(tone, tmp_path: Path) -> None:
    tone("a.wav")
    (tmp_path / "clips.csv").write_text("file,guitar,acoustic_guitar\na.wav,1,\n")
    (clip,) = read_dataset(f"csv:{tmp_path / 'clips.csv'}", IRMAS_OPENMIC)[0].clips
    assert clip.labels == {"guitar"}
    assert clip.unknown == set(IRMAS_OPENMIC.codes) - {"guitar"}


def test_a_label_that_no_irmas_has_is_an_error_with_file_and_line(tone, tmp_path: Path) -> None:
    tone("Part1/a-1.wav").with_suffix(".txt").write_text("cel\ncello\n")
    with pytest.raises(DataError, match=r"a-1\.txt, line 2: label 'cello' is not in IRMAS"):
        read_dataset(f"irmastest:{tmp_path}", IRMAS_OPENMIC)
