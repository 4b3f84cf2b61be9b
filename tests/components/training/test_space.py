from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from components.config import Config, changed, load_config
from components.errors import ConfigError
from timbre.space import read_space, space_of


@pytest.mark.parametrize(
    ("key", "space", "distribution"),
    [
        ("training.lr_onecycle_max", {"log": ["1e-4", "1e-2"]}, FloatDistribution(1e-4, 1e-2, log=True)),
        ("windows.length_s", {"range": [2, 5], "step": 0.5}, FloatDistribution(2, 5, step=0.5)),
        ("windows.length_s", {"range": [2, 5], "step": 0.7}, FloatDistribution(2, 4.8, step=0.7)),
        ("windows.length_s", {"range": [2, 5]}, FloatDistribution(2, 5)),
        ("training.batch_size", {"range": [16, 64], "step": 16}, IntDistribution(16, 64, step=16)),
        ("training.batch_size", {"log": [8, 64]}, IntDistribution(8, 64, log=True)),
        ("feature.params.n_mels", {"range": [32, 64]}, IntDistribution(32, 64)),
        ("model.head", {"choice": ["LINEAR", "ATTENTION_HEAD"]}, CategoricalDistribution(["LINEAR", "ATTENTION_HEAD"])),
        ("audio.sample_rate", {"choice": [16000, 22050]}, CategoricalDistribution([16000, 22050])),
    ],
)
def test_a_space_is_a_distribution(key: str, space: dict[str, Any], distribution: object) -> None:
    assert space_of({key: space})[key].distribution == distribution


def test_a_choice_may_be_anything_that_the_key_takes() -> None:
    lists = [[], [{"name": "PITCH"}]]
    axis = space_of({"training.augmentations": {"choice": lists}})["training.augmentations"]
    assert [axis.value(drawn) for drawn in axis.distribution.choices] == lists


def test_files_and_texts_go_together_and_the_later_one_holds(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("training.lr: {log: [1e-5, 1e-3]}\nmodel.head: {choice: [LINEAR]}\n")
    found = read_space([str(tmp_path / "space.yaml"), "training.lr={range: [1, 2]}"])
    assert found == {"training.lr": {"range": [1, 2]}, "model.head": {"choice": ["LINEAR"]}}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("training.lr=3", "search: training.lr: a space is"),
        ("training.lr={log: [1, 2], step: 1}", "search: training.lr: a space is"),
        ("training.lrr={log: [1, 2]}", "unknown key training.lrr (did you mean 'lr'?)"),
        ("trainin.lr={log: [1, 2]}", "unknown key trainin (did you mean 'training'?)"),
        ("training.lr={log: [0, 1]}", "log takes numbers above 0, got 0"),
        ("training.lr={log: [x, 1]}", "'x' is no number"),
        ("training.lr={range: [2, 1]}", "two numbers of which the first is less, got [2, 1]"),
        ("training.lr={range: [1, 2], step: 5}", "a step of 5 does not fit between 1 and 2"),
        ("training.lr={choice: []}", "a list of one value or more, got []"),
        ("training.batch_size={choice: [8, 8]}", "a choice stands twice"),
        ("training.batch_size={choice: [8, 1.5]}", "training.batch_size: input should be a valid integer"),
        ("training.batch_size={range: [0, 8]}", "training.batch_size: input should be greater than 0, got 0"),
        ("data.train={choice: [a, b]}", "data.train is the same in all trials"),
        ("training.metric={choice: [VAL_F1]}", "training.metric is the same in all trials"),
        ("training.lr={range: [1", "is not YAML: write KEY=SPACE"),
        ("nowhere.yaml", "cannot read the search nowhere.yaml"),
    ],
)
def test_a_bad_space_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        space_of(read_space([text]))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_another_key_could_cure_is_left_to_the_trials() -> None:
    assert space_of({"windows.length_s": {"range": [1, 5]}, "model.head_start": {"choice": ["audioset"]}}).keys()
    with pytest.raises(ConfigError, match=r"windows\.hop_s is longer than windows\.length_s"):
        changed(Config(), {"windows.length_s": 1.0})


def test_what_followed_from_another_key_follows_anew() -> None:
    given = load_config(overrides={"training.lr": 0.5})
    assert changed(given, {"model.frozen": True}).model.head == "MEAN_MAX"
    assert changed(given, {"model.frozen": True}).training == given.training
