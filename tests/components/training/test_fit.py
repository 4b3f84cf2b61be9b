import csv
import hashlib
import importlib
import logging
import math
import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from components.config import Config
from components.errors import ConfigError, DataError, TaggerError
from components.evaluation import tune_thresholds
from components.losses import LOSSES, CrossEntropyPosWeight
from components.progress import bars
from components.store import Store
from components.tagger import Tagger, read_engines
from components.training import fit, selection
from components.training.metric import METRICS
from components.training.scoring import score_clips


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def changed(config: Config, **training: Any) -> Config:
    return config.model_copy(update={"training": config.training.model_copy(update=training)})


def presses(times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl+C that often in the first step."""
    from components.training.learner import Learner

    step = Learner.training_step

    def pressed(learner: Learner, windows: Any, batch_idx: int) -> Any:
        for _ in range(times if batch_idx == 0 else 0):
            os.kill(os.getpid(), signal.SIGINT)
        return step(learner, windows, batch_idx)

    monkeypatch.setattr(Learner, "training_step", pressed)


@pytest.fixture(scope="module")
def run_folder(config: Config, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    fit(changed(config, max_steps=60, val_every_steps=25), store, folder)
    return folder


def test_it_learns_three_pitches(run_folder: Path, store: Store) -> None:
    tagger = Tagger.open(run_folder / "pitches")
    val = store.of("val")
    scores = np.stack([tagger.score(val.waveform(place), store.sample_rate) for place in range(len(val))])
    assert ((scores >= tagger.thresholds) == val.manifest.targets()[0]).mean() > 0.9


def test_it_says_what_the_tagger_is(run_folder: Path, store: Store, config: Config) -> None:
    settings = Tagger.open(run_folder / "pitches").settings
    assert settings.name == "pitches"
    assert settings.label_set.codes == ("low", "mid", "high")
    assert settings.sample_rate == 8000
    assert settings.windows == config.windows
    assert settings.data_digest == store.manifest.digest
    assert settings.engine == "torch"
    assert settings.code_version


def test_thresholds_are_tuned_on_the_scores_that_the_tagger_gives(run_folder: Path, store: Store) -> None:
    tagger, val = Tagger.open(run_folder / "pitches"), store.of("val")
    clips = np.stack([tagger.score(val.waveform(place), store.sample_rate) for place in range(len(val))])
    ours = score_clips(tagger.network, val, tagger.settings)
    np.testing.assert_allclose(ours, clips, atol=1e-5)
    np.testing.assert_allclose(tagger.thresholds, tune_thresholds(clips, *val.manifest.targets()), atol=1e-4)


def test_the_history_has_a_row_a_validation(run_folder: Path) -> None:
    with (run_folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["step", "train_loss", "val_f1", "val_map", "lr"]
    assert [int(row["step"]) for row in rows] == [25, 50, 60]
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])
    assert all(math.isfinite(float(value)) for row in rows for value in row.values())
    assert 0 < float(rows[-1]["lr"]) < float(rows[0]["lr"]) <= 1e-2


def test_the_best_weights_are_sealed_and_nothing_else_is_left(run_folder: Path) -> None:
    files = sorted(str(path.relative_to(run_folder)) for path in run_folder.rglob("*") if path.is_file())
    assert [name for name in files if not name.startswith("tensorboard/events")] == [
        "checkpoints/best.safetensors",
        "checkpoints/last.ckpt",
        "config.yaml",
        "history.csv",
        "pitches/model.safetensors",
        "pitches/tagger.json",
        "rate.png",
        "train.log",
    ]
    best, sealed = load_file(run_folder / "checkpoints" / "best.safetensors"), load_file(run_folder / "pitches" / "model.safetensors")
    assert best.keys() == sealed.keys()
    assert all(torch.equal(best[key], sealed[key]) for key in best)


def test_the_best_is_kept_and_not_the_last(config: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = iter([0.5, 0.9, 0.7])
    monkeypatch.setitem(METRICS, "VAL_F1", lambda metrics: next(values))
    caught: list[dict[str, torch.Tensor]] = []
    keep = selection.Selection._judge

    def judged(self: selection.Selection, step: int) -> Any:
        caught.append({key: tensor.clone() for key, tensor in self._network.state_dict().items()})
        return keep(self, step)

    monkeypatch.setattr(selection.Selection, "_judge", judged)
    sealed = load_file(fit(config, store, tmp_path) / "model.safetensors")
    assert torch.equal(sealed["head.score.weight"], caught[1]["head.score.weight"])
    assert not torch.equal(sealed["head.score.weight"], caught[2]["head.score.weight"])


def test_the_same_seed_gives_the_same_tagger_and_leaves_the_random_state(config: Config, store: Store, tmp_path: Path) -> None:
    torch.manual_seed(1)
    first = fit(config, store, tmp_path / "a")
    torch.manual_seed(2)
    state = torch.get_rng_state()
    second = fit(config, store, tmp_path / "b")
    assert torch.equal(state, torch.get_rng_state())
    assert weights(first) == weights(second)
    assert (first / "tagger.json").read_bytes() == (second / "tagger.json").read_bytes()
    assert weights(fit(changed(config, seed=1), store, tmp_path / "c")) != weights(first)


def test_nothing_appears_in_the_working_folder(config: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    fit(changed(config, max_steps=2), store, tmp_path / "run")
    assert list((tmp_path / "cwd").iterdir()) == []


def test_epochs_end_a_training_too(config: Config, store: Store, tmp_path: Path) -> None:
    fit(changed(config, epochs=2, max_steps=None), store, tmp_path)
    assert (tmp_path / "history.csv").read_text().splitlines()[-1].startswith("6,")  # 26 clips make 3 steps of 8


def test_a_terminal_free_run_logs_plain_lines(config: Config, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        fit(changed(config, max_steps=4), store, tmp_path, progress=bars)
    assert "step 4 of 4: loss" in caplog.text
    assert "kept the weights of step 4: val F1" in caplog.text
    assert {record.name.split(".")[0] for record in caplog.records} == {"components"}


def test_ctrl_c_once_ends_normally(
    config: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    presses(1, monkeypatch)
    former = signal.getsignal(signal.SIGINT)
    tagger = Tagger.open(fit(config, store, tmp_path))
    assert tagger.name == "pitches"
    assert (tmp_path / "history.csv").read_text().splitlines()[-1].startswith("1,")
    assert "interrupted" in caplog.text
    assert signal.getsignal(signal.SIGINT) is former


def test_ctrl_c_twice_stops_now(config: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    presses(2, monkeypatch)
    former = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(config, store, tmp_path)
    assert signal.getsignal(signal.SIGINT) is former
    assert not (tmp_path / "pitches").exists()
    assert not any(thread.name == "timbre-loader" for thread in threading.enumerate())


@pytest.mark.slow
def test_onnx_is_exported_checked_and_used(config: Config, store: Store, tmp_path: Path) -> None:
    folder = fit(changed(config, engine="onnx", max_steps=2), store, tmp_path)
    tagger = Tagger.open(folder)
    assert tagger.settings.engine == "onnx"
    engines = read_engines(folder)
    assert engines is not None
    assert engines["chosen"] == "onnx"
    assert engines["largest_difference"] <= 1e-5
    waveform = store.of("val").waveform(0)
    expected = score_clips(tagger.network, store.of("val"), tagger.settings)[0]
    np.testing.assert_allclose(tagger.score(waveform, store.sample_rate), expected, atol=1e-5)


@pytest.mark.slow
def test_the_faster_engine_is_sealed_by_itself(config: Config, store: Store, tmp_path: Path) -> None:
    folders = [fit(changed(config, engine=engine, max_steps=2), store, tmp_path / engine) for engine in ("auto", "torch")]
    chosen, alone = map(Tagger.open, folders)
    engines = read_engines(folders[0])
    assert engines is not None
    assert engines["chosen"] == chosen.settings.engine == ("onnx" if engines["speedup"] >= 1.2 else "torch")
    assert (folders[0] / "model.onnx").exists() == (chosen.settings.engine == "onnx")
    assert read_engines(folders[1]) is None
    waveform = store.of("val").waveform(0)
    np.testing.assert_allclose(chosen.score(waveform, store.sample_rate), alone.score(waveform, store.sample_rate), atol=1e-5)


def test_bfloat16_trains_too(config: Config, store: Store, tmp_path: Path) -> None:
    tagger = Tagger.open(fit(changed(config, precision="bf16", max_steps=3), store, tmp_path))
    assert np.isfinite(tagger.thresholds).all()


def test_class_weights_come_from_known_training_targets(
    config: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[CrossEntropyPosWeight] = []

    def remember(pos_weight: torch.Tensor) -> CrossEntropyPosWeight:
        made.append(CrossEntropyPosWeight(pos_weight))
        return made[-1]

    monkeypatch.setitem(LOSSES, "CROSS_ENTROPY_POS_WEIGHT", remember)
    fit(changed(config, loss="CROSS_ENTROPY_POS_WEIGHT", max_steps=1), store, tmp_path)
    np.testing.assert_allclose(made[0].weights, [17 / 9, 17 / 9, 17 / 8], rtol=1e-6)  # the unknown one is no negative


def test_what_cannot_train_says_so_before_it_starts(config: Config, store: Store, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the val split has no clips"):
        fit(config, store.of("train"), tmp_path)
    with pytest.raises(ConfigError, match="unknown optimizer 'SGDX'"):
        fit(changed(config, optimizer="SGDX"), store, tmp_path)
    with pytest.raises(ConfigError, match="unknown device 'tpux'"):
        fit(changed(config, device="tpux"), store, tmp_path)
    (tmp_path / "pitches").mkdir()
    with pytest.raises(TaggerError, match="a sealed tagger is never changed"):
        fit(config, store, tmp_path)
    assert list(tmp_path.iterdir()) == [tmp_path / "pitches"]


def test_a_press_before_the_first_step_still_gives_a_tagger(
    config: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("components.training.fit")
    measure = module._measure

    def pressed(*arguments: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        measure(*arguments)

    monkeypatch.setattr(module, "_measure", pressed)
    assert (fit(config, store, tmp_path) / "tagger.json").is_file()
    assert (tmp_path / "history.csv").read_text().splitlines()[1].startswith("1,")


def test_a_diverging_loss_says_what_to_lower(config: Config, store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the (loss is nan|weights are not finite) at step \d+ .*: lower training.lr_onecycle_max"):
        fit(changed(config, lr=1e30, lr_onecycle_max=1e38), store, tmp_path)
