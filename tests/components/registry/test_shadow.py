"""What passes the gate with `after_shadow`: it stays inactive as `shadow`, and how that ends, on both databases."""

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from components.config import GateConfig
from components.errors import RegistryError
from components.labels import from_codes
from components.monitoring import shadow as shadows
from components.monitoring.reviewed import ReviewedClip
from components.registry import Card, Decision, InactiveModel, RegisteredModel, Registry, UnknownModel
from components.registry.gate import Judged, decide
from components.registry.shadow import Shadow
from tests.fixtures.no_reviews import NoReviews

from .conftest import TaggerMaker, no, yes

GATE = GateConfig(promote="after_shadow", shadow_min_clips=20)
CODES = ("cel", "flu")
PASSED = "passed: it is better; it stays in shadow"


def clip_of(place: int, known: tuple[str, ...] = CODES) -> ReviewedClip:
    return ReviewedClip(f"{place:064x}", io.BytesIO, frozenset([CODES[place % 2]]), frozenset(known))


def passes(production: RegisteredModel | None) -> Decision:
    return Decision(False, PASSED, 0.1, 0.05, 0.15, None if production is None else production.digest, shadow=True)


class Reviewed(NoReviews):
    """So many clips, each with one label."""

    def __init__(self, clips: int) -> None:
        self.clips = [clip_of(place) for place in range(clips)]

    def first_reviewed_since(self, moment: Any) -> Any:
        assert moment.tzinfo is not None
        return iter(self.clips)


@pytest.fixture
def pair(registry: Registry, make_tagger: TaggerMaker, card: Card) -> tuple[RegisteredModel, RegisteredModel]:
    """Production and the candidate in shadow."""
    old = registry.register(make_tagger(b"old"), card, yes, who="ann")
    return old, registry.register(make_tagger(b"new"), card, passes, who="ann")


def heard(monkeypatch: pytest.MonkeyPatch, wrong: tuple[int, int]) -> None:
    """The candidate, and production, err on the first so many of each 20 clips."""

    def hear(_ours: Any, _theirs: Any, clips: Any, most: int) -> shadows.Beside:
        clips = list(clips)[:most]
        targets = np.array([[code in clip.codes for code in CODES] for clip in clips])
        sides = [targets ^ ((np.arange(len(clips)) % 20 < errs)[:, None]) for errs in wrong]
        return shadows.Beside(*sides, targets)

    monkeypatch.setattr(shadows, "hear", hear)
    monkeypatch.setattr(shadows, "_open", lambda *_: None)


def actions(registry: Registry) -> list[tuple[str, str]]:
    return [(one.action, str(one.detail.get("reason", ""))) for one in reversed(registry.audit())]


def test_the_gate_puts_what_passes_into_the_shadow() -> None:
    targets = np.tile(np.eye(2), (20, 1))
    worse = targets.copy()
    worse[:8] = 1 - worse[:8]
    one = Judged("new@00000000", "new", CODES, "test", 1.0, targets, targets, np.ones_like(targets), np.arange(40))
    old = replace(one, key="old@00000000", digest="old", f1=0.8, predicted=worse)
    decision = decide(one, old, GATE)
    assert (decision.promote, decision.shadow) == (False, True)
    assert decision.reason.startswith("passed: macro F1 1.000 on test against 0.800 of old@00000000 in production")
    assert decision.reason.endswith("; it stays in shadow until it holds on 20 reviewed clips as well")
    assert (decide(old, one, GATE).promote, decide(old, one, GATE).shadow) == (False, False)
    assert decide(one, None, GATE).promote  # there is nothing to be beside
    assert decide(one, old, GateConfig()).promote


def test_a_candidate_stays_inactive_and_has_a_name(registry: Registry, pair: tuple[RegisteredModel, RegisteredModel]) -> None:
    old, new = pair
    assert (new.is_active, new.aliases) == (False, ("shadow",))
    assert registry.look_up("shadow").digest == new.digest
    assert registry.find().digest == old.digest
    with pytest.raises(InactiveModel, match="stays in shadow"):
        registry.find("shadow")
    assert "shadow" not in registry.choices()
    assert actions(registry)[-1] == ("put in shadow", PASSED)


def test_a_registration_again_changes_nothing(
    registry: Registry, pair: tuple[RegisteredModel, RegisteredModel], make_tagger: TaggerMaker, card: Card
) -> None:
    before = actions(registry)
    assert registry.register(make_tagger(b"new"), card, passes, who="bob").aliases == ("shadow",)
    assert actions(registry) == before


def test_a_newer_candidate_takes_the_place(
    registry: Registry, pair: tuple[RegisteredModel, RegisteredModel], make_tagger: TaggerMaker, card: Card
) -> None:
    newer = registry.register(make_tagger(b"newer"), card, passes, who="ann")
    assert registry.look_up("shadow").digest == newer.digest
    assert [action for action, _ in actions(registry)[-2:]] == ["shadow ended", "put in shadow"]
    registry.register(make_tagger(b"loser"), card, no, who="ann")
    assert registry.look_up("shadow").digest == newer.digest


