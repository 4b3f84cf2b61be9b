"""What a job's configuration may name: data under the roots, nothing else of the server."""

from pathlib import Path

import pytest

from components.config import Config, load_config
from components.errors import TimbreError
from components.registry.job_request import checked, refuse_foreign_paths


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder has `data`, in which a link leads out, and a folder of secrets beside it."""
    monkeypatch.chdir(tmp_path)
    for name in ("data/irmas", "secret"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data" / "link").symlink_to(tmp_path / "secret")
    return tmp_path / "data"


def refuse(root: Path, overrides: dict[str, object], trusted: Config | None = None) -> None:
    refuse_foreign_paths(load_config(overrides=overrides), [root], trusted)


@pytest.mark.parametrize(
    "overrides",
    [
        {"data.train": ["irmastrain:data/irmas"], "data.val": ["data/irmas"], "data.test": ["irmastest:data/*/Part1"]},
        {"model.pretrained": "hub"},
        {"model.pretrained": "data/irmas/weights.safetensors"},
        {"name": "secret", "labels": ["cel", "secret"]},
        {"training.loss_params": {"kind": "hard"}, "training.device": "cuda:0"},
    ],
)
def test_data_under_the_roots_may_be_named(root: Path, overrides: dict[str, object]) -> None:
    refuse(root, overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        {"data.train": ["irmastrain:/etc"]},
        {"data.test": ["irmastest:data/irmas", "irmastest:data/../secret"]},
        {"data.test": ["irmastest:data/*/../../secret"]},
        {"data.val": ["csv:secret"]},
        {"data.val": ["data/link"]},
        {"data.val": ["inference:~root"]},
        {"data.val": ["s3://bucket/key"]},
        {"training.ckpt": "data/irmas/last.ckpt"},
        {"model.pretrained": "secret"},
        {"model.pretrained": "weights"},
        {"training.augmentations": [{"name": "NOISE", "params": {"noise_folder": "secret"}}]},
        {"training.augmentations": [{"name": "NOISE", "params": {"noise_folder": "~/clips"}}]},
        {"model.params": {"source": {"deep": ["../weights"]}}},
    ],
)
def test_nothing_else_of_the_server_may_be_named(root: Path, overrides: dict[str, object]) -> None:
    with pytest.raises(TimbreError) as raised:
        refuse(root, overrides)
    assert str(root.parent) not in str(raised.value)


def test_what_the_file_names_itself_may_stay(root: Path) -> None:
    elsewhere = load_config(overrides={"data.train": ["irmastrain:/srv/irmas"], "model.pretrained": "/srv/weights"})
    refuse_foreign_paths(elsewhere, [root], trusted=elsewhere)
    with pytest.raises(TimbreError):
        refuse_foreign_paths(elsewhere, [root])


def test_a_request_is_checked_against_the_file_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "tones.yaml").write_text("training: {seed: 7}\n")
    told = []
    request = checked("tones.yaml", {"name": "x"}, tmp_path, lambda made, base: told.append((made.name, base.name, made.training.seed)))
    assert (request.config, request.overrides) == ("tones", ['name="x"'])
    assert told == [("x", "timbre", 7)]


@pytest.mark.parametrize("override", ["windows.hop_s=10", "=1"])
def test_the_file_is_blamed_by_its_name_alone(tmp_path: Path, override: str) -> None:
    (tmp_path / "tones.yaml").write_text("name: tones\n")
    with pytest.raises(TimbreError, match=r"^configs/tones\.yaml: ") as raised:
        checked("tones", [override], tmp_path)
    assert str(tmp_path) not in str(raised.value)


def test_a_file_that_cannot_be_read_is_blamed_by_its_name_alone(tmp_path: Path) -> None:
    (tmp_path / "tones.yaml").write_text("a: [")
    with pytest.raises(TimbreError, match=r"^configs/tones\.yaml is not YAML"):
        checked("tones", [], tmp_path)


def test_relative_paths_are_those_of_the_folder_where_the_worker_works(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_CONFIGS", str(tmp_path / "elsewhere" / "configs"))
    with pytest.raises(TimbreError):
        refuse(root, {"data.train": ["csv:data/irmas"]})
    monkeypatch.setenv("TIMBRE_WORKER_FOLDER", str(tmp_path))
    refuse(root, {"data.train": ["csv:data/irmas"]})
    for override in ({"data.train": ["csv:secret"]}, {"model.params": {"source": "secret"}}):
        with pytest.raises(TimbreError):
            refuse(root, override)
