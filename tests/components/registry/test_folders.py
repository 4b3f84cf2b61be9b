"""Tagger folders: what is refused, and that a real sealed tagger is taken."""

import json
import os
from pathlib import Path

import pytest

from components.config import FeatureConfig, ModelConfig, WindowConfig
from components.errors import RegistryError
from components.labels import from_codes
from components.network import build_network
from components.registry import Card, Registry, examine, folders
from components.tagger import Tagger, TaggerSettings, attach, seal

from .conftest import TaggerMaker, yes


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "a/b", ".hidden", "", "tagger.json", "attachments.json"])
def test_a_listed_name_cannot_lead_elsewhere(make_tagger: TaggerMaker, name: str) -> None:
    folder = make_tagger()
    about = json.loads((folder / "tagger.json").read_text())
    (folder / "tagger.json").write_text(json.dumps(about | {"files": {name: "0" * 64}}))
    with pytest.raises(RegistryError, match="seal the tagger again"):
        folders.read(folder)


def test_an_attachment_cannot_stand_in_for_a_weight_file(make_tagger: TaggerMaker) -> None:
    folder = make_tagger(card_json=b"{}")
    (folder / "attachments.json").write_text(json.dumps({"model.safetensors": "0" * 64}))
    with pytest.raises(RegistryError, match=r"lists 'model\.safetensors'"):
        folders.read(folder)


@pytest.mark.parametrize("content", ["", "[]", '{"files": []}', "{}", '{"files": {"model.safetensors": 7}}', "\udc80"])
def test_what_is_no_tagger_json(make_tagger: TaggerMaker, content: str) -> None:
    folder = make_tagger()
    (folder / "tagger.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(RegistryError):
        folders.read(folder)


def test_links_and_other_files_that_are_not_plain(make_tagger: TaggerMaker, tmp_path: Path) -> None:
    folder = make_tagger()
    (folder / "model.safetensors").rename(tmp_path / "elsewhere")
    (folder / "model.safetensors").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RegistryError, match=r"model\.safetensors is missing or not a plain file"):
        folders.bring_in(folder, tmp_path / "models", keep=True)
    (folder / "tagger.json").unlink()
    os.mkfifo(folder / "tagger.json")
    with pytest.raises(RegistryError, match=r"tagger\.json is no plain file"):
        folders.read(folder)
    with pytest.raises(RegistryError, match=r"tagger\.json is missing"):
        folders.read(tmp_path / "nowhere")


def test_files_that_no_list_names_stay_behind(make_tagger: TaggerMaker, tmp_path: Path) -> None:
    folder = make_tagger()
    (folder / "weights.pkl").write_bytes(b"pickled")
    sealed = folders.bring_in(folder, tmp_path / "models", keep=True)
    kept = tmp_path / "models" / sealed.digest
    assert sorted(path.name for path in kept.iterdir()) == ["model.safetensors", "tagger.json"]
    assert folders.faults(kept, sealed.digest) == []
    assert folders.faults(folder, sealed.digest) == ["weights.pkl is in no list"]
    assert folders.faults(kept, "0" * 64) == [f"its tagger.json is that of tagger {sealed.digest[:8]}"]


def test_a_root_that_cannot_be_written(make_tagger: TaggerMaker, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(RegistryError, match="see TIMBRE_MODELS"):
        folders.bring_in(make_tagger(), tmp_path / "models", keep=True)


def test_leftovers_are_swept_by_the_next_one(make_tagger: TaggerMaker, tmp_path: Path) -> None:
    left = tmp_path / "models" / f"{folders.INCOMING}0"
    left.mkdir(parents=True)
    (left / "model.safetensors").write_bytes(b"half")
    sealed = folders.bring_in(make_tagger(), tmp_path / "models", keep=True)
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == sorted([".lock", sealed.digest])


def test_a_sealed_tagger_comes_back_whole(registry: Registry, card: Card, tmp_path: Path) -> None:
    labels, windows, feature, model = from_codes(["cel", "flu"]), WindowConfig(length_s=0.5, hop_s=0.25), FeatureConfig(), ModelConfig()
    network = build_network(feature, model, windows, 8000, labels)
    settings = TaggerSettings(
        name="real", label_set=labels, sample_rate=8000, windows=windows, feature=feature, model=model, thresholds=(0.5, 0.5)
    )
    folder = seal(tmp_path / "real", network, settings)
    attach(folder, "card.json", json.dumps(card.as_json()).encode())
    registered = registry.register(folder, card, yes, who="ann")
    assert (registered.name, registered.labels) == ("real", ("cel", "flu"))
    opened = Tagger.open(registry.folder(registered), digest=registered.digest)
    assert opened.digest == registered.digest == Tagger.open(folder).digest
    attach(registry.folder(registered), "README.md", b"# real")
    assert examine(registry) == []
