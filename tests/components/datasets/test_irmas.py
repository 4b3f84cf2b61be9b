"""IRMAS: labels in names and in text files, with the blemishes that real copies have."""

from pathlib import Path

import pytest

from components.datasets.irmas import read_irmastest, read_irmastrain
from components.errors import DataError
from components.labels import IRMAS, from_codes


@pytest.mark.parametrize(
    ("name", "label", "group"),
    [
        ("cel/008__[cel][nod][cla]0058__1.wav", "cel", "cel/0058"),
        ("pia/[pia][jaz_blu]1471__2.wav", "pia", "pia/1471"),  # no drums
        ("gel/[gel][dru][pop_roc]0829__3.WAV", "gel", "gel/0829"),
        ("cel/[CEL][nod][cla]0001__1.flac", "cel", "cel/0001"),
        ("cla/[cla][cla]0001__1.aif", "cla", "cla/0001"),  # the second is the genre, classical
        ("voi/[nod][voi]0002__1.wav", "voi", "voi/0002"),  # the first that is an instrument
    ],
)
def test_train_names(tone, tmp_path: Path, name: str, label: str, group: str) -> None:
    tone(name)
    dataset = read_irmastrain(str(tmp_path), IRMAS)
    (clip,) = dataset.clips
    assert (clip.labels, clip.group, clip.unknown) == ({label}, group, frozenset())
    assert (dataset.bad, dataset.notes) == ([], [])


def test_the_bracket_wins_over_the_folder_and_a_note_says_so(tone, tmp_path: Path) -> None:
    tone("cel/[vio][nod][cla]0001__1.wav")
    dataset = read_irmastrain(str(tmp_path), IRMAS)
    assert dataset.clips[0].labels == {"vio"}
    assert dataset.clips[0].group == "vio/0001"
    assert "labelled vio as its name says, though it lies in cel" in dataset.notes[0]


def test_without_a_bracket_the_folder_is_the_label(tone, tmp_path: Path) -> None:
    tone("sax/solo.wav")
    tone("stuff/solo.wav")
    dataset = read_irmastrain(str(tmp_path), IRMAS)
    assert [(clip.labels, clip.group) for clip in dataset.clips] == [({"sax"}, None)]
    assert "1 clips have no instrument in brackets" in dataset.notes[0]
    assert dataset.bad[0].path.endswith("stuff/solo.wav")
    assert "names no instrument" in dataset.bad[0].reason


def test_one_song_is_one_group(tone, tmp_path: Path) -> None:
    for part in (1, 2):
        tone(f"cel/[cel][cla]0001__{part}.wav")
    tone("cla/[cla][cla]0001__1.wav")
    groups = [clip.group for clip in read_irmastrain(str(tmp_path), IRMAS).clips]
    assert groups == ["cel/0001", "cel/0001", "cla/0001"]


def test_an_irmas_code_outside_the_set_is_an_error_with_the_file(tone, tmp_path: Path) -> None:
    tone("gel/[gel][dru][pop_roc]0829__3.wav")
    with pytest.raises(DataError, match=r"0829__3\.wav: label 'gel' is not in CSV .*it has: cel, voi"):
        read_irmastrain(str(tmp_path), from_codes(["cel", "voi"]))


def test_labels_that_irmas_lacks_are_unknown(tone, tmp_path: Path) -> None:
    tone("cel/[cel][cla]0001__1.wav")
    dataset = read_irmastrain(str(tmp_path), from_codes(["cel", "voi", "harp"]))
    assert dataset.clips[0].unknown == {"harp"}


def test_a_label_that_the_folders_use_is_known(tone, tmp_path: Path) -> None:
    tone("kick/a.wav")
    tone("snare/b.wav")
    dataset = read_irmastrain(str(tmp_path), from_codes(["kick", "snare"]))
    assert [clip.labels for clip in dataset.clips] == [{"kick"}, {"snare"}]
    assert [clip.unknown for clip in dataset.clips] == [frozenset(), frozenset()]


@pytest.mark.parametrize(
    "text",
    [
        b"gel\t\nvoi\t\n",
        b"gel\r\nvoi\r\n",
        b"\xef\xbb\xbfgel\nvoi",
        "gel\nvoi\n".encode("utf-16"),
        b"\n  GEL \n\n\tVOI\r\r",
        b"gel\nvoi\ngel\n",
    ],
)
def test_label_files(tone, tmp_path: Path, text: bytes) -> None:
    tone("Part1/02 - And The Body Will Die-8.wav").with_suffix(".txt").write_bytes(text)
    (clip,) = read_irmastest(str(tmp_path), IRMAS).clips
    assert clip.labels == {"gel", "voi"}
    assert clip.group == "02 - And The Body Will Die"


def test_an_upper_case_txt_and_nested_parts(tone, tmp_path: Path) -> None:
    tone("IRMAS-TestingData-Part2/IRTestingData-Part2/x-1.OGG").with_suffix(".TXT").write_text("pia\n")
    tone("IRMAS-TestingData-Part3/Part3/x-2.wav").with_suffix(".txt").write_text("pia\n")
    tone("Part1/unnumbered.wav").with_suffix(".txt").write_text("pia\n")
    assert [clip.group for clip in read_irmastest(str(tmp_path), IRMAS).clips] == ["x", "x", "unnumbered"]


def test_a_line_outside_the_set_is_an_error_with_file_and_line(tone, tmp_path: Path) -> None:
    tone("Part1/a-1.wav").with_suffix(".txt").write_text("gel\nvoise\n")
    with pytest.raises(DataError, match=r"a-1\.txt, line 2: label 'voise' is not in IRMAS \(did you mean 'voi'\?\)"):
        read_irmastest(str(tmp_path), IRMAS)


def test_what_lacks_its_partner_is_reported_and_does_not_count(tone, tmp_path: Path) -> None:
    tone("Part1/good-1.wav").with_suffix(".txt").write_text("cel\n")
    tone("Part1/no label-1.wav")
    tone("Part1/empty-1.wav").with_suffix(".txt").write_text(" \n")
    (tmp_path / "Part1/no audio-1.txt").write_text("cel\n")
    (tmp_path / "Part1/README.txt").write_text("This is IRMAS.\n")
    dataset = read_irmastest(str(tmp_path), IRMAS)
    assert [clip.name for clip in dataset.clips] == ["Part1/good-1.wav"]
    reasons = {Path(bad.path).name: bad.reason for bad in dataset.bad}
    assert reasons == {
        "no label-1.wav": "has no label file no label-1.txt beside it",
        "empty-1.wav": "has a label file empty-1.txt without a label",
        "no audio-1.txt": "is a label file without audio of the same name",
    }
    assert not any(bad.gated for bad in dataset.bad)


def test_one_file_takes_its_label_file_with_it(tone, tmp_path: Path) -> None:
    path = tone("Part1/a-1.wav")
    path.with_suffix(".txt").write_text("cel\n")
    tone("Part1/a-2.wav")
    assert [clip.name for clip in read_irmastest(str(path), IRMAS).clips] == ["a-1.wav"]
