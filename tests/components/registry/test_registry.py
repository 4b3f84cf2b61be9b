"""The registry on SQLite and PostgreSQL: registering, keys, aliases, the audit trail."""

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.errors import RegistryError
from components.registry import ArchivedModel, Card, Decision, InactiveModel, ModelInUse, RegisteredModel, Registry, UnknownModel, rfc3339

from .conftest import TaggerMaker, no, yes

Add = Callable[..., RegisteredModel]


@pytest.fixture
def add(registry: Registry, make_tagger: TaggerMaker, card: Card) -> Add:
    def add(weights: str, gate: Callable[[RegisteredModel | None], Decision] = yes, **about: object) -> RegisteredModel:
        return registry.register(make_tagger(weights.encode(), **about), card, gate, who="ann")

    return add


def actions(registry: Registry, key: str | None = None) -> list[str]:
    return [entry.action for entry in reversed(registry.audit(key))]


def test_registers_a_tagger_by_its_digest(registry: Registry, make_tagger: TaggerMaker, card: Card) -> None:
    folder = make_tagger(card_json=b"{}")
    digest = hashlib.sha256((folder / "tagger.json").read_bytes()).hexdigest()
    model = registry.register(folder, card, yes, who="ann", description="ours", training_job_id="job-1")
    assert (model.digest, model.key, model.labels, model.task) == (digest, f"timbre@{digest[:8]}", ("cel", "flu"), "multilabel")
    assert (model.is_active, model.aliases, model.split, model.data_digest) == (True, ("production", "latest"), "test", "d" * 64)
    assert (model.description, model.training_job_id, model.card) == ("ours", "job-1", {"epochs": 3})
    assert registry.find() == model == registry.find("latest")
    kept = registry.folder(model)
    assert kept == registry.root / digest
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert kept.stat().st_mode & 0o077 == 0o777 & ~_umask() & 0o077
    assert actions(registry) == ["registered", "promoted"]
    assert {(entry.who, entry.model_id) for entry in registry.audit()} == {("ann", model.id)}


def _umask() -> int:
    now = os.umask(0)
    os.umask(now)
    return now


def test_metrics_are_never_null_and_times_are_utc(add: Add) -> None:
    shown = add("a").as_json()
    assert shown["eval_metrics"] == {
        "precision": 0.5,
        "recall": 0.75,
        "f1_score": 0.6,
        "split": "test",
        "per_class": {
            "cel": {"precision": 0.5, "recall": 1.0, "f1_score": pytest.approx(2 / 3), "support": 3},
            "flu": {"precision": 0.0, "recall": 0.0, "f1_score": 0.0, "support": 0},
        },
    }
    assert shown["artifact_types"] == ["cel", "flu"]
    moment = datetime.fromisoformat(shown["created_at"].replace("Z", "+00:00"))
    assert shown["created_at"].endswith("Z")
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60
    assert rfc3339(datetime(2026, 3, 1, 12, tzinfo=UTC)) == "2026-03-01T12:00:00.000Z"


def test_the_same_digest_again_is_the_same_model(registry: Registry, make_tagger: TaggerMaker, card: Card) -> None:
    linked: list[RegisteredModel] = []
    folder = make_tagger()
    first = registry.register(folder, card, no, who="ann", then=linked.append)
    again = registry.register(folder, card, lambda _: pytest.fail("the gate has decided"), who="bob", then=linked.append)
    assert again == first
    assert linked == [first, first]
    assert actions(registry) == ["registered"]


def test_the_same_digest_again_brings_back_a_folder(registry: Registry, make_tagger: TaggerMaker, card: Card) -> None:
    folder = make_tagger()
    kept = registry.folder(registry.register(folder, card, yes, who="ann"))
    (kept / "model.safetensors").write_bytes(b"rotten")
    registry.register(folder, card, yes, who="ann")
    assert (kept / "model.safetensors").read_bytes() == b"weights"
    for path in kept.iterdir():
        path.unlink()
    kept.rmdir()
    with pytest.raises(RegistryError, match="TIMBRE_MODELS"):
        registry.folder(registry.find())
    registry.register(folder, card, yes, who="ann")
    assert (kept / "model.safetensors").read_bytes() == b"weights"
    assert sorted(path.name for path in registry.root.iterdir()) == sorted([".lock", kept.name])


