"""Every comparison of a period with the reference, an area a function; what cannot be compared is named with the reason."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.evaluation.names import display_name, plural
from components.labels import Label, LabelSet
from components.monitoring.classifier import MOST_CLIPS, tell_apart
from components.monitoring.inputs import INPUTS, Input
from components.monitoring.period import embedding_columns, values
from components.monitoring.two_samples import compare_at_equal_score, compare_names, compare_numbers, compare_rates
from components.monitoring.verdict import Check
from components.watch_config import DriftConfig

Floats = npt.NDArray[np.float64]


@dataclass
class Comparison:
    """Two frames, the rows of the current one that count, and what could not be compared -> why."""

    reference: pd.DataFrame
    current: pd.DataFrame
    kept: npt.NDArray[np.bool_]
    labels: LabelSet
    config: DriftConfig
    not_checked: dict[str, str] = field(default_factory=dict)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def checks(self) -> list[Check]:
        """All that can be made."""
        return [*self.inputs(), *self.scores(), *self.prevalences(), *self.embedding(), *self.calibrations()]

    def inputs(self) -> Iterator[Check]:
        for column, about in INPUTS.items():
            if sides := self._sides(column, about.title):
                yield _of_names(column, about, *sides, self.config) if about.kind == "name" else self._of_numbers(column, about, *sides)

    def scores(self) -> Iterator[Check]:
        for label in self.labels.labels:
            if sides := self._sides(f"score_{label.code}", f"scores of {display_name(label.full_name)}"):
                found, (then, now) = compare_numbers(*sides, self.rng), map(np.mean, sides)
                yield Check("scores", label.code, display_name(label.full_name), "Anderson-Darling", float(then), float(now), "mean score",
                            found.effect, self.config.min_score_change, found.p)  # fmt: skip

    def prevalences(self) -> Iterator[Check]:
        for label in self.labels.labels:
            title = f"how often {display_name(label.full_name)} is found"
            # A score that is no number was decided against, which says nothing.
            if sides := self._sides(f"decision_{label.code}", title, beside=f"score_{label.code}"):
                before, now = ((int((side > 0.5).sum()), len(side)) for side in sides)
                found = compare_rates(before, now)
                yield Check("prevalence", label.code, display_name(label.full_name), "Fisher", before[0] / before[1], now[0] / now[1],
                            "share of clips", found.effect, self.config.min_rate_change, found.p)  # fmt: skip

    def embedding(self) -> Iterator[Check]:
        columns = embedding_columns(self.reference)
        if not columns or columns != embedding_columns(self.current):
            self.not_checked["embedding"] = _lacking(bool(columns), bool(embedding_columns(self.current)))
            return
        now, then = self._rows(self.current, columns, self.kept), self._rows(self.reference, columns)
        if self._enough("embedding", len(then), len(now)):
            found = tell_apart(then, now)
            yield Check("embedding", "embedding", "sound as the tagger hears it", "classifier, 1,999 shuffles", 0.5, found.effect,
                        "AUC", found.effect - 0.5, self.config.min_auc - 0.5, found.p)  # fmt: skip

    def calibrations(self) -> Iterator[Check]:
        reviewed = max((len(values(self.current, f"target_{code}", self.kept)) for code in self.labels.codes), default=0)
        if reviewed < self.config.min_reviews:
            known = f"known of {plural(reviewed, 'clip')} of the period, {self.config.min_reviews} are needed"
            self.not_checked["calibration"] = known if reviewed else "no clip of the period was reviewed"
            return
        for label in self.labels.labels:
            yield from self._calibration(label)

    def _calibration(self, label: Label) -> Iterator[Check]:
        title, few = f"calibration of {display_name(label.full_name)}", self.config.min_reviews
        sides = self._judged(self.reference, label.code), self._judged(self.current, label.code, self.kept)
        sizes = [len(targets) for _, targets in sides]
        if min(sizes) < few:
            self.not_checked[title] = f"known of {sizes[0]:,} clips of the reference and {sizes[1]:,} of the period, {few} are needed"
        elif found := compare_at_equal_score(*sides):
            test, before = found
            yield Check("calibration", label.code, display_name(label.full_name), "Mantel-Haenszel", before, before + test.effect,
                        "share true at equal score", test.effect, self.config.min_calibration_change, test.p)  # fmt: skip
        else:
            self.not_checked[title] = "too few reviewed clips have a score at which both answers occur"

    def _of_numbers(self, column: str, about: Input, then: Floats, now: Floats) -> Check:
        found, floor = compare_numbers(then, now, self.rng), about.least(self.config)
        floor = floor * float(np.abs(then).mean()) if about.relative else floor
        middle = np.mean if about.unit == "" else np.median  # the median of a share is mostly 0
        return Check("input", column, about.title, "Anderson-Darling", float(middle(then)), float(middle(now)), about.unit, found.effect,
                     floor, found.p)  # fmt: skip

    def _sides(self, column: str, title: str, beside: str | None = None) -> tuple[Floats, Floats] | None:
        sides = values(self.reference, column, beside=beside), values(self.current, column, self.kept, beside)
        if column not in self.reference or column not in self.current:
            self.not_checked[title] = _lacking(column in self.reference, column in self.current)
            return None
        return sides if self._enough(title, *map(len, sides)) else None

    def _enough(self, title: str, before: int, now: int) -> bool:
        least = self.config.min_clips
        if min(before, now) < least:
            self.not_checked[title] = f"known of {before:,} clips of the reference and {now:,} of the period, {least} are needed"
        return min(before, now) >= least

    def _rows(self, frame: pd.DataFrame, columns: list[str], kept: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.float32]:
        """The embeddings that are finite, [clip, number]; of very many rows a draw, before they are copied."""
        places = np.flatnonzero(kept if kept is not None else np.ones(len(frame), bool))
        first = frame[columns[0]].to_numpy(np.float32, na_value=np.nan)[places]
        places = places[np.isfinite(first)]
        if len(places) > MOST_CLIPS:
            places = self.rng.choice(places, MOST_CLIPS, replace=False)
        rows = np.stack([frame[column].to_numpy(np.float32, na_value=np.nan)[places] for column in columns], axis=1)
        return np.asarray(rows[np.isfinite(rows).all(axis=1)])

    def _judged(self, frame: pd.DataFrame, code: str, kept: npt.NDArray[np.bool_] | None = None) -> tuple[Floats, Floats]:
        """Scores and targets where both are known."""
        if not {f"score_{code}", f"target_{code}"} <= set(frame.columns):
            return np.empty(0), np.empty(0)
        both = frame[[f"score_{code}", f"target_{code}"]].to_numpy(np.float64, na_value=np.nan)
        both = both[np.isfinite(both).all(axis=1) & (True if kept is None else kept)]
        return both[:, 0], both[:, 1]


def _of_names(column: str, about: Input, then: Floats, now: Floats, config: DriftConfig) -> Check:
    before, after = (Counter(f"{value:g}" for value in side.tolist()) for side in (then, now))
    found, name = compare_names(before, after)
    return Check("input", column, about.title, "Fisher", before[name] / len(then), after[name] / len(now), about.unit, found.effect,
                 about.least(config), found.p, detail=name)  # fmt: skip


def _lacking(reference: bool, current: bool) -> str:
    if reference:
        return "the log has none"
    return "the reference has none" if current else "neither the reference nor the log has any"
