from pathlib import Path

from components.training.code_version import code_version


def test_it_changes_with_a_source_and_with_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    before = code_version(tmp_path)
    (tmp_path / "notes.txt").write_text("nothing")
    assert code_version(tmp_path) == before
    (tmp_path / "a.py").write_text("x = 2")
    assert code_version(tmp_path) != before


def test_it_carries_the_distribution_version() -> None:
    assert code_version().count("+") == 1