def test_no_model_is_called_shadow(registry: Registry, make_tagger: TaggerMaker, card: Card) -> None:
    with pytest.raises(RegistryError, match="which is an alias"):
        registry.register(make_tagger(name="shadow"), card, yes, who="ann")
    with pytest.raises(UnknownModel, match="no model is in shadow yet"):
        registry.look_up("shadow")


@pytest.mark.parametrize("way", ["promote", "archive"])
def test_a_person_ends_the_shadow(registry: Registry, pair: tuple[RegisteredModel, RegisteredModel], way: str) -> None:
    _, new = pair
    if way == "promote":
        registry.promote("shadow", "ann", "heard it")
        assert registry.find().digest == new.digest
    else:
        registry.archive("shadow", "ann")
    assert Shadow(registry.database).find() is None
    assert "shadow ended" in [action for action, _ in actions(registry)]


def test_without_a_candidate_there_is_nothing_to_say(registry: Registry, make_tagger: TaggerMaker, card: Card) -> None:
    assert shadows.look(registry, GATE, Reviewed(100), "ann").state == "none"
    registry.register(make_tagger(), card, yes, who="ann")
    assert shadows.look(registry, GATE, Reviewed(100), "ann").sentence == "nothing is in shadow"


def test_too_few_reviews_wait(registry: Registry, pair: tuple[RegisteredModel, RegisteredModel]) -> None:
    found = shadows.look(registry, GATE, Reviewed(19), "ann")
    assert (found.state, found.clips) == ("waits", 19)
    assert found.sentence.endswith("20 are needed")


def test_clips_whose_reviewers_were_asked_for_less_say_nothing(registry: Registry, pair: tuple[RegisteredModel, RegisteredModel]) -> None:
    reviews = Reviewed(19)
    reviews.clips += [clip_of(place, ("cel", "gac")) for place in range(19, 60)]
    found = shadows.look(registry, GATE, reviews, "ann")
    assert (found.state, found.clips) == ("waits", 19)


