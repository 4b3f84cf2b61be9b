"""A search: what it finds, what it leaves, and that it goes on where it was cut off, killed or stopped by hand."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState

from components.config import Config, load_config
from components.errors import ConfigError, DataError
from components.store import Store
from components.training.metric import METRICS
from timbre.search_folder import alone, place_of
from timbre.tune import Tuned, _draw, tune

SPACE = {"training.lr": {"log": ["1e-4", "1e-2"]}, "training.batch_size": {"choice": [4, 8]}}


@pytest.fixture(scope="module")
def short(config: Config) -> Config:
    training = config.training.model_copy(update={"max_steps": 2, "val_every_steps": 1, "tensorboard": False, "augmentations": ()})
    return config.model_copy(update={"training": training})


@pytest.fixture(scope="module")
def three(short: Config, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    return tune(short, SPACE, lambda audio: store, tmp_path_factory.mktemp("search"), trials=3)


def of_study(folder: Path) -> list[optuna.trial.FrozenTrial]:
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder / 'study.db'}")
    try:
        return optuna.load_study(storage=storage, study_name="tune").get_trials()
    finally:
        storage.remove_session()
        storage.engine.dispose()


def pressing(times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl+C that often in the first step that comes."""
    from components.training.learner import Learner

    step, pressed = Learner.training_step, []

    def press(learner: Learner, windows: Any, batch_idx: int) -> Any:
        for _ in range(0 if pressed else times):
            os.kill(os.getpid(), signal.SIGINT)
        pressed.append(True)
        return step(learner, windows, batch_idx)

    monkeypatch.setattr(Learner, "training_step", press)


def test_each_trial_is_a_run_and_the_best_is_a_configuration(three: Tuned, short: Config) -> None:
    table = three.trials
    assert sorted(table["trial"]) == [0, 1, 2]
    assert set(table["state"]) == {"whole"}
    assert list(table["value"]) == sorted(table["value"], reverse=True)
    assert table["training.lr"].between(1e-4, 1e-2).all()
    assert table["training.batch_size"].isin([4, 8]).all()
    for number in range(3):
        assert (three.folder / f"trial-00{number}" / "pitches" / "tagger.json").is_file()
    assert three.best == load_config(three.folder / "best.yaml")
    first = table.iloc[0]
    expected = {**short.training.model_dump(), "lr": first["training.lr"], "batch_size": first["training.batch_size"]}
    assert three.best.training.model_dump() == expected


def test_the_value_is_that_of_the_kept_weights_on_val(three: Tuned) -> None:
    for row in three.trials.to_dict("records"):
        with (three.folder / f"trial-00{row['trial']}" / "history.csv").open() as file:
            assert max(float(line["val_f1"]) for line in csv.DictReader(file)) == pytest.approx(row["value"], abs=1e-5)


def test_a_search_in_two_parts_is_the_unbroken_one(short: Config, store: Store, tmp_path: Path, three: Tuned) -> None:
    tune(short, SPACE, lambda audio: store, tmp_path, trials=1)
    kept = (tmp_path / "trial-000" / "pitches" / "model.safetensors").stat().st_mtime_ns
    whole = tune(short, SPACE, lambda audio: store, tmp_path, trials=3)
    assert whole.trials.equals(three.trials)
    assert (tmp_path / "trial-000" / "pitches" / "model.safetensors").stat().st_mtime_ns == kept


def test_once_ends_after_the_trial_and_twice_at_once(
    short: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, three: Tuned
) -> None:
    with monkeypatch.context() as patched:
        pressing(1, patched)
        stopped = tune(short, SPACE, lambda audio: store, tmp_path, trials=3)
    assert list(stopped.trials["state"]) == ["whole"]
    assert len((tmp_path / "trial-000" / "history.csv").read_text().splitlines()) == 3  # both steps were done
    with monkeypatch.context() as patched:
        pressing(2, patched)
        with pytest.raises(KeyboardInterrupt):
            tune(short, SPACE, lambda audio: store, tmp_path, trials=3)
    again = tune(short, SPACE, lambda audio: store, tmp_path, trials=2).trials.set_index("training.lr")
    assert [trial.state for trial in of_study(tmp_path)] == [TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE]
    unbroken = three.trials[three.trials["trial"] < 2].set_index("training.lr")
    assert again["value"].to_dict() == unbroken["value"].to_dict()


def test_parts_that_do_not_fit_are_refused_and_doubles_not_trained(short: Config, store: Store, tmp_path: Path) -> None:
    space = {"windows.hop_s": {"choice": [0.25, 0.75]}}  # of windows of half a second
    found = tune(short, space, lambda audio: store, tmp_path, trials=6)
    states = found.trials["state"].value_counts().to_dict()
    assert states.keys() == {"whole", "same", "refused"}
    assert states["whole"] == 1
    refused = found.trials[found.trials["state"] == "refused"]
    assert (
        refused["said"] == "configuration: windows.hop_s is longer than windows.length_s, which would leave gaps: make it shorter"
    ).all()
    assert len(list(tmp_path.glob("trial-*"))) == 1


