"""One HTML page about a judgement, for a person to read: it needs no network and no other file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import yaml

from components.evaluation import table, wording
from components.evaluation.engines import engine_answer, engine_rows
from components.evaluation.inline import inline
from components.evaluation.judgement import Judgement, WorstClip
from components.evaluation.mistakes import wrongness
from components.evaluation.names import display_name, listed
from components.evaluation.pictures import pictures, slim_instruments
from components.evaluation.snippets import Snippet, snippet

TEMPLATE = Path(__file__).with_name("report.html.j2")
TILES = (
    ("f1", "macro F1"),
    ("micro_f1", "micro F1"),
    ("mAP", "mAP"),
    ("LRAP", "LRAP"),
    ("roc_auc", "ROC AUC"),
    ("accuracy", "accuracy, mean over labels"),
)
MOST_BARS = 6
UNSAID = "<!-- the gate has not been asked -->"


class Verdict(Protocol):
    """What the gate said; the registry's Decision is one."""

    @property
    def promote(self) -> bool: ...

    @property
    def reason(self) -> str: ...


@dataclass(frozen=True)
class Bar:
    """One label's score in a clip; `state` is found, missed, false, silent or unknown."""

    name: str
    score: float
    threshold: float
    state: str

    @property
    def length(self) -> float:
        """Of the bar, 0 to 1: 0.5 is the threshold, so that labels with low and high thresholds can be compared."""
        if self.score < self.threshold:
            return 0.5 * self.score / self.threshold
        return 0.5 + 0.5 * (self.score - self.threshold) / max(1 - self.threshold, 1e-9)


@dataclass(frozen=True)
class Mistake:
    """A worst clip as the page shows it."""

    clip_id: str
    summary: str
    true: str
    bars: list[Bar]
    snippet: Snippet
    duration_s: float


def report(
    judgement: Judgement,
    verdict: Verdict | None = None,
    history: pd.DataFrame | None = None,
    config: Mapping[str, Any] | None = None,
    versions: Mapping[str, str] | None = None,
    note: str = "",
    engines: Mapping[str, Any] | None = None,
) -> str:
    """The page as a string; the same arguments give the same page.

    Args:
        verdict: what the gate said, where it was asked.
        history: the training curve, with columns step, train_loss, val_f1, val_map and lr.
        config: the run's configuration, shown as YAML.
        versions: of what made the result, name -> version.
        note: what to know of the training before believing the figures.
        engines: what engines.json beside the tagger says.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals = {"number": table.number, "span": table.span}
    from components.evaluation.plots.mistakes import MOST_SHOWN

    best = None if history is None or history.empty else history.iloc[int(history["val_f1"].to_numpy().argmax())]
    drawn = {picture.name: inline(picture) for picture in [*pictures(judgement, history), slim_instruments(judgement)]}
    return environment.get_template(TEMPLATE.name).render(
        judgement=judgement,
        metrics=judgement.metrics,
        subject=judgement.subject,
        word=wording.noun(judgement.label_set),
        answer=wording.answer(judgement),
        caution=" ".join(filter(None, (note, wording.caution(judgement)))),
        verdict=verdict,
        unsaid=Markup(UNSAID),  # noqa: S704 - our own comment
        strengths=wording.strengths(judgement),
        weaknesses=wording.weaknesses(judgement),
        tiles=[(name, judgement.metrics.values[key], judgement.metrics.intervals.get(key)) for key, name in TILES],
        rows=table.rows(judgement.metrics),
        averages=table.averages(judgement.metrics),
        pictures=drawn,
        most_shown=MOST_SHOWN,
        remarks=_remarks(judgement, best),
        mistakes=[_mistake(judgement, clip) for clip in judgement.worst],
        worst_intro=wording.worst_intro(judgement),
        unknown=wording.unknown(judgement),
        one_of_many=judgement.subject.task == "multiclass",
        decisions=wording.decisions(judgement),
        protocol=wording.protocol(judgement.label_set),
        thresholds=list(zip(map(display_name, judgement.label_set.full_names), judgement.thresholds.tolist(), strict=True)),
        config=yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True) if config else "",
        made_of=_made_of(judgement.subject.about),
        versions=dict(versions or {}),
        engines=engine_rows(engines),
        engine_answer=engine_answer(engines),
    )


def _made_of(about: Mapping[str, Any]) -> str:
    """Model, feature, rate, windows and code of a tagger.json, as far as it names them."""
    model, feature, windows = (about.get(name) or {} for name in ("model", "feature", "windows"))
    parts = [str(part["name"]) for part in (model, feature) if "name" in part]
    parts += [f"{about['sample_rate']:,} Hz"] if "sample_rate" in about else []
    parts += [f"windows of {windows['length_s']:g} s every {windows['hop_s']:g} s"] if {"length_s", "hop_s"} <= set(windows) else []
    parts += [f"Timbre {about['code_version']}"] if about.get("code_version") else []
    return ", ".join(parts)


def with_verdict(page: str, verdict: Verdict) -> str:
    """A page that was made before the gate was asked, with what the gate said."""
    from markupsafe import escape

    passed = " passed" if verdict.promote else ""
    sentence = f"{verdict.reason[:1].upper()}{verdict.reason[1:]}."
    return page.replace(UNSAID, f'<p class="verdict{passed}">{escape(sentence)}</p>', 1)


def _remarks(judgement: Judgement, best: "pd.Series[Any] | None") -> dict[str, str]:
    return {
        "mistakes": wording.mistakes(judgement),
        "calibration": wording.calibration(judgement),
        "training": "" if best is None else wording.history(float(best["val_f1"]), int(best["step"]), judgement),
    }


def _mistake(judgement: Judgement, clip: WorstClip) -> Mistake:
    row, predicted = judgement.predictions.iloc[clip.place], judgement.predicted
    names = [display_name(name) for name in judgement.label_set.full_names]
    wrong = wrongness(predicted, judgement.thresholds)[clip.place]
    bars = [
        Bar(
            names[place],
            float(predicted.scores[clip.place, place]),
            0.5 if judgement.subject.task == "multiclass" else float(judgement.thresholds[place]),  # its bars are as long as the score
            _state(judgement, clip.place, place),
        )
        for place in np.argsort(-predicted.scores[clip.place], kind="stable")
    ]
    silent = [bar for bar in bars if bar.state in ("silent", "unknown")]
    spared = max(0, MOST_BARS - (len(bars) - len(silent)))
    shown = [bar for bar in bars if bar not in silent[spared:]]
    true = [names[place] for place in np.flatnonzero(predicted.targets[clip.place])]
    return Mistake(
        str(row["clip_id"]),
        _summary(bars),
        listed(true) if true else "nothing",
        shown,
        snippet(clip, int(np.argmax(wrong))),
        float(row["duration_s"]),
    )


def _summary(bars: list[Bar]) -> str:
    missed = [f"{bar.name} ({bar.score:.2f})" for bar in bars if bar.state == "missed"]
    false = [f"{bar.name} ({bar.score:.2f})" for bar in bars if bar.state == "false"]
    parts = ([f"misses {listed(missed)}"] if missed else []) + ([f"reports {listed(false)}"] if false else [])
    text = " and ".join(parts)
    return text[:1].upper() + text[1:]


def _state(judgement: Judgement, place: int, label: int) -> str:
    predicted = judgement.predicted
    if not predicted.mask[place, label]:
        return "unknown"
    true, said = predicted.targets[place, label], predicted.decisions[place, label]
    return ("found" if said else "missed") if true else ("false" if said else "silent")


def _plain(value: Any) -> Any:
    """What YAML can write: tuples as lists."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
