from pathlib import Path

import pytest
from pydantic import ValidationError

from components.config import Config, load_config
from components.errors import ConfigError


def test_without_a_file_the_defaults_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIMBRE_CONFIG", raising=False)
    assert load_config() == Config()


def test_the_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("training: {seed: 7}")
    monkeypatch.setenv("TIMBRE_CONFIG", str(file))
    assert load_config().training.seed == 7


def test_an_override_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("training: {seed: 7, batch_size: 8}")
    config = load_config(file, ["training.seed=9", "data.train=[a, b]"])
    assert (config.training.seed, config.training.batch_size, config.data.train) == (9, 8, ("a", "b"))


def test_a_config_is_frozen() -> None:
    with pytest.raises(ValidationError):
        Config().name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("training.sed=3", r"unknown key training\.sed \(did you mean 'seed'\?\)"),
        ("training.onnx=true", r"unknown key training\.onnx \(write training\.engine: onnx for true, torch for false\)"),
        ("trainin.seed=3", r"unknown key trainin \(did you mean 'training'\?\)"),
        ("audio.sample_rate=-3", r"audio\.sample_rate: input should be greater than 0, got -3"),
        ("windows.hop_s=9", r"windows\.hop_s is longer than windows\.length_s"),
        ("training.augmentations=[{nam: x, name: y}]", r"unknown key training\.augmentations\.0\.nam \(did you mean 'name'\?\)"),
        ("name.first=x", r"name\.first"),
        ("data.reviewed=[a]", r"data\.reviewed joins data\.train, which names nothing: name both"),
        ("seed", r"override 'seed' has no value"),
    ],
)
def test_a_typo_is_one_sentence(override: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load_config(None, ["name=x", override])


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"cannot read the configuration nowhere\.yaml: No such file"):
        load_config("nowhere.yaml")


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("a: [")
    with pytest.raises(ConfigError, match=r"broken\.yaml is not YAML"):
        load_config(file)


def test_the_recipe_is_blind_to_what_training_does_not_use() -> None:
    mine = load_config(None, ["gate.min_f1=0.9", "data.train=[a]", "evaluation.worst_clips=3", "watch.drift.alpha=0.01"])
    assert mine.recipe == Config()
    assert load_config(None, ["training.lr=0.5"]).recipe != Config()


@pytest.mark.parametrize("address", ["scheduler:8786", "tcp://scheduler", "http://scheduler:8786", "tcp://:8786"])
def test_an_address_of_a_cluster_is_one(address: str) -> None:
    with pytest.raises(ConfigError, match=r"execution\.dask_address: write tcp://host:port, as the scheduler prints it, got"):
        load_config(overrides={"execution.dask_address": address})


def test_drift_wants_the_log() -> None:
    with pytest.raises(ConfigError, match=r"prediction: drift compares what is in the prediction log, and log is false: set log to true"):
        load_config(overrides=["prediction.drift=true", "prediction.log=false"])
