"""The csv: and inference: types."""

from pathlib import Path

import pytest

from components.datasets.inference import read_inference
from components.datasets.table import read_csv, read_table
from components.errors import DataError
from components.labels import IRMAS, from_codes

AB = from_codes(["a", "b"])


def listed(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "clips.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


@pytest.mark.parametrize(
    "text",
    [
        b"file,a,b\nx.wav,1,0\ny.wav,,1\n",
        b"\xef\xbb\xbffile,a,b\r\nx.wav,1,0\r\ny.wav,,1\r\n",
        b"file;a;b\nx.wav;1;0\ny.wav;;1\n",
        b"file\ta\tb\nx.wav\t1\t0\ny.wav\t\t1\n",
        b"\n File , a,b\n\nx.wav, 1 ,0.0\ny.wav,nan,1.0,,\n\n",
        b",file,a,b\n0,x.wav,True,False\n1,y.wav,,True\n",  # as pandas writes it, with an index
    ],
)
def test_a_csv_however_it_was_saved(tone, tmp_path: Path, text: bytes) -> None:
    tone("x.wav")
    tone("y.wav")
    first, second = read_csv(listed(tmp_path, text), AB).clips
    assert (first.labels, first.unknown) == ({"a"}, frozenset())
    assert (second.labels, second.unknown) == ({"b"}, {"a"})


def test_reserved_columns(tone, tmp_path: Path) -> None:
    tone("x.wav")
    tone("y.wav")
    text = "file,split,group,fold,speaker,a\nx.wav,Training,song1,3,kim,1\ny.wav,valid,,1,kim,0\n"
    first, second = read_csv(listed(tmp_path, text), from_codes(["a"])).clips
    assert (first.split, first.group, first.fold) == ("train", "song1", "3")
    assert (second.split, second.group, second.fold) == ("val", "kim", "1")


def test_labels_that_the_csv_lacks_are_unknown(tone, tmp_path: Path) -> None:
    tone("x.wav")
    (clip,) = read_csv(listed(tmp_path, "file,cel\nx.wav,1\n"), IRMAS).clips
    assert clip.unknown == set(IRMAS.codes) - {"cel"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,a\nx.wav,1\n", r"clips\.csv has no column `file` in its first line, only: name, a"),
        ("", r"has no column `file` in its first line, only: nothing"),
        ("x" * 201, r"has no column `file` in its first line, only: x{200}\.\.\.$"),
        ("file,c\nx.wav,1\n", r"clips\.csv, line 1: label 'c' is not in CSV"),
        ("file,a,a\nx.wav,1,1\n", r"line 1: column 'a' is there twice"),
        ("file,a\nx.wav,1\nx.wav,2\n", r"clips\.csv, line 3: column 'a' holds '2', not 0, 1 or nothing"),
        ("file,a,b\nx.wav,1\n", r"line 2 has 2 cells where the first line has 3"),
        ("file,a\nx.wav,1,1\n", r"line 2 has 3 cells where the first line has 2"),
        ("file,split,a\nx.wav,train,1\nx.wav,,1\n", r"line 3: split is '': write train, val or test"),
        ("file,split,a\nx.wav,dev2,1\n", r"line 2: split is 'dev2'"),
        ("file,a\nx.wav,1\nx.wav,0\n", r"line 3: x\.wav is listed on line 2 too, with other values"),
        ('file,a\nx.wav,1\n"y.wav,0\nz.wav,1\n', r"line 4 is not CSV: unexpected end of data"),
    ],
)
def test_what_is_wrong_says_where(tone, tmp_path: Path, text: str, message: str) -> None:
    tone("x.wav")
    with pytest.raises(DataError, match=message):
        read_csv(listed(tmp_path, text), AB)


def test_a_missing_csv_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv is not there"):
        read_table(tmp_path / "none.csv")


def test_a_file_listed_twice_alike_counts_once(tone, tmp_path: Path) -> None:
    tone("x.wav")
    dataset = read_csv(listed(tmp_path, "file,a\nx.wav,1\nx.wav,1\n"), AB)
    assert len(dataset.clips) == 1
    assert "has no column `group`: each file is a group of its own" in dataset.notes[0]
    assert "line 3: x.wav is listed on line 2 too; it counts once" in dataset.notes[1]


def test_files_are_sought_beside_the_csv_then_in_the_working_folder(tone, tmp_path: Path, monkeypatch) -> None:
    near, far = tone("lists/audio/x.wav"), tone("audio/y.wav")
    tone("audio/x.wav")
    (tmp_path / "lists/clips.csv").write_text("file,a\naudio/x.wav,1\naudio/y.wav,0\n../audio/y.wav,0\n")
    monkeypatch.chdir(tmp_path)
    clips = read_csv("lists/clips.csv", AB).clips
    assert clips[0].path.resolve() == near.resolve()
    assert clips[1].path.resolve() == clips[2].path.resolve() == far.resolve()


def test_what_is_missing_or_leads_out_is_bad(tone, tmp_path: Path, monkeypatch) -> None:
    outside = tone("outside/x.wav")
    monkeypatch.chdir(tmp_path / "outside")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "link.wav").symlink_to(outside)
    monkeypatch.chdir(folder)
    dataset = read_csv(listed(folder, f"file,a\nnone.wav,1\n../outside/x.wav,1\nlink.wav,1\n{outside},1\n,1\n"), AB)
    assert [clip.path for clip in dataset.clips] == [outside]  # an absolute path is plainly meant
    reasons = [bad.reason for bad in dataset.bad]
    assert reasons[0].startswith("is not there (named in ")
    assert all("leads out of the CSV's folder" in reason for reason in reasons[1:3])
    assert reasons[3] == "names no file"
    assert all(bad.gated for bad in dataset.bad)


def test_inference_from_a_folder_a_file_a_glob_and_a_csv(tone, tmp_path: Path) -> None:
    for name in ("x.wav", "deep/er/y.OGG", "deep/z.flac"):
        tone(name)
    (tmp_path / "notes.txt").write_text("not audio")
    listed(tmp_path, "file,title\nx.wav,Some song\nnone.wav,\nx.wav,again\n")

    def found(where: str) -> list[str]:
        return [clip.name for clip in read_inference(str(tmp_path / where), AB).clips]

    assert found("") == ["deep/er/y.OGG", "deep/z.flac", "x.wav"]
    assert found("x.wav") == ["x.wav"]
    assert found("notes.txt") == ["notes.txt"]  # named by hand: whether it is audio, its content says
    assert found("deep/*") == ["er/y.OGG", "z.flac"]
    assert found("**/*.flac") == ["z.flac"]
    assert found("clips.csv") == ["x.wav"]


def test_inference_clips_are_test_clips_without_truth(tone, tmp_path: Path) -> None:
    tone("x.wav")
    (clip,) = read_inference(str(tmp_path), AB).clips
    assert (clip.split, clip.labels, clip.unknown) == ("test", frozenset(), {"a", "b"})