def test_a_training_that_is_worse_than_half_of_them_ends(
    short: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([*[0.8, 0.9, 0.9] * 5, 0.1])  # two validations and the tagger's own, five times
    monkeypatch.setitem(METRICS, "VAL_F1", lambda metrics: next(values))
    found = tune(short, SPACE, lambda audio: store, tmp_path, trials=6)
    last = found.trials.iloc[-1]
    assert (last["trial"], last["state"], last["said"], last["value"]) == (5, "pruned", "ended at step 1", 0.1)
    log = (tmp_path / "trial-005" / "train.log").read_text()
    assert "ended by PrunedError: at step 1 it is worse than half of the trials before it were" in log


def test_the_same_search_finds_its_folder_and_another_is_refused(short: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    place = place_of(short, SPACE, "abc")
    assert place.parent == tmp_path / "models"
    assert place.name.endswith("_pitches_tune")
    elsewhere = short.model_copy(update={"training": short.training.model_copy(update={"device": "cuda"})})
    assert place_of(elsewhere, SPACE, "abc") == place == place_of(short, SPACE, "abc", place)
    watched = short.model_copy(update={"watch": load_config(overrides=["watch.drift.min_clips=77"]).watch})
    assert place_of(watched, SPACE, "abc") == place
    longer = short.model_copy(update={"training": short.training.model_copy(update={"max_steps": 3})})
    assert place_of(longer, SPACE, "abc") != place
    for other, what in (
        ((longer, SPACE, "abc"), "training.max_steps"),
        ((short, {}, "abc"), "space"),
        ((short, SPACE, "d"), "set of clips"),
    ):
        with pytest.raises(ConfigError, match=f"holds a search with another {what}: name another folder by --out"):
            place_of(*other, place)


def test_what_cannot_be_searched_is_one_sentence(short: Config, store: Store, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="val, which has no clips"):
        tune(short, SPACE, lambda audio: store.of("train"), tmp_path, trials=1)
    with alone(tmp_path), pytest.raises(ConfigError, match="another process searches in"):
        tune(short, SPACE, lambda audio: store, tmp_path, trials=1)


def test_which_key_mattered_is_drawn_from_eight_whole_trials_on(tmp_path: Path) -> None:
    study = optuna.create_study(direction="maximize")
    axes = {"training.lr": FloatDistribution(0, 1), "model.head": CategoricalDistribution(["A", "B"])}
    for number in range(8):
        _draw(study, tmp_path)
        assert list(tmp_path.iterdir()) == []
        params = {"training.lr": number / 8, "model.head": "AB"[number % 2]}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=axes, value=number / 8))
    _draw(study, tmp_path)
    assert (tmp_path / "importance.png").read_bytes().startswith(b"\x89PNG")


def test_a_damaged_study_is_one_sentence(short: Config, store: Store, tmp_path: Path) -> None:
    (tmp_path / "study.db").write_text("no database" * 100)
    with pytest.raises(ConfigError, match=r"study\.db cannot be read as a study of Optuna .*: name another folder by --out"):
        tune(short, SPACE, lambda audio: store, tmp_path, trials=1)


KILLED = """
import os, signal, sys
from components.training.learner import Learner
step, done = Learner.training_step, []
def killed(learner, windows, batch_idx):
    done.append(1)
    if len(done) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(learner, windows, batch_idx)
Learner.training_step = killed
from timbre.cli import main
sys.argv = ["timbre", *sys.argv[1:]]
main()
"""


@pytest.mark.slow
def test_kill_9_in_a_trial_and_the_same_command_goes_on(short: Config, store: Store, tmp_path: Path) -> None:
    table = Path(store.manifest.frame["path"].iloc[0]).parent / "pitches.csv"
    values = {**short.model_dump(mode="json", exclude_unset=True), "data": {"train": [f"csv:{table}"], "max_bad_fraction": 1.0}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values))
    words = ["tune", "--config", "mine.yaml", "--search", "training.lr={log: [1e-4, 1e-2]}", "--trials", "3"]
    environment = {**os.environ, "TIMBRE_STORE": str(tmp_path / "store"), "PYTHONPATH": str(Path(__file__).parents[3])}

    def run(code: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    killed = run(KILLED)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    (folder,) = (tmp_path / "models").glob("*_pitches_tune")
    before = of_study(folder)
    assert [trial.state for trial in before] == [TrialState.COMPLETE, TrialState.RUNNING]
    again = run("from timbre.cli import main; main()")
    assert again.returncode == 0, again.stderr
    assert "trial 1 was cut off and is tried again" in again.stderr
    assert "3 of 3 trials (3 whole), judged on val" in again.stdout
    assert list((tmp_path / "models").iterdir()) == [folder]
    after = of_study(folder)
    assert [trial.state for trial in after] == [TrialState.COMPLETE, TrialState.FAIL, *[TrialState.COMPLETE] * 2]
    assert after[0] == before[0]
    assert after[2].params == before[1].params
    assert load_config(folder / "best.yaml").training.lr == max(after, key=lambda trial: trial.value or 0.0).params["training.lr"]
