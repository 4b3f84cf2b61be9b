"""Each flag of `timbre train` is one override of the Config; the command lines that people already type mean what they mean."""

import pytest
import yaml
from typer.main import get_command

from components.augmentations import AUGMENTATIONS
from components.augmentations.kwargs import parameters
from components.config import Config, load_config
from components.errors import ConfigError
from components.overrides import KEYS
from timbre.cli import app
from timbre.cli.arguments import spread
from timbre.cli.train import resolve

TRAIN, VAL, TEST = "irmastrain:data/sample/train", "irmastest:data/sample/val", "irmastest:data/sample/test"
PATHS = f"--train-paths {TRAIN} --val-paths {VAL}"
BASE = f"timbre train {PATHS} --model CONVNEXT_TINY --audio-transform MEL_SPECTROGRAM"


@pytest.fixture(autouse=True)
def the_sample_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIMBRE_CONFIG", raising=False)


def parse(line: str) -> Config:
    """The Config of a command line, with nothing run."""
    group = get_command(app)
    parent = group.make_context("timbre", ["train"], resilient_parsing=True)
    arguments = spread(line.split()[1:])
    return resolve(group.get_command(parent, "train").make_context("train", arguments[1:], parent=parent).params)


def test_without_flags_the_file_holds() -> None:
    assert parse("timbre train") == load_config("configs/sample.yaml")


@pytest.mark.parametrize(
    ("flags", "key", "value"),
    [
        (f"--test-paths {TEST} {VAL}", "data.test", (TEST, VAL)),
        ("--labels OPENMIC", "labels", "OPENMIC"),
        ("--model wav2vec", "model.name", "wav2vec"),
        ("--audio-transform MFCC", "feature.name", "MFCC"),
        ("--head DEEP_HEAD", "model.head", "DEEP_HEAD"),
        ("--pretrained aisfx", "model.pretrained", "aisfx"),
        ("--frozen", "model.frozen", True),
        ("--loss-function FOCAL_LOSS", "training.loss", "FOCAL_LOSS"),
        ("--optimizer ADAM", "training.optimizer", "ADAM"),
        ("--scheduler PLATEAU", "training.scheduler", "PLATEAU"),
        ("--metric val-hamming", "training.metric", "VAL_HAMMING"),
        ("--metric_mode min", "training.metric_mode", "MIN"),
        ("--patience 3", "training.patience", 3),
        ("--finetune-head", "training.finetune_head", True),
        ("--nofinetune-head --head-after classifier", "training.finetune_head", False),
        ("--finetune_head_epochs 7", "training.finetune_head_epochs", 7),
        ("--head-after classifier", "training.head_after", "classifier"),
        ("--backbone-after layer3.2", "training.backbone_after", "layer3.2"),
        ("--lr 1e-5", "training.lr", 1e-5),
        ("--lr_warmup 5e-5", "training.lr_warmup", 5e-5),
        ("--lr-onecycle-max 1e-4", "training.lr_onecycle_max", 1e-4),
        ("--epochs 3", "training.epochs", 3),
        ("--epochs 3", "training.max_steps", None),
        ("--epochs 3 --set training.max_steps=9", "training.max_steps", 9),
        ("--batch-size 1", "training.batch_size", 1),
        ("--num-workers 1", "data.num_workers", 1),
        ("--device cuda:0", "training.device", "cuda:0"),
        ("--precision bf16", "training.precision", "bf16"),
        ("--seed 7", "training.seed", 7),
        ("--name 3", "name", "3"),
        ("--quick", "training.quick", True),
        ("--ckpt models/x/last.ckpt", "training.ckpt", "models/x/last.ckpt"),
        ("--lr 1 --set training.lr=2", "training.lr", 2.0),
    ],
)
def test_a_flag_is_an_override(flags: str, key: str, value: object) -> None:
    config: object = parse(f"timbre train {flags}")
    for part in key.split("."):
        config = getattr(config, part)
    assert config == value


def test_every_flag_has_a_key_of_the_config() -> None:
    known = Config()
    for key in KEYS.values():
        section: object = known
        for part in key.split("."):
            assert hasattr(section, part), key
            section = getattr(section, part)


def test_a_flag_changes_nothing_else() -> None:
    before, after = parse("timbre train").model_dump(), parse("timbre train --lr 0.5").model_dump()
    assert after.pop("training") == {**before.pop("training"), "lr": 0.5}
    assert after == before