def test_a_loser_is_kept_inactive_and_says_why(registry: Registry, add: Add) -> None:
    winner = add("a")
    asked: list[RegisteredModel | None] = []

    def gate(production: RegisteredModel | None) -> Decision:
        asked.append(production)
        return no(production)

    loser = add("b", gate)
    assert asked == [winner]
    assert (loser.is_active, loser.aliases) == (False, ())
    assert loser.decision == Decision(False, "not promoted: it is worse", -0.1, -0.15, -0.05, winner.digest)
    assert registry.find().digest == registry.find("latest").digest == winner.digest
    assert registry.folder(loser).is_dir()
    with pytest.raises(InactiveModel, match="not promoted: it is worse"):
        registry.find(loser.key)
    assert registry.look_up(loser.key) == loser
    assert registry.promote(loser.key, "bob", "I heard it").aliases == ("production", "latest")
    assert registry.find().digest == loser.digest
    assert registry.audit(loser.key)[0].detail == {"before": winner.digest, "reason": "I heard it"}


def test_the_gate_is_asked_again_when_production_changed_meanwhile(registry: Registry, add: Add) -> None:
    asked: list[str | None] = []

    def gate(production: RegisteredModel | None) -> Decision:
        asked.append(None if production is None else production.key)
        if production is None:
            add("other")
        return yes(production)

    model = add("a", gate)
    other = registry.list(sort="created_at").items[0]
    assert asked == [None, other.key]
    assert model.decision is not None
    assert model.decision.against == other.digest


def test_every_kind_of_key(registry: Registry, add: Add) -> None:
    first, second = add("a"), add("b", yes, name="TTS Glitch Detector v2 - High Recall")
    newest = add("c", no)
    for key in (first.key, first.digest, first.digest.upper(), first.digest[:8], first.digest[:20], first.id, f"timbre@{first.digest}"):
        assert registry.find(key).id == first.id
    assert registry.find("timbre").id == first.id  # the newest `timbre` that may be served
    assert registry.look_up(newest.key).id == newest.id
    assert registry.find("TTS Glitch Detector v2 - High Recall").id == second.id
    assert registry.choices() == ("production", "latest", second.key, first.key)


@pytest.mark.parametrize(
    "key",
    ["", "x", "@", "timbre@", "timbre@1234", "other@00000000", "../../etc/passwd", "%", "00000000", "\0", "\udc80", "n" * 9999, "'; --"],
)
def test_an_unknown_key_names_what_there_is(registry: Registry, add: Add, key: str) -> None:
    model = add("a")
    with pytest.raises(UnknownModel, match="the registry has no model") as raised:
        registry.find(key)
    assert model.key in str(raised.value)
    assert len(str(raised.value)) < 300


def test_a_key_is_never_a_path(registry: Registry, add: Add) -> None:
    kept = registry.folder(add("a"))
    for key in (str(kept), f"../models/{kept.name}", f"./{kept.name}"):
        with pytest.raises(UnknownModel):
            registry.find(key)


def test_an_empty_registry_says_so(registry: Registry) -> None:
    for key in ("production", "latest", "timbre"):
        with pytest.raises(UnknownModel, match="the registry is empty, so train a tagger first"):
            registry.find(key)
    assert registry.list().items == ()
    with pytest.raises(RegistryError, match="no earlier production"):
        registry.roll_back("ann")


def test_rolling_back_goes_one_further_each_time(registry: Registry, add: Add) -> None:
    a, b, c, d = (add(weights) for weights in "abcd")
    registry.archive(c.key, "ann")
    assert registry.roll_back("ann", "noisy").id == b.id
    assert registry.promote(d.key, "ann", "after all").id == d.id
    assert registry.roll_back("ann").id == b.id
    assert registry.roll_back("ann").id == a.id
    with pytest.raises(RegistryError, match="no earlier production"):
        registry.roll_back("ann")
    assert registry.audit()[0].detail == {"before": b.digest, "reason": ""}
    assert registry.promote(b.key, "ann", "").aliases == ("production",)
    assert registry.find("latest").id == d.id
    assert registry.roll_back("ann").id == a.id


def test_promoting_twice_is_one_promotion(registry: Registry, add: Add) -> None:
    a, b = add("a"), add("b")
    registry.promote(b.key, "ann", "again")
    assert actions(registry, b.key) == ["registered", "promoted"]
    assert registry.roll_back("ann").id == a.id


def test_activity_and_archive(registry: Registry, add: Add) -> None:
    old, current = add("a"), add("b")
    for change in (lambda: registry.change(current.key, "ann", is_active=False), lambda: registry.archive(current.key, "ann")):
        with pytest.raises(ModelInUse, match="promote another one first"):
            change()
    assert not registry.change(old.key, "ann", is_active=False).is_active
    assert not registry.change(old.key, "ann", is_active=False).is_active
    assert registry.change(old.key, "ann", is_active=True).is_active
    archived = registry.archive(old.key, "ann")
    assert archived.archived_at is not None
    assert registry.archive(old.key, "ann") == archived
    assert actions(registry, old.key) == ["registered", "promoted", "deactivated", "activated", "archived"]
    for refused in (registry.find, lambda key: registry.change(key, "ann", is_active=True), lambda key: registry.promote(key, "ann", "")):
        with pytest.raises(ArchivedModel, match="for audit only"):
            refused(old.key)
    assert registry.folder(archived).is_dir()
    assert [model.id for model in registry.list().items] == [current.id]
    assert [model.id for model in registry.list(include_archived=True).items] == [current.id, old.id]


