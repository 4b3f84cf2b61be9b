"""What scores a tagger's windows, as the report and the model card tell it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.evaluation.names import plural

NAMES = {"torch": "PyTorch", "onnx": "ONNX Runtime"}


@dataclass(frozen=True)
class EngineRow:
    """One engine: milliseconds a window by windows a batch."""

    name: str
    chosen: bool
    ms_per_window: Mapping[int, float]


def engine_rows(engines: Mapping[str, Any] | None) -> list[EngineRow]:
    """A row an engine that was timed.

    Args:
        engines: what engines.json beside the tagger says.
    """
    timed = (engines or {}).get("ms_per_window", {})
    return [EngineRow(NAMES[key], key == engines["chosen"], times) for key, times in timed.items()] if engines else []


def engine_answer(engines: Mapping[str, Any] | None) -> str:
    """Which engine was chosen, why, and how far its scores lie from the other's; nothing where nothing was measured."""
    if not engines:
        return ""
    parts = [f"{NAMES[engines['chosen']]} computes the scores.", str(engines["reason"])]
    if (far := engines.get("largest_difference")) is not None:
        parts.append(f"Their scores differ by at most {far:.0e}; measured with {plural(engines['threads'], 'thread')}.")
    return " ".join(parts)
