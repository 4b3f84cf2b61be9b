"""The gate: what passes, what fails and with which sentence, and what the page shows."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from components.config import DataConfig
from components.datasets import BadClip, Gathered, Manifest
from components.errors import DataError
from components.labels import LabelSet, from_codes
from components.validation import Verdict, validate

AB = from_codes(["a", "b"])
DATA = DataConfig(train=("csv:x.csv",))
Rows = list[dict[str, object]]


def row(number: int, label: str, split: str, **changes) -> dict[str, object]:
    return {
        "clip_id": f"d/{number}",
        "path": f"d/{number}.wav",
        "sha256": f"{number:064x}",
        "duration_s": 1.0,
        "sample_rate": 8000,
        "channels": 1,
        "labels": [label],
        "unknown": [],
        "group": f"csv:{number}",
        "split": split,
        "source": "csv",
        "fold": "",
    } | changes


def good_rows() -> Rows:
    return [row(3 * place + at, label, split) for place, split in enumerate(("train", "val", "test")) for at, label in enumerate("ab")]


def verdict(rows: Rows, bad: tuple[BadClip, ...] = (), notes: tuple[str, ...] = (), data: DataConfig = DATA) -> Verdict:
    return validate(Gathered(Manifest.of_rows(rows, AB), list(bad), list(notes)), data)


def test_good_data_pass() -> None:
    result = verdict(good_rows())
    assert (result.ok, result.failures) == (True, [])
    result.require()
    assert '<h1>Data: <span class="good">ok</span></h1>' in result.html


def without_b_in_train(rows: Rows) -> None:
    rows[1]["labels"] = ["a"]


def group_in_two_splits(rows: Rows) -> None:
    rows[0]["group"] = rows[2]["group"] = "csv:song"


def audio_in_two_splits(rows: Rows) -> None:
    rows[1]["sha256"] = rows[5]["sha256"]


def strange_label(rows: Rows) -> None:
    rows[3]["labels"] = ["b", "c"]


def no_test(rows: Rows) -> None:
    del rows[4:]


def too_short(rows: Rows) -> None:
    rows[0]["duration_s"] = 0.01


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (without_b_in_train, "train has no clip with the label b (b): add clips, or train with labels that the data have"),
        (
            group_in_two_splits,
            "group 'csv:song' is in two splits, as d/0.wav (train) and d/3.wav (val): keep a group in one split, or name the groups apart",
        ),
        (audio_in_two_splits, "the same audio is in two splits, as d/7.wav (test) and d/1.wav (train): leave one of them out"),
        (strange_label, "d/4.wav has the label 'c', which is not in CSV: correct it"),
        (no_test, "no clip is left for test: name data for it, or more groups to take its share from"),
        (too_short, "a row of the manifest is not as it must be: the report names the expectation that failed"),
    ],
)
def test_spoilt_data_fail_with_one_sentence(spoil: Callable[[Rows], None], sentence: str) -> None:
    rows = good_rows()
    spoil(rows)
    result = verdict(rows)
    assert result.failures == [sentence]
    assert not result.ok
    assert '<h1>Data: <span class="bad">failed</span></h1>' in result.html
    with pytest.raises(DataError, match=re.escape(sentence)):
        result.require()


def test_several_failures_are_all_said() -> None:
    rows = good_rows()
    without_b_in_train(rows)
    group_in_two_splits(rows)
    audio_in_two_splits(rows)
    assert len(verdict(rows).failures) == 3


def test_many_leaks_are_said_in_short_and_listed_on_the_page() -> None:
    rows = [row(number, "ab"[number % 2], split, clip_id=f"{split}/{number}") for split in ("train", "val", "test") for number in range(9)]
    result = verdict([leak | {"sha256": f"{place:064x}"} for place, leak in enumerate(rows)])
    assert len(result.failures) == 6
    assert result.failures[-1] == "4 more groups are in two splits: the report lists them"
    assert all(f"csv:{number}" in result.html for number in range(9))


@pytest.mark.parametrize(("bad", "ok"), [(0, True), (1, True), (2, False)])
def test_bad_clips_pass_up_to_the_fraction(bad: int, ok: bool) -> None:
    rows = good_rows() + [row(number, "a", "train") for number in range(100, 143)]
    result = verdict(rows, tuple(BadClip(f"d/bad{number}.wav", "is no audio") for number in range(bad)))
    assert result.ok is ok  # 49 clips: one bad is 2 %, two are 3.9 %
    if not ok:
        assert result.failures == [
            "2 of 51 clips (3.9%) cannot be used, more than data.max_bad_fraction (2.0%) allows; "
            "the first is d/bad0.wav, which is no audio: mend or remove them, or raise it"
        ]


def test_what_lacks_its_partner_is_listed_and_does_not_fail() -> None:
    result = verdict(good_rows(), (BadClip("d/x.txt", "is a label file without audio of the same name", gated=False),))
    assert result.ok
    assert "<td>d/x.txt</td><td>is a label file without audio of the same name (not counted)</td>" in result.html


def test_test_data_alone_need_no_classes_in_train() -> None:
    assert verdict([row(1, "a", "test")], data=DataConfig(test=("csv:x.csv",))).ok


def test_no_val_is_fine_where_none_is_wanted() -> None:
    rows = [row(1, "a", "train"), row(2, "b", "train")]
    assert verdict(rows, data=DataConfig(train=("csv:x.csv",), val_share=0, test_share=0)).ok


def test_nothing_at_all_fails() -> None:
    assert verdict([], (BadClip("d/x.wav", "is no audio"),)).failures[0].startswith("1 of 1 clips (100.0%) cannot be used")


def test_the_page_shows_counts_bad_clips_notes_and_data_docs() -> None:
    rows = good_rows()
    rows[0]["unknown"] = ["b"]
    html = verdict(rows, (BadClip("d/bad.wav", "is no <audio>"),), ("a note & more",)).html
    assert "<tr><th>Label</th><th>Name</th><th>train</th><th>val</th><th>test</th></tr>" in html
    assert "<tr><td>b</td><td>b</td><td>1 of 1</td><td>1</td><td>1</td></tr>" in html
    assert "<td>d/bad.wav</td><td>is no &lt;audio&gt;</td>" in html
    assert "<td>a note &amp; more</td>" in html
    for suite in ("Files", "Clips", "Labels", "Labels of train", "Groups", "Recordings"):
        assert f"<summary>{suite}: <span" in html
    assert "values must be unique." in html


def test_the_page_needs_nothing_else_and_runs_nothing() -> None:
    rows = good_rows()
    rows[0]["group"] = rows[2]["group"] = '<img src="https://x.invalid/y" onerror="alert(1)">'
    html = verdict(rows, notes=("<script>alert(1)</script>",)).html
    assert not re.search(r"<(script|img|link|iframe)\b", html)
    assert not re.search(r'\s(href|src)="(?!#)', html)
    assert "&lt;img" in html


def test_the_page_is_the_same_each_time() -> None:
    assert verdict(good_rows()).html == verdict(good_rows()).html


@pytest.mark.slow
def test_it_leaves_no_file_and_is_imported_late(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from components.config import DataConfig
from components.datasets import Gathered, Manifest
from components.labels import from_codes
from components.validation import validate
assert "great_expectations" not in sys.modules
row = dict(clip_id="d/1", path="d/1", sha256="0" * 64, duration_s=1.0, sample_rate=8000, channels=1, labels=["a"], unknown=[],
           group="1", split="test", source="csv", fold="")
keep = Path(sys.argv[1]) if len(sys.argv) > 1 else None
assert validate(Gathered(Manifest.of_rows([row], from_codes(["a"])), [], []), DataConfig(test=("csv:x.csv",)), keep).ok
print("great_expectations" in sys.modules)
"""
    environment = {"PYTHONPATH": str(Path(__file__).parents[3]), "HOME": str(tmp_path), "PATH": ""}

    def imported(*keep: str) -> str:
        command = [sys.executable, "-W", "error", "-c", program, *keep]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.strip()

    assert imported() == "True"
    assert list(tmp_path.iterdir()) == []
    assert [imported("checks"), imported("checks")] == ["True", "False"]


