"""What the comparisons say, in sentences: what changed, from what to what, how sure, and what to do."""

from collections.abc import Sequence

from components.evaluation.names import listed, plural
from components.evaluation.wording import noun
from components.labels import LabelSet
from components.monitoring.inputs import INPUTS
from components.monitoring.verdict import Check, Counted, Finding, State
from components.watch_config import DriftConfig

MOST_NAMED = 3
SURE = 1e-6  # from here on a smaller number says nothing more
AREAS = ("input", "embedding", "prevalence", "scores", "calibration")  # the cause before what follows from it
ADVICE = {
    "duration_s": "see whether clips are now cut otherwise where they come from",
    "sample_rate": "ask who sends them: a new source or codec",
    "channels": "ask who sends them: a new source or codec",
    "loudness_lufs": "check the gain where the clips come from",
    "peak_db": "check the gain where the clips come from",
    "silent_share": "look for a dead channel or clips without content",
    "clipped_share": "lower the gain where the clips are recorded",
    "embedding": "listen to some clips: a codec, a filter, a room or a kind of music that was not there before",
    "prevalence": "review some clips: the music changed, or the tagger errs",
    "scores": "review some clips: the music changed, or the tagger errs",
    "calibration": "train again with the reviewed clips",
}


def findings_of(checks: Sequence[Check]) -> tuple[Finding, ...]:
    """The finds with their words, the surest first, and of equally sure ones that which exceeds its floor most."""
    found = sorted((check for check in checks if check.found), key=lambda one: (max(one.sure, SURE), -abs(one.effect) / one.floor))
    return tuple(Finding(check, f"{_upper(change(check))}; {how_sure(check.sure)}.", advice(check)) for check in found)


def sentence_of(
    state: State, findings: Sequence[Finding], checks: Sequence[Check], counted: Counted, config: DriftConfig, label_set: LabelSet
) -> str:
    """The one sentence that a report leads with."""
    if state == "too little data":
        return _too_little(counted, config)
    if state == "no drift":
        return (
            f"No drift: {plural(counted.clips, 'clip')} sound and score like the {counted.reference:,} of the reference "
            f"in all of {plural(len(checks), 'comparison')}."
        )
    areas = {one.check.area for one in findings} - ({"scores"} if any(one.check.area == "prevalence" for one in findings) else set())
    told = ", ".join(_told([one.check for one in findings if one.check.area == area], label_set) for area in AREAS if area in areas)
    surest = min(one.check.sure for one in findings)
    return f"Drift: {told}; {how_sure(surest)}: {first_advice(findings)}."


def change(check: Check) -> str:
    """From what to what, without a full stop."""
    if check.area == "embedding":
        return f"a classifier tells a clip of now from one of the reference in {check.now:.0%} of pairs, where chance gives 50%"
    if check.area == "calibration":
        return f"among clips of like score, {check.title} is true in {_rate(check.now)}, {_rate(check.before)} before"
    if check.area == "prevalence":
        return f"{check.title} is found in {_rate(check.now)} of clips, {_rate(check.before)} before"
    if check.area == "scores":
        return f"the scores of {check.title} moved by {check.effect:.2f}, from {check.before:.2f} to {check.now:.2f} on average"
    about = INPUTS[check.name]
    if about.kind == "name":
        what = f"{float(check.detail):,.0f} Hz" if about.unit == "Hz" else plural(int(float(check.detail)), "channel")
        return f"{what} in {_rate(check.now)} of clips, {_rate(check.before)} before"
    unit, kind = f" {about.unit}" if about.unit else "", "median" if about.unit else "mean"
    return f"{about.title} went from {check.before:.{about.digits}f} to {check.now:.{about.digits}f}{unit} ({kind})"


def how_sure(sure: float) -> str:
    """The chance of as much without a drift, of the whole verdict."""
    if sure <= SURE:
        return "chance alone gives as much in fewer than one of a million periods"
    return f"chance alone gives as much in about 1 of {_round(1 / sure):,} periods"


def advice(check: Check) -> str:
    """What to do, without a capital or full stop."""
    return ADVICE[check.name if check.area == "input" else check.area]


def notes_on(counted: Counted, without_scores: int) -> tuple[str, ...]:
    """What was left out, and what is taken for granted."""
    left_out = [f"{plural(rows, 'row')} {reason}" for reason, rows in counted.left_out.items()]
    notes = [f"Left out of the period: {listed(left_out)}."] if left_out else []
    if without_scores:
        has = "has" if without_scores == 1 else "have"
        notes.append(f"{plural(without_scores, 'clip')} {has} a score that is no number; it counts nowhere.")
    return tuple(notes)


def _told(checks: list[Check], label_set: LabelSet) -> str:
    """The finds of one area as a clause."""
    area = checks[0].area
    if area == "input":
        rest = len(checks) - 1
        return change(checks[0]) + (f" and {plural(rest, 'other input')} changed" if rest else "")
    if area == "embedding":
        return f"the clips sound different (AUC {checks[0].now:.2f})"
    if area == "scores":
        return f"scores of {_named(checks, label_set)} moved"
    if area == "calibration":
        return f"the scores of {_named(checks, label_set)} no longer mean what they did"
    if len(checks) == 1:
        return change(checks[0])
    more, fewer = ([check for check in checks if (check.effect > 0) is way] for way in (True, False))
    said = [f"{_named(more, label_set)} {'is' if len(more) == 1 else 'are'} found more often"] if more else []
    said += [f"{_named(fewer, label_set)} {'is' if len(fewer) == 1 else 'are'} found less often"] if fewer else []
    return listed(said)


def _named(checks: list[Check], label_set: LabelSet) -> str:
    names = [check.title for check in checks]
    rest = len(names) - MOST_NAMED
    return listed(names if rest < 2 else [*names[:MOST_NAMED], plural(rest, f"other {noun(label_set)}")])


def first_advice(findings: Sequence[Finding]) -> str:
    """Of the area that the others may follow from."""
    return min(findings, key=lambda one: AREAS.index(one.check.area)).advice


def _too_little(counted: Counted, config: DriftConfig) -> str:
    if counted.clips >= config.min_clips and counted.reference < config.min_clips:
        return (
            f"Too little data: the reference has {plural(counted.reference, 'clip')}, {config.min_clips} are needed: "
            "judge the tagger on more clips and register it anew."
        )
    if counted.clips >= config.min_clips:
        return f"Too little data: {plural(counted.clips, 'clip')} were logged, but nothing of them can be compared with the reference."
    return (
        f"Too little data: {plural(counted.clips, 'different clip')} in the period, {config.min_clips} are needed: "
        "wait, or choose a longer period."
    )


def _rate(share: float) -> str:
    return f"{share:.1%}" if 0 < share < 0.095 else f"{share:.0%}"


def _round(number: float) -> int:
    """To one digit, downwards."""
    size = 10 ** (len(str(int(number))) - 1)
    return int(number) // int(size) * int(size)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
