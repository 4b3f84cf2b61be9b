"""What is entered of a change of aliases, on both databases."""

from datetime import UTC, datetime

import pytest

from components.registry import Card, Decision, Registry, leases
from components.registry.tables import AliasRow

from .conftest import TaggerMaker, yes


def test_moments_are_the_databases(registry: Registry, make_tagger: TaggerMaker, card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of reviews are: this process's clock may be off."""

    def changed_at(alias: str) -> datetime:
        with registry.database.read() as session:
            return session.get_one(AliasRow, alias).changed_at

    moments = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    names = iter([b"old", b"new"])
    for moment, gate in zip(moments, (yes, lambda _: Decision(False, "passed", shadow=True)), strict=False):
        monkeypatch.setattr(leases, "clock", lambda _, moment=moment: moment)
        registry.register(make_tagger(next(names)), card, gate, who="ann")
    assert (changed_at("production"), changed_at("shadow")) == tuple(moments[:2])
    monkeypatch.setattr(leases, "clock", lambda _: moments[2])
    registry.promote("shadow", "ann", "heard it")
    assert changed_at("production") == moments[2]
    entries = {(one.action, one.at) for one in registry.audit()}
    assert {("registered", moments[0]), ("put in shadow", moments[1]), ("shadow ended", moments[2]), ("promoted", moments[2])} <= entries
    assert {at for _, at in entries} == set(moments)
