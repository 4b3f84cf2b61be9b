"""What goes with a tagger: the model card, as data and as Markdown."""

import math
from collections.abc import Mapping
from typing import Any

from components.evaluation import wording
from components.evaluation.engines import engine_answer
from components.evaluation.judgement import Judgement
from components.evaluation.metrics import OVERALL
from components.evaluation.names import display_name
from components.evaluation.table import number, span

DIGITS = 6


def card(judgement: Judgement, engines: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The card as plain JSON values: split, data_digest, eval_metrics and details, as the registry reads it.

    A label without support has 0.0 and support 0; other numbers that are undefined are left out.

    Args:
        engines: what engines.json beside the tagger says.
    """
    metrics, subject = judgement.metrics, judgement.subject
    values = metrics.values
    per_class = {
        str(row.label): {
            "precision": _rounded(row.precision),
            "recall": _rounded(row.recall),
            "f1_score": _rounded(row.f1),
            "support": int(float(str(row.support))),
        }
        for row in metrics.per_label.itertuples()
    }
    overall = {"precision": _rounded(values["precision"]), "recall": _rounded(values["recall"]), "f1_score": _rounded(values["f1"])}
    details = {
        "name": subject.name,
        "digest": subject.digest,
        "task": subject.task,
        "label_set": judgement.label_set.name,
        "labels": {label.code: label.full_name for label in judgement.label_set.labels},
        "thresholds": dict(zip(judgement.label_set.codes, [_rounded(value) for value in judgement.thresholds], strict=True)),
        "clips": metrics.clips,
        "groups": metrics.groups,
        "metrics": metrics.flat(),
        "intervals": {
            name: [_rounded(bound) for bound in bounds] for name, bounds in metrics.intervals.items() if all(map(math.isfinite, bounds))
        },
        "confidence": metrics.confidence,
        "bootstrap_rounds": metrics.bootstrap_rounds,
        "protocol": wording.protocol(judgement.label_set),
        "answer": wording.answer(judgement),
        "decisions": wording.decisions(judgement),
        "caution": wording.caution(judgement),
        "engine": engine_answer(engines),
        "weak": [f"{remark.name} ({remark.figures}): {remark.text}" for remark in wording.weaknesses(judgement)],
    }
    return {
        "split": subject.split,
        "data_digest": subject.data_digest,
        "eval_metrics": {**overall, "per_class": per_class, "split": subject.split},
        "details": details,
    }


def readme(made: dict[str, Any]) -> str:
    """The card as a Markdown page."""
    details, evaluated = made["details"], made["eval_metrics"]
    digest = f", manifest `{made['data_digest'][:16]}`" if made["data_digest"] else ""
    intervals = details["intervals"]
    lines = [f"# {_text(details['name'])}", "", _text(details["answer"]), ""]
    if details["caution"]:
        lines += [_text(details["caution"]), ""]
    if details["weak"]:
        lines += ["## What is weak", "", *(f"- {_text(remark)}" for remark in details["weak"]), ""]
    lines += ["## Results", "", "| metric | value | interval |", "|---|---|---|"]
    for name in OVERALL:
        if name in details["metrics"]:
            lines.append(f"| {name} | {number(details['metrics'][name])} | {span(*intervals.get(name, (math.nan, math.nan)))} |")
    lines += ["", "| label | clips | precision | recall | F1 | interval | threshold |", "|---|---|---|---|---|---|---|"]
    for code, row in evaluated["per_class"].items():
        full_name = details["labels"][code]
        cells = [number(row[key]) for key in ("precision", "recall", "f1_score")]
        cells += [span(*intervals.get(f"instruments/{full_name}_f1", (math.nan, math.nan))), number(details["thresholds"][code])]
        lines.append(f"| {_text(display_name(full_name))} | {row['support']:,} | {' | '.join(cells)} |")
    lines += [
        "",
        "## How it was measured",
        "",
        f"- Clips: {details['clips']:,} of {details['groups']:,} groups, split `{made['split']}`{digest}.",
        f"- Protocol: {details['protocol']}.",
        f"- Intervals: {details['confidence']:.0%}, {details['bootstrap_rounds']:,} rounds of a bootstrap over groups.",
        f"- {_text(details['decisions'])}",
        *([f"- Engine: {_text(details['engine'])}"] if details["engine"] else []),
        f"- Tagger: digest `{details['digest']}`.",
        "",
        "## Use",
        "",
        "```python",
        "from timbre import Tagger",
        "",
        f'tagger = Tagger.open("{_text(details["name"])}@{details["digest"][:8]}")',
        "scores = tagger.score(y, sr)  # [label]",
        "```",
        "",
    ]
    return "\n".join(lines)


def _rounded(value: Any) -> float:
    return round(float(value), DIGITS) if math.isfinite(value) else 0.0


def _text(text: str) -> str:
    """Markdown and HTML signs as themselves."""
    for sign in "\\`*[]<>|#":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