def test_the_same_data_are_checked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from components.validation import suites

    asked = 0

    def check(*arguments: object) -> list[object]:
        nonlocal asked
        asked += 1
        return whole(*arguments)

    whole = suites.check
    monkeypatch.setattr(suites, "check", check)

    def look(rows: Rows, data: DataConfig = DATA, labels: LabelSet = AB) -> Verdict:
        return validate(Gathered(Manifest.of_rows(rows, labels), [], []), data, tmp_path / "checks")

    first = look(good_rows())
    assert look(good_rows()) == first == verdict(good_rows())
    assert asked == 2  # the last one keeps nothing
    for change in (without_b_in_train, group_in_two_splits):
        rows = good_rows()
        change(rows)
        assert look(rows) == look(rows)
        assert not look(rows).ok
    assert asked == 4
    look(good_rows(), DataConfig(train=("csv:x.csv",), min_duration_s=2.0))
    assert asked == 5
    assert not look(good_rows(), labels=from_codes(["a", "b", "c"])).ok
    assert asked == 6
    for damaged in ("{", "{}", "[]", "null", '[{"title": "files", "failed": null, "html": ""}]'):
        for kept in (tmp_path / "checks").iterdir():
            kept.write_text(damaged)
        assert look(good_rows()) == first
    assert asked == 11
    for number in range(20):
        look(good_rows(), DataConfig(train=("csv:x.csv",), min_duration_s=0.1 + number / 100))
    assert len(list((tmp_path / "checks").iterdir())) == 10


def test_what_cannot_be_kept_is_asked_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    gathered = Gathered(Manifest.of_rows(good_rows(), AB), [], [])
    assert validate(gathered, DATA, tmp_path / "file" / "checks") == verdict(good_rows())
