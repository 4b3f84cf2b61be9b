"""The command line as a person meets it: in a process of its own, by its exit code and what it prints."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

TIMBRE = [str(Path(sys.executable).with_name("timbre"))]


@pytest.fixture
def timbre(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TIMBRE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("TIMBRE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path}/timbre.db")
    monkeypatch.delenv("TIMBRE_CONFIG", raising=False)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*TIMBRE, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path)

    return run


def one_sentence(result: subprocess.CompletedProcess[str]) -> str:
    """The last line of standard error, where the command left with 2 and no traceback."""
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr.strip().splitlines()[-1]


def test_help_is_quick() -> None:
    """In CPU time, which is the same beside other work; the figure that counts is in `make bench`."""
    times = []
    for _ in range(3):
        before = os.times()
        result = subprocess.run([*TIMBRE, "--help"], capture_output=True, text=True, check=True)
        after = os.times()
        times.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert "train" in result.stdout
    assert min(times) < 2.0


def test_help_imports_nothing_heavy() -> None:
    result = subprocess.run([sys.executable, "-X", "importtime", *TIMBRE, "--help"], capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "timbre.cli" in imported
    assert imported & {"torch", "zenml", "pandas", "numpy", "sqlalchemy"} == set()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["data", "check", "irmastrian:x"], "unknown type 'irmastrian' (did you mean 'irmastrain'?)"),
        (["data", "check", "irmastrain:nowhere"], "nowhere"),
        (["train", "--config", "nowhere.yaml"], "cannot read the configuration nowhere.yaml"),
        (["predict", "nowhere.wav"], "nowhere.wav"),
        (["models", "show", "nothing"], "no models are registered here"),
        (["models", "audit"], "no models are registered here"),
        (["predict", "tone.wav"], "no models are registered here"),
        (["predict", "tone.wav", "--json", "--csv"], "--json and --csv ask for two forms of one output: give one of them"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_no_registry(timbre, tmp_path: Path, arguments: list[str], sentence: str) -> None:
    soundfile.write(tmp_path / "tone.wav", np.zeros(8000, np.float32), 8000)
    assert sentence in one_sentence(timbre(*arguments))
    assert [path.name for path in tmp_path.iterdir()] == ["tone.wav"]


def test_debug_shows_the_traceback(timbre) -> None:
    result = timbre("data", "check", "irmastrain:nowhere", "--debug")
    assert result.returncode != 0
    assert "Traceback" in result.stderr


def test_a_config_typo_names_key_and_nearest(timbre, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("training: {learning: 3}\ntrainin: {}")
    assert "unknown key" in one_sentence(timbre("train", "--config", "mine.yaml"))


def test_check_counts_and_names_what_is_left_out(timbre, tmp_path: Path) -> None:
    folder = tmp_path / "train" / "cel"
    folder.mkdir(parents=True)
    tone = np.sin(np.arange(22050) * 0.1).astype(np.float32)
    for song in range(3):
        soundfile.write(folder / f"[cel][cla]{song:04d}__1.wav", tone * (0.1 + 0.1 * song), 22050)
    (folder / "[cel][cla]0009__1.wav").write_text("no audio")
    result = timbre("data", "check", "irmastrain:train")
    assert result.returncode == 2
    assert "0009__1.wav" in result.stdout
    assert "left out" in result.stdout


def test_an_empty_registry_says_what_to_do(timbre, tmp_path: Path) -> None:
    result = timbre("models", "list")
    assert result.returncode == 0
    assert "timbre.db does not exist: timbre train" in result.stdout
    assert timbre("models", "list", "--json").stdout.strip() == "[]"
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_finds_a_fresh_installation_well(timbre) -> None:
    result = timbre("doctor")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "all is well" in result.stdout


def test_the_doctor_tells_all_though_an_address_is_none(timbre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_MODELS", "s3:///models")
    result = timbre("doctor")
    assert (result.returncode, result.stderr) == (1, "")
    assert "s3:///models names no bucket" in result.stdout
    assert "2 wrong" in result.stdout
