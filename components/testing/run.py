"""Hear data sets of any type: labelled ones are judged as the pipeline judges, `inference:` ones only heard."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.config import AudioConfig, DataConfig, EvaluationConfig
from components.datasets import BadClip, build_manifest, parse, read_dataset
from components.errors import DataError
from components.evaluation.judgement import Judgement
from components.judge import hear, judge
from components.labels import LABEL_SETS, LabelSet
from components.progress import Progress, quiet
from components.store import build_store, open_store
from components.tagger import ClipScores, Tagger
from components.tagger.tables import Outcome

UNLABELLED = "inference"


@dataclass(frozen=True, eq=False)
class Tested:
    """What `run` found.

    Args:
        judgement: of the labelled clips; None where there are none.
        heard: the scores of the judgement's clips, in the order of its predictions.
        unlabelled: each file of the `inference:` data sets with its scores or its error.
        bad: labelled files that are left out.
        notes: what is worth a word about the data.
    """

    tagger: Tagger
    judgement: Judgement | None
    heard: list[ClipScores]
    unlabelled: list[Outcome]
    bad: list[BadClip]
    notes: list[str]

    @property
    def heard_nothing(self) -> bool:
        """Whether not one file could be read."""
        return not self.heard and not any(isinstance(outcome, ClipScores) for _, outcome in self.unlabelled)


def run(
    tagger: Tagger,
    specs: Sequence[str],
    evaluation: EvaluationConfig,
    progress: Progress = quiet,
    batch_size: int = 32,
    workers: int | None = None,
) -> Tested:
    """Try a tagger on data sets.

    Labelled clips go through the store, so that they are decoded once and heard exactly as the pipeline's evaluation hears them.
    Where a data set brings a split of its own, its test part is taken.

    Args:
        specs: TYPE:PATH; a bare path is `inference:`.
        batch_size: windows scored at a time.
        workers: threads that read files; as many as fit by default.
    Raises:
        DataError: if a data set is not there or has no clips, or a label is not one of the tagger's.
    """
    if not specs:
        raise DataError("there is nothing to test on: name data sets as TYPE:PATH")
    unlabelled = [spec for spec in specs if parse(spec)[0] == UNLABELLED]
    labelled = tuple(spec for spec in specs if spec not in unlabelled)
    judgement, heard, bad, notes = None, list[ClipScores](), list[BadClip](), list[str]()
    if labelled:
        audio = AudioConfig(sample_rate=tagger.sample_rate)
        data = DataConfig(test=labelled, num_workers=workers)
        gathered = build_manifest(data, _named(tagger.label_set), audio, progress, tagger.task)
        built = build_store(gathered.manifest, audio, workers=workers, progress=progress)
        store, bad, notes = open_store(built.ref), [*gathered.bad, *built.bad], gathered.notes
        heard = hear(tagger, store, progress, batch_size)
        judgement = judge(tagger, store, evaluation, heard=heard)
    outcomes = _hear_files(tagger, unlabelled, progress, batch_size, workers) if unlabelled else []
    return Tested(tagger, judgement, heard, outcomes, bad, notes)


def _named(label_set: LabelSet) -> str | tuple[str, ...]:
    """A label set as a Config names it."""
    return label_set.name if LABEL_SETS.get(label_set.name) == label_set else label_set.codes


def _hear_files(tagger: Tagger, specs: Sequence[str], progress: Progress, batch_size: int, workers: int | None) -> list[Outcome]:
    datasets = [dataset for spec in specs for dataset in read_dataset(spec, tagger.label_set)]
    files = list(dict.fromkeys(clip.path for dataset in datasets for clip in dataset.clips))
    if not files:
        raise DataError(f"no audio files in {', '.join(specs)}: name files, folders or globs")
    return list(progress(tagger.score_sources(files, batch_size=batch_size, workers=workers), "predict", len(files)))
