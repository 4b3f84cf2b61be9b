"""Tagger folders on a real S3 server: registered from one machine, opened on another."""

import json
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.errors import RegistryError
from components.registry import Card, Registry, examine, folders
from components.registry.errors import LostFolder
from components.s3 import Remote
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
        assert [path.name for path in registry.root.iterdir()] == [".lock"]  # nothing half-fetched stays
        server.client.delete_object(Bucket="models", Key=f"all/{model.digest}/tagger.json")
        with pytest.raises(RegistryError, match="is not under s3://models/all: set TIMBRE_MODELS"):
            registry.folder(model)


@pytest.mark.parametrize(
    "damage",
    [
        ("tagger.json", b'{"files"', "is not JSON"),
        ("tagger.json", b"[]", "holds a list, not named values"),
        ("tagger.json", b'{"files": {"../x": "1"}}', r"lists '\.\./x' as a file"),
        ("attachments.json", b"\xff", "is not JSON"),
        ("attachments.json", b'{"tagger.json": "1"}', "lists 'tagger.json' as a file"),
    ],
)
def test_a_list_that_is_damaged(
    server: Server,
    url: str,
    make_tagger: TaggerMaker,
    card: Card,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    damage: tuple[str, bytes, str],
) -> None:
    name, content, message = damage
    with Registry(url) as registry:
        model = registry.register(make_tagger(card_json=b"{}"), card, yes, who="test")
    server.client.put_object(Bucket="models", Key=f"all/{model.digest}/{name}", Body=content)
    monkeypatch.setenv("TIMBRE_MIRROR", str(tmp_path / "another"))
    with Registry(url) as registry:
        where = f"s3://models/all/{model.digest}"
        with pytest.raises(LostFolder, match=f"^the tagger folder {where} is damaged: {where}/{name} {message}") as raised:
            registry.folder(model)
        assert str(tmp_path) not in str(raised.value)
        assert [path.name for path in registry.root.iterdir()] == [".lock"]


def test_registering_again_mends_it(server: Server, url: str, make_tagger: TaggerMaker, card: Card) -> None:
    folder = make_tagger()
    with Registry(url) as registry:
        model = registry.register(folder, card, yes, who="test")
        server.client.delete_object(Bucket="models", Key=f"all/{model.digest}/tagger.json")
        registry.register(folder, card, yes, who="test")
    assert f"all/{model.digest}/tagger.json" in keys(server)


