"""Which engine a tagger is sealed with: both are timed on the CPU, where most taggers serve, and the table goes beside the tagger."""

import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, ValidationError

from components.config import EngineName, Section
from components.errors import TaggerError
from components.network import Network
from components.tagger.engine import Engine, Floats, onnx_engine, torch_engine
from components.tagger.onnx_export import difference, export_onnx, noise
from components.tagger.settings import TaggerSettings

log = logging.getLogger(__name__)
ENGINES = "engines.json"  # an attachment: times are never the same twice, and a tagger's digest must be
BATCHES = (1, 32)
MARGIN = 1.2  # below it the choice would follow the machine's mood, and the digest with it
ROUNDS, AT_MOST_S = 7, 1.0  # a batch size; one round is always done


class EngineTable(Section):
    """What engines.json holds.

    Attributes:
        reason: why it was chosen, one sentence.
        speedup: how many times as fast as PyTorch ONNX Runtime was, the geometric mean over the batch sizes.
        largest_difference: between the engines' scores of the same windows.
        threads: of the CPU, in each engine.
        ms_per_window: engine -> windows a batch -> median of the rounds.
    """

    chosen: Literal["torch", "onnx"]
    reason: str
    speedup: float | None = None
    largest_difference: float | None = None
    threads: int = 0
    ms_per_window: dict[Literal["torch", "onnx"], dict[int, float]] = Field(default={})

    def to_json(self) -> bytes:
        return (json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n").encode()


@dataclass(frozen=True)
class Chosen:
    """The engine, the ONNX model where the tagger is to keep it, and the table where anything was looked at."""

    engine: Literal["torch", "onnx"]
    model: bytes | None = None
    table: EngineTable | None = None


def choose_engine(network: Network, settings: TaggerSettings, asked: EngineName = "auto") -> Chosen:
    """The engine that is asked for, or the faster one: ONNX Runtime from 1.2 times PyTorch's speed on.

    A network that ONNX cannot express runs on PyTorch, and so does a quick run's, whose speed nobody asks for.

    Args:
        network: trained, on the CPU.
    Raises:
        TaggerError: if `asked` is onnx and the network cannot be exported, or scores differ by more than 1e-4.
    """
    if asked == "torch" or (asked == "auto" and settings.quick):
        return Chosen("torch")
    try:
        model = export_onnx(network, settings.window_samples, settings.task)
    except TaggerError as error:
        if asked == "onnx":
            raise
        log.warning("the tagger runs on PyTorch: %s", error)
        return Chosen("torch", table=EngineTable(chosen="torch", reason=f"{error}."))
    table = compare_engines(network, settings, model, asked)
    log.info("engine %s: %s", table.chosen, table.reason)
    return Chosen(table.chosen, model if table.chosen == "onnx" else None, table)


def compare_engines(network: Network, settings: TaggerSettings, model: bytes, asked: EngineName = "auto") -> EngineTable:
    """Both engines on windows of the tagger's length, in batches of 1 and of 32, on the CPU."""
    here = torch.device("cpu")
    engines: dict[Literal["torch", "onnx"], Engine] = {
        "torch": torch_engine(network, here, settings.task),
        "onnx": onnx_engine(model, network, here, settings.task),
    }
    times: dict[Literal["torch", "onnx"], dict[int, float]] = {"torch": {}, "onnx": {}}
    for batch in BATCHES:
        for engine, seconds in zip(engines, alternate(list(engines.values()), batch, settings.window_samples), strict=True):
            times[engine][batch] = round(1000 * seconds / batch, 3)
    ratios = [times["torch"][batch] / max(times["onnx"][batch], 1e-3) for batch in BATCHES]
    speedup = float(np.exp(np.log(ratios).mean()))
    faster = asked == "onnx" or speedup >= MARGIN
    return EngineTable(
        chosen="onnx" if faster else "torch",
        reason=_reason(speedup, asked),
        speedup=round(speedup, 2),
        largest_difference=difference(network, model, noise(max(BATCHES), settings.window_samples), settings.task),
        threads=torch.get_num_threads(),
        ms_per_window=times,
    )


def alternate(engines: list[Engine], batch: int, window_samples: int) -> list[float]:
    """The median seconds of each engine on one batch; they take turns, so that whatever else the machine does hits all alike."""
    windows, rounds = noise(batch, window_samples), list[list[float]]()
    for engine in engines:
        engine(windows)  # the first run allocates
    began = time.perf_counter()
    while not rounds or (len(rounds) < ROUNDS and time.perf_counter() - began < AT_MOST_S):
        rounds.append([_seconds(engine, windows) for engine in engines])
    return [float(median) for median in np.median(rounds, axis=0)]


def read_engines(folder: Path) -> dict[str, Any] | None:
    """The fields of the `EngineTable` beside a tagger; None where there is none, or one of another Timbre's form."""
    try:
        return EngineTable.model_validate_json((folder / ENGINES).read_bytes()).model_dump()
    except (OSError, ValidationError):
        return None


def _seconds(engine: Engine, windows: Floats) -> float:
    began = time.perf_counter()
    engine(windows)
    return time.perf_counter() - began


def _reason(speedup: float, asked: EngineName) -> str:
    said = f"ONNX Runtime is {speedup:.2f} times as fast as PyTorch on this machine's CPU"
    if asked == "onnx":
        return f"{said}; training.engine asks for it."
    return f"{said}, {'and' if speedup >= MARGIN else 'but only'} from {MARGIN:g} times on it is chosen."
