"""Judge the sealed tagger on clips that it has not seen."""

import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from zenml import ArtifactConfig, log_metadata, step
from zenml.types import HTMLString

from components.config import ASIDE, Config, EvaluationConfig
from components.evaluation.write import write_evaluation
from components.judge import hear, judge, reference
from components.memory import keep_freed
from components.progress import bars
from components.store import StoreRef, open_store
from components.tagger import Tagger, read_engines
from steps.caching import cached_on_code

HISTORY, NOTE = "history.csv", "interrupted.txt"  # what training left beside the tagger


@step(cache_policy=cached_on_code("steps.evaluate"))
def evaluate(
    tagger: Path, store: StoreRef, evaluation: EvaluationConfig, recipe: Config
) -> tuple[Annotated[Path, "evaluation"], Annotated[HTMLString, ArtifactConfig(name="report")]]:
    """The folder of `write_evaluation`, and its report; on test, or on val where there is no test split."""
    keep_freed()
    opened, clips = Tagger.open(tagger, device="auto"), open_store(store)
    judged = clips.of("test" if len(clips.of("test")) else "val")
    heard = hear(opened, judged, bars)
    judgement = judge(opened, judged, evaluation, heard=heard)
    history = pd.read_csv(tagger / HISTORY) if (tagger / HISTORY).exists() else None
    folder = Path(tempfile.mkdtemp(prefix="timbre-")) / "evaluation"
    note = (tagger / NOTE).read_text() if (tagger / NOTE).exists() else ""
    engines, compared = read_engines(tagger), reference(opened, judged, judgement, heard)
    write_evaluation(judgement, folder, history, _told(recipe), _versions(), note=note, engines=engines, reference=compared)
    metrics = judgement.metrics.flat()
    log_metadata({name: value for name, value in metrics.items() if "/" not in name})
    return folder, HTMLString((folder / "report.html").read_text(encoding="utf-8"))


def _told(recipe: Config) -> dict[str, Any]:
    return recipe.model_dump(mode="json", exclude=set(ASIDE))


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("timbre-audio", "torch", "soundfile", "soxr", "numpy")}
