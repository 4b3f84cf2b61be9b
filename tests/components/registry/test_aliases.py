"""What an alias says that no model has."""

import pytest

from components.registry import Card, Registry, UnknownModel

from .conftest import TaggerMaker, no


def test_an_alias_of_nothing_says_what_puts_a_model_there(registry: Registry, make_tagger: TaggerMaker, card: Card) -> None:
    idle = registry.register(make_tagger(b"idle"), card, no, who="ann")
    for alias, state in (("production", "in production"), ("latest", "active")):
        with pytest.raises(UnknownModel) as raised:
            registry.look_up(alias)
        said = f"no model is {state} yet; it has {idle.key}: `timbre models promote {idle.key}` puts it in production"
        assert str(raised.value) == said
    registry.promote(idle.key, "ann", "")
    assert [registry.look_up(alias).key for alias in ("production", "latest")] == [idle.key, idle.key]
    with pytest.raises(UnknownModel, match=f"no model is in shadow yet; it has {idle.key}$"):
        registry.look_up("shadow")