@pytest.mark.parametrize("paths", [f"--train-paths {TRAIN}", PATHS])
def test_paths_replace_the_data_of_the_file(paths: str) -> None:
    data = parse(f"timbre train {paths}").data
    assert data.train == (TRAIN,)
    assert data.val == ((VAL,) if VAL in paths else ())
    assert data.test == ()
    assert data.test_share == 0.0  # judged on val, then; nothing of train becomes a test split that may be promoted on


def test_test_paths_keep_the_result_a_test() -> None:
    data = parse(f"timbre train {PATHS} --test-paths {TEST}").data
    assert (data.test, data.test_share) == ((TEST,), 0.15)


def test_paths_replace_what_was_reviewed_too(tmp_path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("data: {train: [csv:a.csv], reviewed: [csv:b.csv]}")
    assert parse(f"timbre train --config {file}").data.reviewed == ("csv:b.csv",)
    assert parse(f"timbre train --config {file} --train-paths {TRAIN}").data.reviewed == ()


def test_val_alone_leaves_nothing_to_train_on() -> None:
    with pytest.raises(ConfigError, match="add --train-paths"):
        parse(f"timbre train --val-paths {VAL}")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"{BASE} --nofinetune-head", {"training": {"finetune_head": False}}),
        (f"{BASE} --nofinetune-head --quick", {"training": {"finetune_head": False, "quick": True}}),
        (
            f"{BASE} --nofinetune-head --batch-size 1 --num-workers 1",
            {"training": {"finetune_head": False, "batch_size": 1}, "data": {"num_workers": 1}},
        ),
        (
            f"{BASE} --head-after classifier --backbone-after classifier",
            {"training": {"finetune_head": True, "head_after": "classifier", "backbone_after": "classifier"}},
        ),
        (
            f"{BASE} --head-after classifier --finetune_head_epochs 5 -backbone-after layer3.2",
            {"training": {"finetune_head": True, "head_after": "classifier", "finetune_head_epochs": 5, "backbone_after": "layer3.2"}},
        ),
        (
            "timbre train --model CONVNEXT_TINY --audio-transform MEL_SPECTROGRAM --head-after classifier --finetune_head_epochs 5 "
            "--backbone-after layer3.2 --lr-warmup 5e-5 --lr 1e-5 --lr-onecycle-max 1e-4",
            {"training": {"lr_warmup": 5e-5, "lr": 1e-5, "lr_onecycle_max": 1e-4, "max_steps": 1600}, "data": {"train": (TRAIN,)}},
        ),
        (f"{BASE} --metric VAL_F1 --metric-mode MAX", {"training": {"metric": "VAL_F1", "metric_mode": "MAX"}}),
    ],
)
def test_command_lines_that_people_type(line: str, expected: dict[str, dict[str, object]]) -> None:
    config = parse(line)
    assert (config.model.name, config.feature.name, config.data.train) == ("CONVNEXT_TINY", "MEL_SPECTROGRAM", (TRAIN,))
    told = config.model_dump()
    for section, values in expected.items():
        assert {key: told[section][key] for key in values} == values


def test_augmentations_replace_those_of_the_file() -> None:
    config = parse(f"{BASE} --augmentations TIME_STRETCH time-shift PITCH FREQ_MASK")
    assert [one.name for one in config.training.augmentations] == ["TIME_STRETCH", "TIME_SHIFT", "PITCH", "FREQ_MASK"]
    assert parse(f"{BASE} --augmentations none").training.augmentations == ()


def test_aug_kwargs_reach_the_augmentations_of_the_file() -> None:
    before = parse("timbre train").training.augmentations
    after = parse("timbre train --aug-kwargs freq_mask_param=50 sum_n_samples=2").training.augmentations
    assert {one.name: one.params for one in after if one.params} == {
        "FREQ_MASK": {"freq_mask_param": 50},
        "SUM_N_SAMPLES": {"sum_n_samples": 2},
    }
    assert [(one.name, one.probability) for one in after] == [(one.name, one.probability) for one in before]


def test_the_names_that_people_type_are_parameters() -> None:
    typed = {"TIME_STRETCH": "stretch_factors", "FREQ_MASK": "freq_mask_param", "SUM_N_SAMPLES": "sum_n_samples"}
    there = {name: key for name, key in typed.items() if name in AUGMENTATIONS}
    assert there
    for name, key in there.items():
        assert key in parameters(AUGMENTATIONS[name])


def test_the_file_of_a_run_can_be_written_from_its_config(tmp_path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(parse(f"{BASE} --quick").model_dump(mode="json")))
    assert load_config(path) == parse(f"{BASE} --quick")
