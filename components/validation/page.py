"""The report as one page that opens anywhere: our verdict first, then Great Expectations' own Data Docs."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from itertools import chain

import pandas as pd

from components.datasets import SPLITS, Gathered
from components.validation.gates import leaks
from components.validation.outcome import Outcome
from components.validation.tables import Tables

ROWS = 1000
"""The longest table; what is more is counted."""


def render_page(gathered: Gathered, tables: Tables, failures: Sequence[str], outcomes: Sequence[Outcome]) -> str:
    """The whole page; it loads nothing and runs no script."""
    style = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    shared = [*leaks(tables.groups, "group"), *leaks(tables.recordings, "sha256")]
    bad = [(clip.path, clip.reason if clip.gated else f"{clip.reason} (not counted)") for clip in gathered.bad]
    parts = [
        _verdict(gathered, failures),
        f"<h2>Clips</h2>{_counts(gathered)}",
        f"<h2>In two splits</h2>{_table(('What', 'Where'), shared)}" if shared else "",
        f"<h2>Left out</h2>{_table(('File', 'Reason'), bad)}" if bad else "",
        f"<h2>Notes</h2>{_table(('Note',), [(note,) for note in gathered.notes])}" if gathered.notes else "",
        "<h2>Data Docs</h2><p>What Great Expectations checked, suite by suite.</p>",
        *(_suite(outcome) for outcome in outcomes),
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Data validation</title><style>{style}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body><main>{"".join(parts)}</main></body></html>\n'


def _verdict(gathered: Gathered, failures: Sequence[str]) -> str:
    frame = gathered.manifest.frame
    word, shade = ("failed", "bad") if failures else ("ok", "good")
    hours = frame["duration_s"].sum() / 3600
    facts = (
        f"{len(frame)} clips, {frame['group'].nunique()} groups, {hours:.2f} h; {len(gathered.bad)} left out, {len(gathered.notes)} notes"
    )
    reasons = "".join(f"<li>{escape(failure)}</li>" for failure in failures)
    digest = f"manifest {gathered.manifest.digest[:16]}, label set {escape(gathered.manifest.label_set.name)}"
    return f'<h1>Data: <span class="{shade}">{word}</span></h1><ul class="failures">{reasons}</ul><p>{facts}<br><small>{digest}</small></p>'


def _counts(gathered: Gathered) -> str:
    """Clips with each label, a column a split; where some truth is unknown, of how many clips it is known."""
    manifest = gathered.manifest
    there = [split for split in SPLITS if (manifest.frame["split"] == split).any()]
    sizes = [manifest.frame[manifest.frame["split"] == split] for split in there]
    columns = [_label_counts(frame, manifest.label_set.codes) for frame in sizes]
    rows = [
        ("all clips", "", *(f"{len(frame)}" for frame in sizes)),
        ("groups", "", *(f"{frame['group'].nunique()}" for frame in sizes)),
        ("hours", "", *(f"{frame['duration_s'].sum() / 3600:.2f}" for frame in sizes)),
        *((label.code, label.full_name, *cells) for label, *cells in zip(manifest.label_set.labels, *columns, strict=True)),
    ]
    return _table(("Label", "Name", *there), rows)


def _label_counts(frame: pd.DataFrame, codes: Sequence[str]) -> list[str]:
    with_label, unknown = (Counter(chain.from_iterable(frame[column])) for column in ("labels", "unknown"))
    return [f"{with_label[code]} of {len(frame) - unknown[code]}" if unknown else f"{with_label[code]}" for code in codes]


def _table(head: Iterable[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows[:ROWS])
    rest = f"<p>and {len(rows) - ROWS} more</p>" if len(rows) > ROWS else ""
    return f'<div class="scroll"><table class="own"><tr>{cells}</tr>{lines}</table></div>{rest}'


def _suite(outcome: Outcome) -> str:
    """A suite's Data Docs, folded where nothing failed; links to pages that are not there lose their target."""
    html = re.sub(r"<script\b.*?</script>", "", outcome.html, flags=re.DOTALL | re.IGNORECASE)
    html = re.sub(r'\s(href|src)="(?!#)[^"]*"', "", html)
    word, shade = ("failed", "bad") if outcome.failed else ("ok", "good")
    opened = " open" if outcome.failed else ""
    title = f'{escape(outcome.title.capitalize())}: <span class="{shade}">{word}</span>'
    return f"<details{opened}><summary>{title}</summary>{html}</details>"
