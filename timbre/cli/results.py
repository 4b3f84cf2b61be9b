"""The answer of a training run, as a person reads it in the terminal."""

import json
import math
from pathlib import Path
from typing import Any

from timbre.cli.console import print_table

COLUMNS = ("label", "clips", "precision", "recall", "F1", "interval", "AP")


def print_results(outputs: dict[str, Any]) -> None:
    """Print the table of a run, the model's name, what the gate said and where the report lies."""
    card = json.loads((outputs["evaluation"].load() / "card.json").read_text(encoding="utf-8"))
    registration = outputs["registration"].load()
    print_card(card)
    aliases = f" ({', '.join(registration['aliases'])})" if registration["aliases"] else ""
    print(f"model   {registration['key']}{aliases}, sha256 {registration['digest']}")
    print(f"gate    {registration['reason']}")
    print(f"report  {Path('report.html').absolute()}")


def print_card(card: dict[str, Any]) -> None:
    """Print the table of a card: a row a label, then the averages."""
    details = card["details"]
    title = f"{card['split']}: {details['clips']:,} clips of {details['groups']:,} groups, {details['confidence']:.0%} intervals"
    print_table(COLUMNS, [*_label_rows(card), *_average_rows(card)], title, right=COLUMNS[1:])


def _label_rows(card: dict[str, Any]) -> list[tuple[str, ...]]:
    rows = []
    for code, row in card["eval_metrics"]["per_class"].items():
        name = card["details"]["labels"][code]
        figures = [_number(row[key]) for key in ("precision", "recall", "f1_score")]
        rows.append((name, f"{row['support']:,}", *figures, *_interval_and_ap(card, f"instruments/{name}_")))
    return rows


def _average_rows(card: dict[str, Any]) -> list[tuple[str, ...]]:
    metrics = card["details"]["metrics"]
    support = sum(row["support"] for row in card["eval_metrics"]["per_class"].values())
    macro = [_number(metrics[key]) for key in ("precision", "recall", "f1")]
    micro = [_number(metrics[f"micro_{key}"]) for key in ("precision", "recall", "f1")]
    return [
        ("macro", f"{support:,}", *macro, _interval(card, "f1"), _number(metrics.get("mAP", math.nan))),
        ("micro", f"{support:,}", *micro, _interval(card, "micro_f1"), ""),
    ]


def _interval_and_ap(card: dict[str, Any], prefix: str) -> tuple[str, str]:
    return _interval(card, f"{prefix}f1"), _number(card["details"]["metrics"].get(f"{prefix}average_precision", math.nan))


def _interval(card: dict[str, Any], name: str) -> str:
    low, high = card["details"]["intervals"].get(name, (math.nan, math.nan))
    return f"{low:.2f}-{high:.2f}" if math.isfinite(low) else "-"


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "-"
