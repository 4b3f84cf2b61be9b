"""What a client may name: files below the data roots, and nothing else on this machine."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from bentos.source_errors import SourceError
from bentos.sources import SourceFile, Sources, result_names
from components.audio import load
from components.errors import AudioError

SECRET = "no client may read this"
MISSING = "is not in this service's data folders: check the name"


def lay_out(house: Path) -> Path:
    """A root `data` with audio, links within it and links out of it, beside what nobody may read."""
    tone = np.sin(np.arange(800) * 0.1).astype(np.float32)
    root = house / "data"
    for name in ("irmas/test/a.wav", "irmas/test/deep/b.flac", "irmas/train/a.wav", "Stück 1%20.wav", ".hidden/c.wav"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, tone, 8000)
    (root / "irmas/test/a.txt").write_text("cel\t\n")
    (house / "outside").mkdir()
    soundfile.write(house / "outside/d.wav", tone, 8000)
    (house / "outside/secret.txt").write_text(SECRET)
    (house / "data-of-another").mkdir()
    (house / "data-of-another/e.wav").write_text(SECRET)
    (root / "inner.wav").symlink_to(root / "irmas/test/a.wav")
    (root / "outer.wav").symlink_to(house / "outside/d.wav")
    (root / "outer").symlink_to(house / "outside")
    (root / "loop").symlink_to(root / "loop")
    (root / "irmas/up").symlink_to(root)
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return lay_out(tmp_path)


@pytest.fixture
def sources(root: Path) -> Sources:
    return Sources((root,), (), max_bytes=10_000, max_files=10)


def content(file: SourceFile) -> bytes:
    with file.open() as opened:
        return opened.read()


def refusal(sources: Sources, text: str) -> SourceError:
    with pytest.raises(SourceError) as raised:
        sources.files(text)
    with pytest.raises(SourceError), sources.local(text):
        pass
    assert "\n" not in str(raised.value)
    return raised.value


@pytest.mark.parametrize(
    "text", ["irmas/test/a.wav", "data/irmas/test/a.wav", "./irmas//test/./a.wav", "inner.wav", "irmas/up/irmas/test/a.wav"]
)
def test_a_file_below_a_root(sources: Sources, root: Path, text: str) -> None:
    (file,) = sources.files(text)
    assert file.shown == text
    with file.open() as opened:
        assert opened.name == text
        assert opened.read() == (root / "irmas/test/a.wav").read_bytes()
        assert np.array_equal(load(opened, 8000).samples, load(root / "irmas/test/a.wav", 8000).samples)
    with sources.local(text) as path:
        assert path == root / "irmas/test/a.wav"


def test_an_absolute_path_below_a_root(sources: Sources, root: Path) -> None:
    assert [file.stem for file in sources.files(str(root / "irmas/test"))] == ["a", "b"]


def test_a_root_that_is_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    sources = Sources((tmp_path / "link",), (), 10_000, 10)
    for text in ("irmas/test/a.wav", "link/irmas/test/a.wav", str(tmp_path / "link/irmas/test/a.wav"), str(root / "irmas/test/a.wav")):
        assert content(sources.files(text)[0]) == (root / "irmas/test/a.wav").read_bytes()


def test_the_first_root_that_has_it(root: Path, tmp_path: Path) -> None:
    sources = Sources((tmp_path / "not made yet", tmp_path / "outside", root), (), 10_000, 10)
    assert len(sources.files("irmas/train")) == 1
    assert content(sources.files("outer.wav")[0]) == (tmp_path / "outside/d.wav").read_bytes()


def test_a_folder_is_searched_and_sorted(sources: Sources) -> None:
    shown = [file.shown for file in sources.files("data/")]
    assert shown == [
        "data/Stück 1%20.wav",
        "data/inner.wav",
        "data/irmas/test/a.wav",
        "data/irmas/test/deep/b.flac",
        "data/irmas/train/a.wav",
    ]
    assert [file.shown for file in sources.files("data")] == shown


@pytest.mark.parametrize(
    "text",
    ["", " ", "\0", "a\0.wav", "..", "../outside/d.wav", "irmas/../../outside/d.wav", "data/..", "~", "~root/x", "~/x.wav", "a" * 4097,
     "file:///etc/passwd", "http://127.0.0.1/a.wav", "S3://bucket/key", "irmas/test/a.wav\n", "\ud800", "/..", "a\x7f"],
)  # fmt: skip
def test_what_is_no_path(sources: Sources, text: str) -> None:
    error = refusal(sources, text)
    assert error.kind == "malformed"
    assert "is no path" in str(error)


@pytest.mark.parametrize(
    "text",
    ["nothing.wav", "a" * 300, "x/" * 2000, "outer.wav", "outer", "outer/d.wav", "outer/secret.txt", "outer/nothing", "loop", "loop/x",
     "irmas/test/a.wav/x", "%2e%2e/outside/d.wav", "..%2foutside%2fd.wav", "irmas%2ftest", "..\\outside\\d.wav", "Stück 1 .wav",
     "/", "/etc", "/etc/passwd", "//etc/passwd", "/etc/no-such-file", "/proc/self/environ", "/dev/zero", "$HOME", "*", "IRMAS"],
)  # fmt: skip
def test_outside_and_not_there_are_one_answer(sources: Sources, tmp_path: Path, text: str) -> None:
    error = refusal(sources, text)
    assert error.kind == "missing"
    assert str(error).endswith(MISSING)
    assert str(tmp_path) not in str(error)


def test_a_neighbour_with_a_longer_name_is_outside(sources: Sources, tmp_path: Path) -> None:
    assert refusal(sources, str(tmp_path / "data-of-another/e.wav")).kind == "missing"
    assert refusal(sources, str(tmp_path / "data-of-another/none.wav")).kind == "missing"


def test_no_file_outside_is_even_looked_at(sources: Sources, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    real, asked = os.path.realpath, []
    monkeypatch.setattr("os.path.realpath", lambda path, **options: asked.append(str(path)) or real(path, **options))
    for text in ("/etc/passwd", "/proc/1/environ", "etc/passwd", "//host/share"):
        refusal(sources, text)
    assert {path for path in asked if not Path(path).is_relative_to(root)} == set()


def test_what_is_no_regular_file(sources: Sources, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    os.mkfifo("pipe.wav")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.wav")
        for text in ("pipe.wav", "socket.wav", str(root / "pipe.wav")):
            error = refusal(sources, text)
            assert error.kind == "malformed"
            assert "is no regular file" in str(error)
        assert {file.stem for file in sources.files("data")} == {"Stück 1%20", "inner", "a", "b"}


def test_a_file_that_becomes_another_is_not_opened(sources: Sources, root: Path, tmp_path: Path) -> None:
    (file,) = sources.files("irmas/train/a.wav")
    (root / "irmas/train/a.wav").unlink()
    (root / "irmas/train/a.wav").symlink_to(tmp_path / "outside/secret.txt")
    with pytest.raises(SourceError, match=MISSING):
        file.open()
    (root / "irmas/train/a.wav").unlink()
    os.mkfifo(root / "irmas/train/a.wav")
    with pytest.raises(SourceError, match=MISSING):
        file.open()
    (root / "irmas/train/a.wav").unlink()
    (root / "irmas/train").rmdir()
    (root / "irmas/train").symlink_to(tmp_path / "outside")
    (tmp_path / "outside/a.wav").write_text(SECRET)
    with pytest.raises(SourceError, match=MISSING):
        file.open()


def test_too_large(sources: Sources, root: Path) -> None:
    with (root / "big.wav").open("wb") as file:
        file.truncate(10_001)
    assert refusal_of_files(sources, "big.wav") == "too_large"
    big = next(file for file in sources.files("data") if file.stem == "big")
    with pytest.raises(SourceError, match=r"'data/big.wav' has 0.0 MiB or more, and 0\.0\d+ MiB are allowed"):
        big.open()


def test_too_many(sources: Sources, root: Path) -> None:
    for number in range(6):
        (root / f"more{number}.wav").touch()
    assert refusal_of_files(sources, "data") == "too_large"
    assert len(sources.all_files(["irmas/test"] * 5)) == 10
    with pytest.raises(SourceError, match="brings more than 10 files"):
        sources.all_files(["irmas/test"] * 5 + ["inner.wav"])


def refusal_of_files(sources: Sources, text: str) -> str:
    with pytest.raises(SourceError) as raised:
        sources.files(text)
    return raised.value.kind


def test_a_folder_without_audio(sources: Sources, root: Path) -> None:
    (root / "empty").mkdir()
    with pytest.raises(SourceError, match="'empty' holds no audio files"):
        sources.files("empty")


def test_an_error_of_the_decoder_names_what_the_client_wrote(sources: Sources, tmp_path: Path) -> None:
    with sources.files("irmas/test/a.txt")[0].open() as file, pytest.raises(AudioError, match=r"^irmas/test/a.txt is no audio"):
        load(file, 8000)


def test_a_data_set_is_local_only_without_links_out(sources: Sources, root: Path) -> None:
    with sources.local("data/irmas/test") as path:
        assert path == root / "irmas/test"
    with sources.local("irmas") as path:  # its link leads up, but not out
        assert path == root / "irmas"
    with pytest.raises(SourceError, match=r"'data' has the link '(outer.wav|outer|loop)', which leads out"), sources.local("data"):
        pass


def test_what_a_data_set_names_is_checked(sources: Sources, root: Path, tmp_path: Path) -> None:
    with sources.local("irmas/test") as path:
        sources.check([path / "a.wav", root / "inner.wav"], path)
        for outside in (tmp_path / "outside/d.wav", root / "outer.wav", Path("/etc/passwd"), tmp_path / "outside/none.wav"):
            with pytest.raises(SourceError, match="outside the data folders") as raised:
                sources.check([path / "a.wav", outside], path)
            assert str(tmp_path) not in str(raised.value)


def test_server_paths_are_hidden(sources: Sources, root: Path, tmp_path: Path) -> None:
    assert sources.hide(f"cannot read {root}/irmas/a.wav: no") == "cannot read data/irmas/a.wav: no"
    assert sources.hide(f"cannot read {tmp_path}/timbre-s3-x1_y/irmas/a.wav: no") == "cannot read irmas/a.wav: no"


def test_names_that_are_no_text_are_shown_as_text(sources: Sources, root: Path) -> None:
    (root / "odd").mkdir()
    Path(os.fsdecode(os.fsencode(root / "odd") + b"/\xff.wav")).write_bytes(b"x")
    (file,) = sources.files("odd")
    assert file.shown == "odd/\\udcff.wav"
    assert content(file) == b"x"


def test_results_have_names_of_their_own(sources: Sources) -> None:
    files = sources.all_files(["irmas", "inner.wav"])
    assert result_names(files) == ["irmas/test/a", "b", "irmas/train/a", "inner"]
    same = [SourceFile(shown, lambda: None) for shown in ("x/a.wav", "x/a.mp3", "x/a.wav", "a.wav (2).flac")]
    assert result_names(same) == ["x/a.wav", "x/a.mp3", "x/a.wav (2)", "a.wav (2)"]


PARTS = st.sampled_from(
    ["..", ".", "", "~", "data", "outer", "outside", "irmas", "test", "a.wav", "outer.wav", "d.wav", "loop", "up", "inner.wav", "etc",
     "passwd", "%2e%2e", "\0", "\\", "*", "data-of-another", "e.wav", "s3:", "proc", "self", "root"]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=40), st.lists(PARTS, max_size=7).map("/".join), st.lists(st.one_of(PARTS, st.text(max_size=5))).map("/".join)
)


@pytest.fixture(scope="module")
def house() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder).resolve())
        yield Path(folder).resolve()


@settings(max_examples=200, deadline=None)
@given(text=TEXTS, absolute=st.booleans())
def test_whatever_comes_it_is_below_a_root_or_refused(house: Path, text: str, absolute: bool) -> None:
    sources = Sources((house / "data",), (), 10_000, 100)
    text = f"{house}/{text}" if absolute else text
    try:
        files = sources.files(text)
    except SourceError as error:
        files = []
        leaked = not absolute and str(house) in str(error)
    else:
        leaked = False
    assert not leaked
    for file in files:
        with file.open() as opened:
            assert Path(f"/proc/self/fd/{opened.fileno()}").readlink().is_relative_to(house / "data")
    try:
        with sources.local(text) as path:
            assert path.is_relative_to(house / "data")
            assert path.resolve() == path
    except SourceError:
        pass
