"""What the numbers say, in sentences."""

import math
from dataclasses import dataclass

import numpy as np

from components.evaluation.judgement import Judgement
from components.evaluation.metrics import Metrics
from components.evaluation.mistakes import co_occurrence
from components.evaluation.names import display_name, listed, plural
from components.evaluation.predictions import Predicted
from components.evaluation.rates import CALIBRATION_BINS, calibration_bins
from components.labels import LabelSet

MOST_WEAK = 4
FEW_CLIPS = 10
FEW_SCORES = 30  # of a tenth of the scale: the share that was true is then known to within 0.17
LEAST_RANGES = CALIBRATION_BINS // 2  # with enough scores, before they are called probabilities
WEAK_BELOW = 0.9  # no label is called weak from here on
GAIN_WORTH_SAYING = 0.1
SURPRISING = 2.5  # standard deviations

PROTOCOLS = {
    "IRMAS": "IRMAS (Bosch et al., 2012): micro and macro F1, and LRAP",
    "OPENMIC": "OpenMIC-2018 (Humphrey et al., 2018): mAP and F1 over known labels, official split",
    "IRMAS_OPENMIC": "that of IRMAS and OpenMIC-2018 in one: F1, mAP and LRAP over the labels that are known of each clip, official splits",
}


@dataclass(frozen=True)
class Remark:
    """A weak spot: which label, its figures, and what goes wrong there."""

    name: str
    figures: str
    text: str


def noun(label_set: LabelSet) -> str:
    """What a label of the set is called."""
    return "instrument" if label_set.name in PROTOCOLS else "label"


def protocol(label_set: LabelSet) -> str:
    """The published protocol that the set's results follow."""
    return PROTOCOLS.get(label_set.name, "no published one: macro F1 leads, as everywhere in Timbre")


def answer(judgement: Judgement) -> str:
    """The one sentence that the report leads with."""
    metrics, subject = judgement.metrics, judgement.subject
    clips = plural(metrics.clips, f"{subject.split} clip")
    if not math.isfinite(metrics.values["f1"]):
        return f"{subject.name} has scored {clips} of which no label is known, so nothing can be measured."
    word, f1 = noun(judgement.label_set), f"a macro F1 of {_with_interval(metrics, 'f1')}"
    figures = f"an accuracy of {_with_interval(metrics, 'accuracy')} and {f1}" if subject.task == "multiclass" else f1
    return f"Tagger {subject.name} finds the {word}s with {figures} on {clips}."


def _with_interval(metrics: Metrics, name: str) -> str:
    if name not in metrics.intervals:
        return f"{metrics.values[name]:.2f}"
    low, high = metrics.intervals[name]
    return f"{metrics.values[name]:.2f} ({metrics.confidence:.0%} interval {low:.2f} to {high:.2f})"


def caution(judgement: Judgement) -> str:
    """What to beware of: a quick run, or clips that are not from a split that training never saw; else nothing."""
    return " ".join(filter(None, (_of_a_quick_run(judgement), _of_the_split(judgement))))


def _of_a_quick_run(judgement: Judgement) -> str:
    if not judgement.subject.about.get("quick"):
        return ""
    return "This is a quick run, of a few steps on a few clips: it shows that everything works, and the figures say nothing."


def _of_the_split(judgement: Judgement) -> str:
    splits = set(judgement.subject.split.replace(",", " ").split())
    if "train" in splits:
        return "The tagger was trained on some of these clips: the figures say nothing about new recordings."
    if "val" in splits:
        chosen = "The best step was" if judgement.subject.task == "multiclass" else "Thresholds and the best step were"
        return f"{chosen} chosen on val, which flatters these figures: judge it on test before relying on them."
    return ""


def unknown(judgement: Judgement) -> str:
    """How many targets nobody knows."""
    known = judgement.predicted.mask
    missing = int((~known).sum())
    return f"{missing:,} of {known.size:,} labels are unknown" if missing else ""


def decisions(judgement: Judgement) -> str:
    """How scores became decisions."""
    if judgement.subject.task == "multiclass":
        return "A clip's scores are pooled from its windows, and the highest is the answer."
    return (
        f"A clip's score is pooled from its windows. A score that reaches its {noun(judgement.label_set)}'s threshold is a yes. "
        "Thresholds come from val and were fixed in the tagger before these clips were scored."
    )


