"""The doctor: what crashes and stray hands leave, found and mended."""

import json
import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import update

from components.registry import Card, Finding, Registry, UnknownModel, examine, folders
from components.registry.tables import ModelRow, now

from .conftest import TaggerMaker, no, yes


def only(registry: Registry) -> Finding:
    found = examine(registry, "ann")
    assert len(found) == 1, found
    return found[0]


def mend(registry: Registry) -> None:
    finding = only(registry)
    assert finding.mend is not None
    finding.mend()
    assert examine(registry, "ann") == []


def test_nothing_is_wrong(registry: Registry, make_tagger: TaggerMaker, card: Card) -> None:
    assert examine(registry) == []
    registry.register(make_tagger(b"a"), card, yes, who="ann")
    registry.register(make_tagger(b"b"), card, no, who="ann")
    assert examine(registry) == []


def test_leftovers_are_removed(registry: Registry, make_tagger: TaggerMaker, card: Card) -> None:
    registry.register(make_tagger(b"a"), card, yes, who="ann")
    left = registry.root / f"{folders.INCOMING}0"
    left.mkdir()
    assert only(registry).where == str(left)
    mend(registry)
    assert not left.exists()
    part = registry.root / ".card.json.x.part"
    part.touch()
    assert examine(registry) == []  # it may still be in the writing
    os.utime(part, (0, 0))
    mend(registry)
    assert not part.exists()


def test_a_folder_without_a_row_is_entered_inactive(registry: Registry, make_tagger: TaggerMaker, card: Card) -> None:
    folder = make_tagger(card_json=json.dumps(card.as_json()).encode())
    sealed = folders.bring_in(folder, registry.root, keep=False)
    assert only(registry).what == "a tagger folder that the registry does not know"
    mend(registry)
    model = registry.look_up(sealed.digest)
    assert (model.is_active, model.decision, model.eval_metrics) == (False, None, card.eval_metrics)
    assert [(entry.who, entry.action) for entry in registry.audit()] == [("ann", "adopted")]


def test_a_folder_without_a_row_or_a_card_is_for_a_person(registry: Registry, make_tagger: TaggerMaker) -> None:
    sealed = folders.bring_in(make_tagger(card_json=b"{}"), registry.root, keep=False)
    finding = only(registry)
    assert (finding.mend, finding.where) == (None, str(registry.root / sealed.digest))
    assert "run its training again" in finding.remedy
    (registry.root / sealed.digest / "model.safetensors").unlink()
    finding = only(registry)
    assert finding.what == "a tagger folder that the registry does not know, and damaged: model.safetensors is missing"
    assert (finding.remedy, finding.mend) == ("remove the folder", None)


def test_damaged_and_missing_folders_are_named(registry: Registry, make_tagger: TaggerMaker, card: Card) -> None:
    made = [make_tagger(weights) for weights in (b"a", b"b")]
    a, b = (registry.register(folder, card, yes, who="ann") for folder in made)
    (registry.folder(a) / "model.safetensors").write_bytes(b"rotten")
    shutil.rmtree(registry.folder(b))
    found = {finding.what: finding for finding in examine(registry)}
    assert set(found) == {
        f"the tagger folder of {a.key} is damaged: model.safetensors has another sha256 than listed",
        f"the tagger folder of {b.key} is missing",
    }
    assert all(finding.mend is None and "register it again" in finding.remedy for finding in found.values())
    for folder in made:
        registry.register(folder, card, yes, who="ann")
    assert examine(registry) == []


def test_tagger_folders_that_lie_elsewhere_are_one_finding(
    registry: Registry, make_tagger: TaggerMaker, card: Card, tmp_path: Path
) -> None:
    for weights in (b"a", b"b"):
        registry.register(make_tagger(weights), card, yes, who="ann")
    registry.root = tmp_path / "nowhere"
    assert only(registry).remedy == "set TIMBRE_MODELS to where they lie"


@pytest.mark.parametrize("state", ["inactive", "archived"])
def test_production_that_may_not_be_served_is_rolled_back(registry: Registry, make_tagger: TaggerMaker, card: Card, state: str) -> None:
    first, second = (registry.register(make_tagger(weights), card, yes, who="ann") for weights in (b"a", b"b"))

    def meddle(digest: str) -> None:
        with registry.database.write() as session:
            change = {"is_active": False} if state == "inactive" else {"archived_at": now()}
            session.execute(update(ModelRow).where(ModelRow.digest == digest).values(change))

    meddle(second.digest)
    finding = only(registry)
    assert finding.what == f"production is {second.key}, which is {state}"
    assert finding.remedy == f"puts {first.key} back, which was in production before"
    mend(registry)
    assert registry.find().id == first.id
    meddle(first.digest)
    assert only(registry).remedy == "leaves nothing in production"
    mend(registry)
    with pytest.raises(UnknownModel, match="in production yet"):
        registry.find()


def test_a_database_that_is_away_is_a_finding(tmp_path: Path) -> None:
    registry = Registry("postgresql://ann:s3cret@127.0.0.1:1/timbre", tmp_path / "models")
    finding = only(registry)
    assert "cannot use the database" in finding.what
    assert (finding.where, finding.mend) == ("postgresql://ann:***@127.0.0.1:1/timbre", None)
