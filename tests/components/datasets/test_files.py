"""Which files belong to a data set, and which are refused."""

import os
from pathlib import Path

import pytest

from components.datasets.files import find_files, read_text
from components.errors import DataError


def names(found) -> list[str]:
    return [name for _, name in found.files]


def test_hidden_files_are_skipped_and_the_rest_is_sorted(tmp_path: Path) -> None:
    for name in ("b/2.wav", "a.wav", ".DS_Store", "b/._2.wav", "__MACOSX/x.wav", ".hidden/y.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert names(find_files(str(tmp_path))) == ["a.wav", "b/2.wav"]


def test_a_glob_keeps_names_apart(tmp_path: Path) -> None:
    for name in ("Part1/x.wav", "Part2/x.wav", "Other/x.wav"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    assert names(find_files(f"{tmp_path}/Part*")) == ["Part1/x.wav", "Part2/x.wav"]
    assert names(find_files(f"{tmp_path}/**/x.wav")) == ["Other/x.wav", "Part1/x.wav", "Part2/x.wav"]


def test_brackets_in_a_name_are_no_glob_where_the_file_exists(tmp_path: Path) -> None:
    path = tmp_path / "[cel][cla]0001__1.wav"
    path.touch()
    assert names(find_files(str(path))) == [path.name]


@pytest.mark.parametrize("where", ["nowhere", "no*where"])
def test_nothing_there_is_an_error(tmp_path: Path, where: str) -> None:
    with pytest.raises(DataError, match="is not there: check the path"):
        find_files(str(tmp_path / where))


def test_links_that_lead_out_are_refused(tmp_path: Path) -> None:
    inside, outside = tmp_path / "data", tmp_path / "secret"
    inside.mkdir()
    outside.mkdir()
    (outside / "a.wav").touch()
    (inside / "good.wav").touch()
    (inside / "out.wav").symlink_to(outside / "a.wav")
    (inside / "inner.wav").symlink_to(inside / "good.wav")
    (inside / "folder").symlink_to(outside)
    found = find_files(str(inside))
    assert names(found) == ["good.wav", "inner.wav"]
    reasons = {Path(bad.path).name: bad.reason for bad in found.bad}
    assert reasons["out.wav"] == "is a link that leads out of the data set's folder: copy the file instead"
    assert reasons["folder"].startswith("is a link to a folder")


def test_a_folder_that_is_itself_a_link_is_fine(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a.wav").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    found = find_files(str(tmp_path / "link"))
    assert (names(found), found.bad) == (["a.wav"], [])


def test_formats_that_libsndfile_does_not_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.M4A").touch()
    assert "is .m4a, which libsndfile does not read" in find_files(str(tmp_path)).bad[0].reason


def test_a_name_that_is_not_utf8_is_reported(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    found = find_files(str(tmp_path))
    assert found.files == []
    assert found.bad[0].path.endswith("caf\\udce9.wav")


def test_names_are_the_same_however_accents_are_written(tmp_path: Path) -> None:
    (tmp_path / "cafe\u0301.wav").touch()
    assert names(find_files(str(tmp_path))) == ["caf\u00e9.wav"]


def test_text_that_is_no_utf8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\x00\xfe")
    with pytest.raises(DataError, match="is not UTF-8 text"):
        read_text(tmp_path / "a.txt")


def test_text_of_any_size_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.datasets.files.MOST_TEXT_MIB", 1)
    (tmp_path / "a.csv").write_bytes(b"x" * 2**20)
    assert len(read_text(tmp_path / "a.csv")) == 2**20
    (tmp_path / "a.csv").write_bytes(b"x" * (2**20 + 1))
    with pytest.raises(DataError, match=r"a\.csv has more than 1 MiB of text: split it into smaller files"):
        read_text(tmp_path / "a.csv")