def worst_intro(judgement: Judgement) -> str:
    """Which clips are played."""
    groups = judgement.predictions["group"].iloc[[clip.place for clip in judgement.worst]]
    spread = ", each from another group" if groups.is_unique and len(groups) > 1 else ""
    number = len(judgement.worst)
    return f"The {number} clips that went most wrong{spread}." if number > 1 else "The clip that went most wrong."


def strengths(judgement: Judgement) -> str:
    """The best labels, or nothing where none is good."""
    table = judgement.metrics.per_label
    best = table[(table["support"] > 0) & (table["f1"] >= max(0.7, judgement.metrics.values["f1"]))].nlargest(3, "f1")
    if best.empty:
        return ""
    return f"Best: {listed([f'{display_name(name)} ({f1:.2f})' for name, f1 in zip(best['full_name'], best['f1'], strict=True)])}."


def weaknesses(judgement: Judgement) -> list[Remark]:
    """The labels below the macro F1 that do worst, the worst first, with what they are confused with; then those that were never tested."""
    metrics, predicted = judgement.metrics, judgement.predicted
    table = metrics.per_label
    weak = table[(table["support"] > 0) & (table["f1"] < min(WEAK_BELOW, metrics.values["f1"]))].nsmallest(MOST_WEAK, "f1")
    remarks = [_remark(judgement, predicted, int(str(place))) for place in weak.index]
    absent = [display_name(name) for name in table.loc[table["support"] == 0, "full_name"]]
    if absent:
        counts = "They count" if len(absent) > 1 else "It counts"
        known = table.loc[table["support"] == 0, "known"].gt(0).any()
        remarks.append(
            Remark(
                listed(absent),
                "no clips",
                f"No clip of {judgement.subject.split} is known to have {'them' if len(absent) > 1 else 'it'}, so nothing can be said. "
                + (f"{counts} as 0 in macro F1, as in scikit-learn." if known else "It is left out of every mean."),
            )
        )
    return remarks


def _remark(judgement: Judgement, predicted: Predicted, place: int) -> Remark:
    row = judgement.metrics.per_label.iloc[place]
    low, high = judgement.metrics.intervals.get(f"instruments/{row['full_name']}_f1", (math.nan, math.nan))
    interval = f", {low:.2f} to {high:.2f}" if math.isfinite(low) else ""
    figures = f"F1 {row['f1']:.2f}{interval}; {plural(int(row['support']), 'clip')}"
    said = [_missed(judgement, predicted, place), _false(judgement, predicted, place), _threshold(judgement, predicted, place)]
    if row["support"] < FEW_CLIPS:
        said.append("There are too few clips to be sure.")
    return Remark(display_name(row["full_name"]), figures, " ".join(filter(None, said)))


def _missed(judgement: Judgement, predicted: Predicted, place: int) -> str:
    counts = co_occurrence(predicted)
    missed, support = int(counts.misses[place]), int(predicted.targets[:, place].sum())
    if missed == 0:
        return f"It is found in {'all' if support > 1 else 'its'} {plural(support, 'clip')}."
    text = f"Missed in {missed:,} of {plural(support, 'clip')}"
    instead = int(np.argmax(counts.pairs[place]))
    if counts.pairs[place, instead] >= max(2, missed / 4):
        name = display_name(judgement.label_set.full_names[instead])
        return f"{text}; {name} is falsely reported in {counts.pairs[place, instead]:,} of those."
    alone = int(counts.missed_alone[place])
    return f"{text}; nothing is reported in its place in {alone:,} of those." if 2 * alone >= missed else f"{text}."


def _false(judgement: Judgement, predicted: Predicted, place: int) -> str:
    rows = predicted.false_alarms[:, place]
    false, reported = int(rows.sum()), int((predicted.decisions & predicted.mask)[:, place].sum())
    if false == 0:
        return "None of its reports is false." if reported else "It is never reported."
    text = f"{false:,} of its {plural(reported, 'report')} {'is' if false == 1 else 'are'} false"
    present = predicted.targets[rows].sum(axis=0)
    known = np.maximum(predicted.mask.sum(axis=0), 1)
    expected = predicted.targets.sum(axis=0) / known * false
    surplus = np.where(present >= max(3, false / 3), (present - expected) / np.sqrt(expected + 0.5), 0)
    other = int(np.argmax(surplus))
    if surplus[other] < SURPRISING:
        return f"{text}."
    verb = "plays in" if noun(judgement.label_set) == "instrument" else "is true of"
    return f"{text}; {display_name(judgement.label_set.full_names[other])} {verb} {int(present[other]):,} of those clips."