def test_another_run_leaves_the_attachments_of_the_first(
    server: Server, url: str, make_tagger: TaggerMaker, card: Card, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Registry(url) as registry:
        model = registry.register(make_tagger(card_json=b"{}"), card, yes, who="test")
        registry.register(make_tagger(card_json=b"[]", history_csv=b"1"), card, yes, who="test")
        monkeypatch.setenv("TIMBRE_MIRROR", str(tmp_path / "another"))
        Registry(url).register(make_tagger(card_json=b"[]"), card, yes, who="test")
        attached = f"all/{model.digest}/card.json"
        assert server.client.get_object(Bucket="models", Key=attached)["Body"].read() == b"{}"
        assert not [key for key in keys(server) if key.endswith("history.csv")]
        server.client.put_object(Bucket="models", Key=attached, Body=b"()")
        registry.register(make_tagger(card_json=b"[]"), card, yes, who="test")  # what is damaged there comes from the copy here
        assert server.client.get_object(Bucket="models", Key=attached)["Body"].read() == b"{}"


def test_a_list_goes_after_what_it_lists(
    server: Server, url: str, make_tagger: TaggerMaker, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(Remote, "put", lambda there, name, content: sent.append(name))
    with Registry(url) as registry:
        registry.register(make_tagger(card_json=b"{}", zzz_md=b"z"), card, yes, who="test")
    assert sent == ["model.safetensors", "card.json", "zzz.md", "attachments.json", "tagger.json"]


def test_what_is_on_its_way_here_is_not_swept(
    server: Server, url: str, make_tagger: TaggerMaker, card: Card, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Registry(url) as registry:
        model = registry.register(make_tagger(), card, yes, who="test")
    monkeypatch.setenv("TIMBRE_MIRROR", str(tmp_path / "another"))
    registry, bring, other = Registry(url), Remote.bring, make_tagger(b"other")
    register = threading.Thread(target=folders.bring_in, args=(other, registry.root, False))

    def beside_another(*given: object) -> None:
        register.start()
        register.join(0.3)
        bring(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(Remote, "bring", beside_another)
    assert registry.folder(model).is_dir()
    register.join()
    assert len(folders.by_digest(registry.root)) == 2


def test_many_at_once_fetch_it_once(
    server: Server, url: str, make_tagger: TaggerMaker, card: Card, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Registry(url) as registry:
        model = registry.register(make_tagger(), card, yes, who="test")
    monkeypatch.setenv("TIMBRE_MIRROR", str(tmp_path / "another"))
    registry, fetch, fetched = Registry(url), Remote.fetch, list[str]()
    monkeypatch.setattr(Remote, "fetch", lambda there, name, path: fetched.append(name) or fetch(there, name, path))
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: registry.folder_of(model.digest), range(4)))) == 1
    assert sorted(fetched) == ["attachments.json", "model.safetensors", "tagger.json"]


def test_the_doctor_goes_on_where_a_folder_cannot_be_fetched(
    server: Server, url: str, make_tagger: TaggerMaker, card: Card, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Registry(url) as registry:
        a, b, c = (registry.register(make_tagger(weights), card, yes, who="test") for weights in (b"a", b"b", b"c"))
    server.client.put_object(Bucket="models", Key=f"all/{a.digest}/model.safetensors", Body=b"others")
    server.client.delete_object(Bucket="models", Key=f"all/{b.digest}/model.safetensors")
    server.client.delete_object(Bucket="models", Key=f"all/{c.digest}/tagger.json")
    monkeypatch.setenv("TIMBRE_MIRROR", str(tmp_path / "another"))
    with Registry(url) as registry:
        found = {finding.where.rsplit("/", 1)[1]: finding.what for finding in examine(registry)}
        assert found[a.digest].startswith(f"the tagger folder of {a.key} cannot be fetched: the tagger folder s3://models/all/{a.digest}")
        assert f"the tagger folder of {b.key} cannot be fetched: s3://models/all/{b.digest}/model.safetensors is not" in found[b.digest]
        assert found[c.digest] == f"the tagger folder of {c.key} is missing"
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        (finding,) = examine(registry)
        assert finding.what.startswith("S3 gives no answer for s3://models/all")


def test_what_lies_here_only_is_sent(
    server: Server, url: str, make_tagger: TaggerMaker, card: Card, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A crash came before it was sent and had its row, or S3 has lost it."""
    with Registry(url) as registry:
        known = registry.register(make_tagger(), card, yes, who="test")
        server.client.delete_object(Bucket="models", Key=f"all/{known.digest}/tagger.json")
        folder = make_tagger(b"other", card_json=json.dumps(card.as_json()).encode())
        crashed = folders.bring_in(folder, registry.root, keep=False)
        found = examine(registry)
        assert [(finding.what, finding.where) for finding in found] == [
            (f"the tagger folder of {known.key} is missing on S3, and a copy lies here", str(registry.root / known.digest)),
            ("a tagger folder that the registry does not know", str(registry.root / crashed.digest)),
        ]
        for finding in found:
            assert finding.mend is not None
            finding.mend()
        assert examine(registry) == []
    monkeypatch.setenv("TIMBRE_MIRROR", str(tmp_path / "another"))
    with Registry(url) as registry:
        assert all(registry.folder(registry.look_up(digest)).is_dir() for digest in (known.digest, crashed.digest))
        shutil.rmtree(registry.root)
        assert examine(registry) == []
