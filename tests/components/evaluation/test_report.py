import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile

from components.config import EvaluationConfig
from components.evaluation.card import card, readme
from components.evaluation.judgement import Subject, WindowScores, WorstClip, judgement_of
from components.evaluation.mistakes import co_occurrence
from components.evaluation.names import listed, plural
from components.evaluation.plots.mistakes import most_mistaken
from components.evaluation.report import Bar, report
from components.evaluation.snippets import encode, snippet
from components.evaluation.wording import answer, caution, mistakes, weaknesses
from components.labels import Label, LabelSet, from_codes
from tests.fixtures.judgements import make_judgement

VOID = {"meta", "br", "hr", "img", "input", "link", "wbr"}


class Page(HTMLParser):
    """Tags in balance, and every id, link and picture."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append((tag, values))
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[name] for name in ("src", "href", "xlink:href", "action", "poster") if values.get(name)]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(judgement, history) -> str:
    verdict = SimpleNamespace(promote=True, reason="promoted: macro F1 0.841 on test against 0.823 of sample@11ab34cd in production")
    return report(judgement, verdict, history, {"name": "sample", "data": {"train": ("irmastrain:x",)}}, {"timbre": "0.1.0"})


def test_it_leads_with_the_answer_then_the_gate_then_what_is_weak(page, judgement):
    text = re.sub(r"<(style|svg).*?</\1>", "", page, flags=re.DOTALL)
    places = [
        text.index(part)
        for part in (
            answer(judgement),
            "Promoted: macro F1 0.841",
            "What is weak",
            "<strong>cello</strong>",
            "Each instrument",
            "The worst",
        )
    ]
    assert places == sorted(places)
    assert answer(judgement) == "Tagger sample finds the instruments with a macro F1 of 0.84 (95% interval 0.81 to 0.86) on 120 test clips."


def test_it_is_balanced_html_without_any_external_address(page):
    parsed = Page(page)
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    assert {link.split(":")[0].split(";")[0] if link.startswith("data:") else "#" for link in parsed.links} == {"data", "#"}
    assert all(link.startswith(("data:", "#")) for link in parsed.links)
    assert all(link[1:] in set(parsed.ids) for link in parsed.links if link.startswith("#"))
    assert set(re.findall(r"https?://[^\s\"'<)]+", page)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert not re.search(r"@import|<script|<link", page)
    assert len(page) < 2_000_000


def test_it_can_be_read_without_eyes_and_in_the_dark(page):
    tags = Page(page).tags
    pictures = [values for tag, values in tags if tag == "svg"]
    assert len(pictures) == 7
    assert all(values["role"] == "img" and values["aria-label"] for values in pictures)
    assert all(values.get("scope") for tag, values in tags if tag == "th")
    assert all(values["aria-label"] for tag, values in tags if tag == "audio")
    assert "prefers-color-scheme: dark" in page
    assert "#1d2530" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


def test_it_plays_the_worst_mistakes(page, judgement):
    players = [values["src"] for tag, values in Page(page).tags if tag == "audio"]
    assert len(players) == len(judgement.worst) == 12
    kind, data = players[0].split(";base64,")
    assert kind == "data:audio/mpeg"
    waveform, rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
    assert rate == 22050
    assert len(waveform) / rate == pytest.approx(6, abs=0.1)
    assert np.abs(waveform).max() > 0.05


def test_the_same_arguments_give_the_same_page(judgement):
    assert report(judgement) == report(judgement)


def test_without_history_verdict_and_config_it_says_nothing_of_them(judgement):
    plain = report(judgement)
    assert "<h2>Training</h2>" not in plain
    assert "Configuration" not in plain
    assert 'class="verdict' not in plain


def test_engines_are_a_table_where_they_were_measured(judgement):
    measured = {
        "chosen": "onnx",
        "reason": "ONNX Runtime is 1.50 times as fast.",
        "largest_difference": 2.5e-7,
        "threads": 2,
        "ms_per_window": {"torch": {1: 3.0, 32: 1.5}, "onnx": {1: 2.0, 32: 1.0}},
    }
    page = report(judgement, engines=measured)
    reason = "ONNX Runtime computes the scores. ONNX Runtime is 1.50 times as fast."
    said = f"{reason} Their scores differ by at most 2e-07; measured with 2 threads."
    assert said in page
    assert Page(page).open == []
    rows = re.findall(r'<tr><th scope="row">([\w, ]+)</th><td>([\d.]+)</td><td>([\d.]+)</td></tr>', page)
    assert rows[:2] == [("PyTorch", "3.00", "1.50"), ("ONNX Runtime, chosen", "2.00", "1.00")]
    assert f"- Engine: {said}" in readme(card(judgement, measured))

    failed = report(judgement, engines={"chosen": "torch", "reason": "It cannot be exported.", "ms_per_window": {}})
    assert "<p>PyTorch computes the scores. It cannot be exported.</p>" in failed
    assert "table: engines" not in failed
    assert "<h2>Engine</h2>" not in report(judgement)
    assert "Engine" not in readme(card(judgement))


def test_names_are_text_and_never_markup():
    evil = LabelSet("CSV", (Label("a", "<script>alert(1)</script>", "other"), Label("b", "b&$_{x}$", "other")))
    judgement = make_judgement(30, labels=evil, worst=2)
    judgement = replace(judgement, subject=replace(judgement.subject, name="<img src=x onerror=alert(1)>"))
    made = report(judgement, config={"name": "</pre><script>"})
    assert not re.search(r"<script|<img", made)
    assert Page(made).open == []


def test_a_result_on_val_says_so(judgement):
    on_val = replace(judgement, subject=replace(judgement.subject, split="test, val"))
    assert "chosen on val" in caution(on_val)
    assert "chosen on val" in report(on_val)
    assert caution(judgement) == ""


def test_a_quick_run_says_so(judgement):
    quick = replace(judgement, subject=replace(judgement.subject, about={**judgement.subject.about, "quick": True}))
    said = "This is a quick run, of a few steps on a few clips: it shows that everything works, and the figures say nothing."
    assert caution(quick) == said
    assert said in report(quick)
    assert said in readme(card(quick))


def test_what_is_weak_in_words(judgement):
    remarks = weaknesses(judgement)
    assert [remark.name for remark in remarks] == ["cello", "violin", "electric guitar", "flute"]
    assert remarks[0].figures == "F1 0.58, 0.42 to 0.72; 36 clips"
    assert remarks[0].text == (
        "Missed in 13 of 36 clips; violin is falsely reported in 4 of those. "
        "20 of its 43 reports are false; violin plays in 16 of those clips."
    )
    assert mistakes(judgement) == (
        "83 of 120 clips have a mistake: 50 misses and 75 false alarms. The most frequent pair: cello missed and violin reported, 4 times."
    )


def test_a_snippet_lies_around_the_window_that_scores_highest_and_inside_the_clip():
    windows = WindowScores(np.array([[0.1, 0.9], [0.2, 0.3], [0.8, 0.1]]), np.array([0.0, 10.0, 20.0]), 2.0)
    clip = WorstClip(0, np.zeros(22 * 8000, np.float32), 8000, windows)
    assert (snippet(clip, 0).start_s, snippet(clip, 0).end_s) == (16.0, 22.0)
    assert (snippet(clip, 1).start_s, snippet(clip, 1).end_s) == (0.0, 6.0)
    short = WorstClip(0, np.zeros(100, np.float32), 8000, windows)
    assert (snippet(short, 0).start_s, snippet(short, 0).end_s) == (0.0, 0.0125)


@pytest.mark.parametrize(("rate", "kind"), [(22050, "audio/mpeg"), (20000, "audio/ogg"), (16000, "audio/mpeg")])
def test_every_rate_can_be_encoded(rate, kind):
    assert encode(np.full(rate, 2.0, np.float32), rate).startswith(f"data:{kind};base64,")


def test_words():
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert [plural(1, "clip"), plural(2400, "clip"), plural(0, "miss", "misses")] == ["1 clip", "2,400 clips", "0 misses"]


def test_bars_meet_their_threshold_in_the_middle():
    bars = [Bar("a", score, 0.2, "found") for score in (0.0, 0.1, 0.2, 0.6, 1.0)]
    assert [bar.length for bar in bars] == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0])
    assert Bar("a", 0.0, 0.0, "found").length == 0.5


def judged(scores, labels, unknown):
    """A judgement of clips that are groups of their own, at thresholds of 0.5."""
    count, label_set = len(scores), from_codes([f"label_{place}" for place in range(len(scores[0]))])
    frame = pd.DataFrame({"clip_id": [str(place) for place in range(count)], "path": "p", "group": [str(place) for place in range(count)]})
    frame = frame.assign(duration_s=1.0, labels=labels, unknown=unknown)

    def hear(place):
        return WorstClip(place, np.zeros(8000, np.float32), 8000, WindowScores(np.asarray(scores)[[place]], np.zeros(1), 1.0))

    thresholds = np.full(len(label_set), 0.5, np.float32)
    return judgement_of(Subject("odd", "d" * 64, "test"), label_set, thresholds, frame, scores, hear, EvaluationConfig(bootstrap_rounds=20))


A, B, BOTH = ["label_0"], ["label_1"], ["label_0", "label_1"]


@pytest.mark.parametrize(
    ("scores", "labels", "unknown", "said"),
    [
        ([[0.9]], [A], [[]], "macro F1 of 1.00 on 1 test clip."),
        ([[0.9, 0.1], [0.1, 0.9]], [A, B], [[], []], "macro F1 of 1.00 (95% interval 1.00 to 1.00)"),
        ([[0.9, 0.1], [0.1, 0.9]], [[], []], [BOTH, BOTH], "has scored 2 test clips of which no label is known"),
        ([[0.9, 0.1], [0.1, 0.2]], [[], []], [[], []], "macro F1 of 0.00"),
        ([[0.9, 0.1], [0.1, 0.2]], [BOTH, BOTH], [[], []], "macro F1 of 0.33"),
    ],
)
def test_odd_clips_still_make_a_page(scores, labels, unknown, said):
    made = report(judged(scores, labels, unknown))
    assert said in made
    assert Page(made).open == []
    assert "nan" not in re.sub(r"<svg.*?</svg>|data:[^\"]*", "", made, flags=re.DOTALL).lower().split()


def test_of_many_labels_the_map_shows_those_with_the_most_mistakes():
    rng = np.random.default_rng(0)
    truths = rng.random((60, 40)) < 0.1
    scores = np.clip(0.6 * rng.random(truths.shape) + 0.3 * truths, 0, 1)
    labels = [[f"label_{place}" for place in np.flatnonzero(row)] for row in truths]
    made = judged(scores, labels, [[]] * 60)
    shown = most_mistaken(co_occurrence(made.predicted))
    assert len(shown) == 24
    assert shown == sorted(shown)
    assert "The 24 labels with the most mistakes are shown." in report(made)
