"""The folder that a test leaves: predictions.json, metrics.yaml and the pictures that were asked for.

predictions.json has one clip a line: path, decisions (code -> 0 or 1), scores (code -> 0 to 1) and windows (start_s, and scores by code);
labelled clips have clip_id, group, truth and unknown too, a file that could not be read has only its path and error. Scores have nine
digits, which give back every bit. metrics.yaml has the numbers of the pipeline's metrics.json, then intervals and what was judged.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from components.evaluation import wording
from components.evaluation.judgement import Judgement
from components.evaluation.pictures import Picture
from components.files import write_whole
from components.labels import LabelSet
from components.tagger import ClipScores, Tagger, decide
from components.testing.run import Tested

FORMAT_VERSION = 1
PREDICTIONS, METRICS, TABLE = "predictions.json", "metrics.yaml", "instruments.csv"


@dataclass(frozen=True)
class Wanted:
    """Which pictures are asked for."""

    roc: bool = False
    confusion: bool = False
    metric_hist: bool = False
    instrument_metrics: bool = False


def write_test(tested: Tested, folder: Path, wanted: Wanted) -> list[Path]:
    """Write what was found; without labels there is nothing but the predictions.

    Returns:
        The files, in the order of this module's docstring.
    """
    files = {PREDICTIONS: _predictions(tested)}
    if tested.judgement is not None:
        files[METRICS] = yaml.safe_dump(_metrics(tested.judgement), sort_keys=False, allow_unicode=True).encode()
        if wanted.instrument_metrics:
            files[TABLE] = tested.judgement.metrics.per_label.to_csv(index=False).encode()
        files |= {f"{picture.name}.png": picture.png() for picture in _pictures(tested.judgement, wanted)}
    for name, content in files.items():
        write_whole(folder / name, content)
    return [folder / name for name in files]


def _pictures(judgement: Judgement, wanted: Wanted) -> Iterator[Picture]:
    from components.evaluation.plots import histograms, instruments, mistakes, precision_recall, roc, two_by_two

    if wanted.roc:
        yield Picture("roc", "", lambda: roc.draw(judgement))
        yield Picture("precision_recall", "", lambda: precision_recall.draw(judgement))
    if wanted.confusion:
        yield Picture("confusion", "", lambda: mistakes.draw(judgement))
        yield Picture("confusion_2x2", "", lambda: two_by_two.draw(judgement))
    if wanted.metric_hist:
        yield Picture("metric_hist", "", lambda: histograms.draw(judgement))
    if wanted.instrument_metrics:
        yield Picture("instruments", "", lambda: instruments.draw(judgement.metrics))


def _metrics(judgement: Judgement) -> dict[str, Any]:
    metrics, subject = judgement.metrics, judgement.subject
    intervals = {name: [round(bound, 6) for bound in bounds] for name, bounds in metrics.intervals.items() if np.isfinite(bounds).all()}
    about = {
        "tagger": subject.name,
        "digest": subject.digest,
        "split": subject.split,
        "data_digest": subject.data_digest,
        "clips": metrics.clips,
        "groups": metrics.groups,
        "protocol": wording.protocol(judgement.label_set),
        "confidence": metrics.confidence,
        "bootstrap_rounds": metrics.bootstrap_rounds,
    }
    return {**metrics.flat(), "intervals": intervals, "about": about}


def _predictions(tested: Tested) -> bytes:
    tagger = tested.tagger
    head = {
        "format_version": FORMAT_VERSION,
        "tagger": {"name": tagger.name, "digest": tagger.digest},
        "task": tagger.task,
        "labels": [asdict(label) for label in tagger.label_set.labels],
        "thresholds": _by_code(tagger.thresholds, tagger.label_set),
        "window_s": tagger.settings.windows.length_s,
    }
    lines = ",\n".join(json.dumps(clip, ensure_ascii=False) for clip in _clips(tested))
    return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "clips": [\n{lines}\n]}}\n'.encode()


def _clips(tested: Tested) -> Iterator[dict[str, Any]]:
    if tested.judgement is not None:
        table = tested.judgement.predictions
        for row, heard in zip(table.to_dict("records"), tested.heard, strict=True):
            known = {
                "clip_id": row["clip_id"],
                "path": row["path"],
                "group": row["group"],
                "truth": row["labels"],
                "unknown": row["unknown"],
            }
            yield {**known, **_said(heard, row["predicted"], tested.tagger)}
    for bad in tested.bad:
        yield {"path": bad.path, "error": bad.reason}
    for path, outcome in tested.unlabelled:
        if isinstance(outcome, ClipScores):
            codes = decide(outcome.clip, tested.tagger.label_set, tested.tagger.thresholds, tested.tagger.task)
            yield {"path": path, **_said(outcome, codes, tested.tagger)}
        else:
            yield {"path": path, "error": str(outcome)}


def _said(heard: ClipScores, decided: Collection[str], tagger: Tagger) -> dict[str, Any]:
    windows = {code: _exact(heard.windows[:, place]) for place, code in enumerate(tagger.label_set.codes)}
    return {
        "decisions": {code: int(code in decided) for code in tagger.label_set.codes},
        "scores": _by_code(heard.clip, tagger.label_set),
        "windows": {"start_s": [round(float(start), 6) for start in heard.starts_s], "scores": windows},
    }


def _by_code(values: npt.NDArray[np.float32], label_set: LabelSet) -> dict[str, float]:
    return dict(zip(label_set.codes, _exact(values), strict=True))


def _exact(values: npt.NDArray[np.float32]) -> list[float]:
    return [float(f"{value:.9g}") for value in values.tolist()]