def _threshold(judgement: Judgement, predicted: Predicted, place: int) -> str:
    """Says where the ranking is better than the decision: the threshold is off rather than the ear."""
    if judgement.subject.task == "multiclass":
        return ""
    known = predicted.mask[:, place]
    score, target = predicted.scores[known, place], predicted.targets[known, place]
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    best = float((2 * np.cumsum(target[order])[last] / (last + 1 + target.sum())).max())
    if best - judgement.metrics.per_label["f1"].iloc[place] < GAIN_WORTH_SAYING:
        return ""
    own = judgement.thresholds[place]
    return f"Its threshold, {own:.2f} from val, does not fit here: with hindsight, the best one would give an F1 of {best:.2f}."


def calibration(judgement: Judgement) -> str:
    """Whether scores can be read as probabilities."""
    error, predicted = judgement.metrics.values["calibration_error"], judgement.predicted
    score, target = predicted.scores[predicted.mask], predicted.targets[predicted.mask]
    if not len(score):
        return "Nothing is known about these clips."
    bins = calibration_bins(score)
    counts = np.bincount(bins, minlength=CALIBRATION_BINS)
    gap = np.bincount(bins, score - target, CALIBRATION_BINS)
    text = (
        f"A score of 0.8 should be right in 8 of 10 cases. Here a score and the share that was true differ by {error:.3f} on average "
        "(the expected calibration error, over ten equal ranges)"
    )
    told = counts >= FEW_SCORES
    left_out = f" Ranges with fewer than {FEW_SCORES} scores are left out here." if ((counts > 0) & ~told).any() else ""
    worst = int(np.argmax(np.where(told, np.abs(gap) / np.maximum(counts, 1), 0)))
    off = gap[worst] / max(counts[worst], 1)
    if told.any() and abs(off) >= 0.1:
        share = f"{np.bincount(bins, target, CALIBRATION_BINS)[worst] / counts[worst]:.0%}"
        low, way = worst / CALIBRATION_BINS, "much" if off > 0 else "little"
        widest = f"The widest gap is at scores from {low:.1f} to {low + 0.1:.1f}: {share} of them were true, so they promise too {way}."
        return f"{text}. {widest}{left_out}"
    if (enough := int(told.sum())) < LEAST_RANGES:
        return (
            f"{text}, but there are too few clips to tell whether scores can be read as probabilities: "
            f"{enough or 'none'} of the ten ranges {'have' if enough > 1 else 'has'} {FEW_SCORES} scores or more."
        )
    return f"{text}, and in no range by 0.1: scores can be read as probabilities.{left_out}"


def mistakes(judgement: Judgement) -> str:
    """The most frequent pair of a miss and a false alarm."""
    counts = co_occurrence(judgement.predicted)
    names = [display_name(name) for name in judgement.label_set.full_names]
    if not counts.misses.any() and not counts.false_alarms.any():
        return "Nothing was missed and nothing falsely reported."
    clips = int((judgement.predicted.misses.any(axis=1) | judgement.predicted.false_alarms.any(axis=1)).sum())
    text = (
        f"{clips:,} of {plural(judgement.metrics.clips, 'clip')} have a mistake: {plural(int(counts.misses.sum()), 'miss', 'misses')} "
        f"and {plural(int(counts.false_alarms.sum()), 'false alarm')}."
    )
    missed, reported = np.unravel_index(int(np.argmax(counts.pairs)), counts.pairs.shape)
    if (number := int(counts.pairs[missed, reported])) < 2:
        return f"{text} No pair of a miss and a false alarm comes twice."
    return f"{text} The most frequent pair: {names[missed]} missed and {names[reported]} reported, {number:,} times."


def history(best_f1: float, step: int, judgement: Judgement) -> str:
    """How val's best compares with the result here."""
    chosen = "step was" if judgement.subject.task == "multiclass" else "step and the thresholds were"
    return (
        f"The best macro F1 on val was {best_f1:.2f}, at step {step:,}; on these clips it is {judgement.metrics.values['f1']:.2f}. "
        f"Val is somewhat flattered, since the {chosen} chosen on it."
    )
