"""Tagger folders on a real S3 server: registered from one machine, opened on another."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.errors import RegistryError
from components.registry import Card, Registry, examine
from tests.components.registry.conftest import TaggerMaker, yes
from tests.fixtures.buckets import Server, s3_environment


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    with s3_environment(monkeypatch, tmp_path / "mirror", "models") as found:
        monkeypatch.setenv("TIMBRE_MODELS", "s3://models/all")
        yield found


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'timbre.db'}"


def keys(server: Server) -> list[str]:
    return [item["Key"] for item in server.client.list_objects_v2(Bucket="models").get("Contents", ())]


def test_another_machine_opens_it(
    server: Server, url: str, make_tagger: TaggerMaker, card: Card, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = make_tagger(card_json=b"{}")
    with Registry(url) as registry:
        model = registry.register(folder, card, yes, who="test")
    assert f"all/{model.digest}/tagger.json" in keys(server)
    monkeypatch.setenv("TIMBRE_MIRROR", str(tmp_path / "another"))
    with Registry(url) as registry:
        found = registry.folder(registry.find())
        assert {path.name: path.read_bytes() for path in found.iterdir()} == {path.name: path.read_bytes() for path in folder.iterdir()}
        assert examine(registry) == []


def test_what_is_missing_or_damaged(
    server: Server, url: str, make_tagger: TaggerMaker, card: Card, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Registry(url) as registry:
        model = registry.register(make_tagger(), card, yes, who="test")
        weights = next(key for key in keys(server) if key.endswith(".safetensors"))
        server.client.put_object(Bucket="models", Key=weights, Body=b"others")
        monkeypatch.setenv("TIMBRE_MIRROR", str(tmp_path / "another"))
    with Registry(url) as registry:
        with pytest.raises(RegistryError, match=r"the tagger folder s3://models/all/.* is damaged: .* has another sha256 than listed"):
            registry.folder(model)
        assert not list(registry.root.glob("*"))  # nothing half-fetched stays
        server.client.delete_object(Bucket="models", Key=f"all/{model.digest}/tagger.json")
        with pytest.raises(RegistryError, match="is not under s3://models/all: set TIMBRE_MODELS"):
            registry.folder(model)


def test_registering_again_mends_it(server: Server, url: str, make_tagger: TaggerMaker, card: Card) -> None:
    folder = make_tagger()
    with Registry(url) as registry:
        model = registry.register(folder, card, yes, who="test")
        server.client.delete_object(Bucket="models", Key=f"all/{model.digest}/tagger.json")
        registry.register(folder, card, yes, who="test")
    assert f"all/{model.digest}/tagger.json" in keys(server)