def test_what_holds_is_promoted_and_can_be_rolled_back(
    registry: Registry, pair: tuple[RegisteredModel, RegisteredModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = pair
    heard(monkeypatch, (1, 4))
    found = shadows.look(registry, GATE, Reviewed(45), "cron")
    assert (found.state, found.clips, found.candidate) == ("promoted", 40, new.key)
    assert (found.difference, found.low is not None) == (pytest.approx(0.15, abs=0.03), True)
    assert registry.find().digest == new.digest
    entry = registry.audit()[0]
    assert (entry.who, entry.action) == ("cron", "promoted")
    assert entry.detail["reason"].startswith(f"held in shadow: macro F1 on 40 reviewed clips is {found.difference:+.3f} against {old.key}")
    assert shadows.look(registry, GATE, Reviewed(45), "cron").state == "none"
    assert registry.roll_back("ann", "worse in the hall").digest == old.digest
    assert shadows.look(registry, GATE, Reviewed(45), "cron").state == "none"


def test_what_is_surely_worse_is_refused(
    registry: Registry, pair: tuple[RegisteredModel, RegisteredModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = pair
    heard(monkeypatch, (12, 0))
    found = shadows.look(registry, GATE, Reviewed(100), "cron")
    assert (found.state, found.clips) == ("refused", 80)
    assert "surely worse than by 0.05" in found.sentence
    assert registry.find().digest == old.digest
    assert registry.look_up(new.digest).aliases == ()


def test_what_is_not_clear_waits_for_twice_as_many_and_is_not_heard_again_before(
    registry: Registry, pair: tuple[RegisteredModel, RegisteredModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard(monkeypatch, (3, 2))
    found = shadows.look(registry, GATE, Reviewed(30), "cron")
    assert (found.state, found.clips) == ("waits", 20)
    assert found.sentence.endswith("not sure yet; the next look is at 40")
    assert registry.audit()[0].action == "shadow looked at"
    monkeypatch.setattr(shadows, "hear", lambda *_: pytest.fail("heard again"))
    again = shadows.look(registry, GATE, Reviewed(39), "cron")
    assert again.sentence.endswith("40 are needed")
    heard(monkeypatch, (1, 4))
    assert shadows.look(registry, GATE, Reviewed(40), "cron").state == "promoted"


def test_over_another_production_than_its_gate_saw_it_is_never_promoted(
    registry: Registry, pair: tuple[RegisteredModel, RegisteredModel], make_tagger: TaggerMaker, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = pair
    heard(monkeypatch, (3, 2))
    assert shadows.look(registry, GATE, Reviewed(20), "cron").state == "waits"
    third = registry.register(make_tagger(b"third"), card, yes, who="ann")
    before = actions(registry)
    heard(monkeypatch, (0, 4))
    found = shadows.look(registry, GATE, Reviewed(400), "cron")
    assert (found.state, found.candidate, "production changed since its gate" in found.sentence) == ("waits", new.key, True)
    assert (registry.find().digest, actions(registry)) == (third.digest, before)
    assert registry.roll_back("ann", "worse in the hall").digest == old.digest
    assert shadows.look(registry, GATE, Reviewed(20), "cron").sentence.endswith("40 are needed")  # the first look counts on
    assert shadows.look(registry, GATE, Reviewed(40), "cron").state == "promoted"


def test_a_production_that_changes_meanwhile_stays(
    registry: Registry, pair: tuple[RegisteredModel, RegisteredModel], make_tagger: TaggerMaker, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard(monkeypatch, (0, 4))
    third: list[RegisteredModel] = []
    monkeypatch.setattr(shadows, "_open", lambda *_: third or third.append(registry.register(make_tagger(b"third"), card, yes, who="ann")))
    found = shadows.look(registry, GATE, Reviewed(40), "cron")
    assert (found.state, "changed meanwhile" in found.sentence) == ("waits", True)
    assert registry.find().digest == third[0].digest


@pytest.mark.parametrize("labels", [None, ("cel", "flu"), ("cel", "flu", "gac")])
def test_a_shadow_does_not_last_for_ever(
    registry: Registry,
    pair: tuple[RegisteredModel, RegisteredModel],
    make_tagger: TaggerMaker,
    card: Card,
    monkeypatch: pytest.MonkeyPatch,
    labels: tuple[str, ...] | None,
) -> None:
    """Not where production changed meanwhile either, to the same labels or to others."""
    if labels is not None:
        registry.register(make_tagger(b"third", labels=labels), card, yes, who="ann")
    late = Shadow(registry.database).find()
    assert late is not None
    monkeypatch.setattr(Shadow, "find", lambda _: replace(late, now=late.since + timedelta(days=61)))
    found = shadows.look(registry, GATE, Reviewed(5), "cron")
    assert (found.state, found.sentence.endswith("was not shown to hold within 60 days of shadow")) == ("refused", True)
    assert registry.look_up(pair[1].digest).aliases == ()


def test_other_labels_are_a_persons(
    registry: Registry, pair: tuple[RegisteredModel, RegisteredModel], make_tagger: TaggerMaker, card: Card
) -> None:
    registry.register(make_tagger(b"wide", labels=("cel", "flu", "gac")), card, yes, who="ann")
    found = shadows.look(registry, GATE, Reviewed(50), "cron")
    assert (found.state, "a person must promote it" in found.sentence) == ("waits", True)


class Ear:
    """A tagger that hears what the first sample of a clip says."""

    def __init__(self, codes: tuple[str, ...], sample_rate: int) -> None:
        self.label_set, self.sample_rate, self.task = from_codes(list(codes)), sample_rate, "multilabel"
        self.thresholds = np.full(len(codes), 0.5, np.float32)
        self.heard: list[int] = []

    def score_clips(self, clips: Any) -> Any:
        for clip in clips:
            self.heard.append(len(clip.waveform))
            loud = float(np.abs(clip.waveform).max()) > 0.5
            yield type("Scores", (), {"clip": np.array([loud if code == "cel" else not loud for code in self.label_set.codes], np.float32)})


def test_both_hear_the_same_clips_at_their_own_rate_and_what_is_gone_is_left_out(tmp_path: Path) -> None:
    import soundfile

    for place, level in enumerate((0.9, 0.1, 0.9)):
        soundfile.write(tmp_path / f"{place}.wav", np.full(1600, level), 16000)

    (tmp_path / "notes.wav").write_text("no audio")
    opened: list[BinaryIO] = []

    def clip(name: str) -> ReviewedClip:
        def open_it() -> BinaryIO:
            opened.append((tmp_path / f"{name}.wav").open("rb"))
            return opened[-1]

        return ReviewedClip(name, open_it, frozenset(["cel"]), frozenset(CODES))

    clips = [clip(name) for name in ("0", "notes", "gone", "1", "2")]
    ours, theirs = Ear(("cel", "flu"), 16000), Ear(("flu", "cel"), 8000)
    beside = shadows.hear(ours, theirs, clips, 50)  # type: ignore[arg-type]
    assert beside.candidate.tolist() == beside.production.tolist() == [[True, False], [False, True], [True, False]]
    assert beside.targets.tolist() == [[True, False]] * 3
    assert (ours.heard, theirs.heard) == ([1600] * 3, [800] * 3)
    assert [one.closed for one in opened] == [True] * 4
    assert len(shadows.hear(ours, theirs, clips, 2)) == 2  # type: ignore[arg-type]
    assert len(shadows.hear(ours, theirs, [], 2)) == 0  # type: ignore[arg-type]
