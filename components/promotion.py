"""From a judged tagger to the registry: attach what is known of it, ask the gate, keep it either way."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from components.config import EvaluationConfig, GateConfig
from components.evaluation.predictions import Predicted, arrays
from components.evaluation.reference import REFERENCE
from components.judge import judge
from components.labels import LabelSet
from components.registry import Card, RegisteredModel, Registry
from components.registry.gate import Judged, gate_for
from components.store import Store
from components.tagger import Tagger, attach

CARD, PREDICTIONS = "card.json", "predictions.parquet"
ATTACHED = (CARD, REFERENCE, "README.md", PREDICTIONS)


def register_judged(
    registry: Registry,
    folder: Path,
    evaluation: Path,
    store: Store,
    gate: GateConfig,
    who: str,
    training_job_id: str | None = None,
    then: Callable[[RegisteredModel], None] | None = None,
) -> RegisteredModel:
    """Register a sealed tagger with its judgement; the model in production is scored anew on the same clips and compared.

    Args:
        folder: the sealed tagger; card, reference and README are attached to it.
        evaluation: the folder that `components.evaluation.write_evaluation` made.
        store: the clips that the tagger was judged on are the split of it that the card names.
        training_job_id: of the job that made it, where one did.
        then: called with the model at the end, to link it elsewhere.
    Raises:
        RegistryError: if the folder is damaged or the database is away.
    """
    card = Card.from_json(json.loads((evaluation / CARD).read_text(encoding="utf-8")))
    for name in ATTACHED:
        if (evaluation / name).exists():  # a judgement may have been written without a reference
            attach(folder, name, evaluation / name)
    candidate = Tagger.open(folder)
    predicted = arrays(pd.read_parquet(evaluation / PREDICTIONS), candidate.label_set)
    clips = store.of(card.split)

    def rescore(model: RegisteredModel) -> Judged:
        tagger = Tagger.open(registry.folder(model), device="auto", digest=model.digest)
        judgement = judge(tagger, clips, EvaluationConfig(bootstrap_rounds=1))
        return _judged(model.key, model.digest, tagger.label_set, card.split, judgement.metrics.values["f1"], judgement.predicted)

    found = _judged(candidate.name, candidate.digest, candidate.label_set, card.split, card.eval_metrics["f1_score"], predicted)
    asked = gate_for(replace(found, quick=candidate.settings.quick), gate, rescore)
    return registry.register(folder, card, asked, who=who, training_job_id=training_job_id, then=then)


def _judged(key: str, digest: str, labels: LabelSet, split: str, f1: float, predicted: Predicted) -> Judged:
    return Judged(key, digest, labels.codes, split, f1, predicted.decisions, predicted.targets, predicted.mask, predicted.groups)