def test_names_and_descriptions(registry: Registry, add: Add) -> None:
    model = add("a")
    renamed = registry.change(model.key, "ann", name="Töne v2")
    assert renamed.key == f"Töne v2@{model.digest[:8]}"
    with pytest.raises(UnknownModel):
        registry.find(model.key)
    assert registry.find("Töne v2").id == model.id
    assert registry.change("Töne v2", "ann", description="two\0hours").description == "two�hours"
    assert registry.audit()[1].detail == {"before": "timbre", "after": "Töne v2"}
    for name in ("", " ", "a ", "a@b", "a/b", "a\\b", "a\nb", "production", "latest", "n" * 101, "\udc80"):
        with pytest.raises(RegistryError, match="cannot be called"):
            registry.change(model.id, "ann", name=name)


def test_a_change_is_made_as_a_whole(registry: Registry, add: Add) -> None:
    model = add("a")
    with pytest.raises(ModelInUse):
        registry.change(model.key, "ann", name="b", description="other words", is_active=False)
    assert registry.find(model.key) == model
    assert actions(registry, model.key) == ["registered", "promoted"]


def test_listing_filters_sorts_and_pages(registry: Registry, add: Add, make_tagger: TaggerMaker) -> None:
    low, high = (
        registry.register(make_tagger(name.encode(), name, labels), Card("test", "", {"f1_score": f1}, {}), gate, who="ann")
        for name, labels, f1, gate in (("b", ("cel", 'a"_%'), 0.25, yes), ("a", ("cello", "größe"), 0.75, no))
    )

    def ids(**asked: object) -> list[str]:
        return [model.id for model in registry.list(**asked).items]  # type: ignore[arg-type]

    assert ids() == ids(sort="name") == ids(sort="-f1_score") == [high.id, low.id]
    assert ids(sort="created_at") == ids(sort="f1_score") == ids(sort="-name") == [low.id, high.id]
    assert ids(label="cel") == ids(label='a"_%') == ids(is_active=True) == [low.id]
    assert ids(label="größe") == ids(is_active=False) == [high.id]
    assert ids(label="c%") == ids(label="CEL") == ids(label="Größe") == ids(label="_%") == []
    second = registry.list(page=2, page_size=1)
    assert ([model.id for model in second.items], second.total) == ([low.id], 2)
    with pytest.raises(RegistryError, match="choose one of created_at, name, f1_score"):
        registry.list(sort="digest")
    with pytest.raises(RegistryError, match="count from 1"):
        registry.list(page=0)


def test_a_damaged_folder_is_refused(registry: Registry, make_tagger: TaggerMaker, card: Card) -> None:
    folder = make_tagger()
    (folder / "model.safetensors").write_bytes(b"changed")
    with pytest.raises(RegistryError, match=r"model\.safetensors is damaged"):
        registry.register(folder, card, yes, who="ann")
    assert [path.name for path in registry.root.iterdir()] == [".lock"]
    assert registry.list().total == 0


def test_a_crash_in_the_gate_leaves_what_a_rerun_takes_up(registry: Registry, make_tagger: TaggerMaker, card: Card) -> None:
    def crash(_: RegisteredModel | None) -> Decision:
        raise MemoryError

    folder = make_tagger(card_json=b"old")
    with pytest.raises(MemoryError):
        registry.register(folder, card, crash, who="ann")
    newer = make_tagger(card_json=b"new")
    model = registry.register(newer, card, yes, who="ann")
    assert (registry.folder(model) / "card.json").read_bytes() == b"new"
    registry.register(folder, card, yes, who="ann")
    assert (registry.folder(model) / "card.json").read_bytes() == b"new"


def test_an_adopted_tagger_awaits_the_gate(registry: Registry, make_tagger: TaggerMaker, card: Card, tmp_path: Path) -> None:
    folder = make_tagger()
    model = registry.register(folder, card, yes, who="ann")
    with Registry(f"sqlite:///{tmp_path / 'fresh' / 'other.db'}", registry.root) as fresh:
        adopted = fresh.adopt(model.digest, card, "bob")
        assert (adopted.is_active, adopted.decision) == (False, None)
        assert fresh.adopt(model.digest, card, "bob") == adopted
        judged = fresh.register(folder, card, yes, who="ann")
        assert (judged.id, judged.is_active, judged.aliases) == (adopted.id, True, ("production", "latest"))
        assert actions(fresh) == ["adopted", "registered", "promoted"]
