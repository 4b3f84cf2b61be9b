"""Which models a request may name: the registry's word holds for the folders of --model-dir too."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bentos.catalogue import Catalogue
from bentos.errors import refusal
from components.errors import TaggerError
from components.registry import Decision, Registry, UnknownModel
from tests.fixtures.running import card, small_tagger


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(f"sqlite:///{tmp_path / 'timbre.db'}", tmp_path / "models") as registry:
        yield registry


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    return small_tagger(tmp_path / "beside" / "one", "one")


def enter(registry: Registry, folder: Path, active: bool = True) -> str:
    return registry.register(folder, card(), lambda _: Decision(active, "a test"), who="ann").key


def test_a_folder_that_the_registry_does_not_know_is_served(registry: Registry, beside: Path) -> None:
    catalogue = Catalogue(registry, beside.parent)
    alias, key = catalogue.keys()
    assert (alias, catalogue.find(alias)) == ("production", catalogue.find(key))
    assert catalogue.folder(catalogue.find(key).digest) == beside
    enter(registry, small_tagger(beside.parents[1] / "other", "other", 1))
    assert catalogue.keys()[-1] == catalogue.find(key).key == key
    with pytest.raises(UnknownModel):
        catalogue.find("nothing")


@pytest.mark.parametrize(("state", "status"), [("archived", 410), ("inactive", 409)])
def test_what_the_registry_took_out_of_use_is_not_served(registry: Registry, beside: Path, state: str, status: int) -> None:
    catalogue = Catalogue(registry, beside.parent)
    key = enter(registry, beside, active=False)
    if state == "archived":
        registry.archive(key, "ann")
    for asked in (key, "production"):
        with pytest.raises(Exception, match=state) as raised:
            catalogue.find(asked)
        refused = refusal(raised.value)
        assert refused.status_code == status
        assert "`timbre" not in refused.detail  # a client has no command line of ours
    assert catalogue.keys() == []
    if state == "inactive":
        registry.promote(key, "ann", "")
        assert catalogue.find(key).key == key


def test_a_folder_that_is_gone_or_another_is_an_error(registry: Registry, beside: Path) -> None:
    catalogue = Catalogue(registry, beside.parent)
    (_, key) = catalogue.keys()
    digest = catalogue.find(key).digest
    shutil.rmtree(beside)
    with pytest.raises(TaggerError, match="is not there"):
        catalogue.find(key)
    small_tagger(beside, "one", seed=3)
    with pytest.raises(TaggerError, match="holds another tagger"):
        catalogue.find(key)
    assert catalogue.folder(digest) == registry.root / digest


def test_a_registered_model_does_not_need_the_folder_beside_it(registry: Registry, beside: Path) -> None:
    key = enter(registry, beside)
    catalogue = Catalogue(registry, beside.parent)
    shutil.rmtree(beside)
    assert catalogue.find("production").key == key
    assert catalogue.folder(catalogue.find("production").digest) == registry.root / catalogue.find("production").digest
