"""What a training may be asked for beside the plain one."""

import csv
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from safetensors.torch import load_file

from components.config import Config, TrainingConfig, load_config
from components.errors import ConfigError
from components.store import Store
from components.tagger import Tagger
from components.training import fit, selection
from components.training.board import taken_for
from components.training.device import choose_device
from components.training.metric import METRICS
from components.training.phases import Phase, plan_phases
from components.training.plan import Plan
from components.training.quick import few_clips
from components.training.rates import planned_rates
from components.training.run_folder import BEST, LAST


def changed(config: Config, **training: Any) -> Config:
    return config.model_copy(update={"training": config.training.model_copy(update={"tensorboard": False, **training})})


def history(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_head_warms_up_alone_and_then_all_goes_by_the_schedule() -> None:
    training = TrainingConfig(finetune_head=True, finetune_head_epochs=2, lr_warmup=1e-5, lr=1e-3, lr_onecycle_max=1e-2, backbone_after="x")
    head, rest = phases = plan_phases(training, steps=60, steps_an_epoch=10)
    assert (head, rest) == (Phase(0, 20, "classifier", warm_up=True), Phase(20, 60, "x"))
    rates = dict(planned_rates(phases, training))
    assert rates[0] == pytest.approx(1e-5)
    assert rates[10] == pytest.approx(1e-4)
    assert rates[5] / rates[0] == pytest.approx(rates[15] / rates[10])
    assert rates[20] == pytest.approx(1e-3)
    assert max(rates.values()) == rates[30] == pytest.approx(1e-2)
    assert rates[60] == pytest.approx(0, abs=1e-12)


def test_the_rate_may_fall_while_the_head_is_alone() -> None:
    training = TrainingConfig(finetune_head=True, finetune_head_epochs=1, lr_warmup=5e-5, lr=1e-5, lr_onecycle_max=1e-4)
    rates = dict(planned_rates(plan_phases(training, steps=40, steps_an_epoch=10), training))
    assert (rates[0], rates[10], rates[40]) == pytest.approx((5e-5, 1e-5, 0), abs=1e-12)


def test_the_head_leaves_steps_for_the_rest() -> None:
    with pytest.raises(ConfigError, match=r"finetune_head_epochs takes 50 steps of the 50 that training has: lower it"):
        plan_phases(TrainingConfig(finetune_head=True), steps=50, steps_an_epoch=10)


def test_the_backbone_stands_still_and_then_learns(config: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[int, dict[str, torch.Tensor]] = {}
    keep = selection.Selection._judge

    def judged(self: selection.Selection, step: int) -> Any:
        seen[step] = {key: tensor.clone() for key, tensor in self._network.state_dict().items()}
        return keep(self, step)

    monkeypatch.setattr(selection.Selection, "_judge", judged)
    fit(changed(config, finetune_head=True, finetune_head_epochs=2, val_every_steps=3, backbone_after="layers.3"), store, tmp_path)
    alone, end = (seen[6], seen[12])
    stood = {key for key in alone if torch.equal(seen[3][key], alone[key])}
    assert {key for key in alone if key.startswith("backbone")} <= stood  # the batch norms' statistics too
    assert not {key for key in alone if key.startswith("head")} & stood
    moved = {key for key in end if not torch.equal(alone[key], end[key])}
    assert {".".join(key.split(".")[:3]) for key in moved if key.startswith("backbone")} == {"backbone.layers.4"}
    picture = imread(tmp_path / "rate.png")
    assert 0.01 < (picture[..., :3].min(axis=2) < 0.9).mean() < 0.5


def test_a_wrong_layer_is_said_before_anything_runs(config: Config, store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"this model has no layer 'layer9'.*; its layers are: layers"):
        fit(changed(config, backbone_after="layer9"), store, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_training_ends_when_val_gets_no_better(config: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = iter([0.5, 0.6, 0.6, 0.4, 0.9])
    monkeypatch.setitem(METRICS, "VAL_F1", lambda metrics: next(values))
    fit(changed(config, val_every_steps=2, patience=2), store, tmp_path)
    assert [row["step"] for row in history(tmp_path)] == ["2", "4", "6", "8"]


def test_the_metric_goes_the_way_that_is_better(config: Config, store: Store, tmp_path: Path) -> None:
    fit(changed(config, metric="VAL_HAMMING", metric_mode="MIN", max_steps=1), store, tmp_path / "min")
    with pytest.raises(ConfigError, match=r"metric_mode MAX would keep the worst tagger: VAL_HAMMING gets better towards MIN"):
        fit(changed(config, metric="VAL_HAMMING", metric_mode="MAX"), store, tmp_path / "max")


def test_accumulated_batches_are_one_large_one(config: Config, store: Store, tmp_path: Path) -> None:
    """Without batch norm's and the augmentations' draws: the first step's loss is the mean over all its windows."""
    plain = {"augmentations": (), "max_steps": 1, "val_every_steps": 1}
    fit(changed(config, batch_size=24, **plain), store, tmp_path / "large")
    fit(changed(config, batch_size=8, accumulate=3, **plain), store, tmp_path / "small")
    large, small = (float(history(tmp_path / name)[0]["train_loss"]) for name in ("large", "small"))
    assert small == pytest.approx(large, rel=0.05)
    assert history(tmp_path / "small")[0]["step"] == "1"


def test_a_clipped_gradient_takes_a_shorter_step(config: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from components.training.optimizers import OPTIMIZERS

    monkeypatch.setitem(OPTIMIZERS, "PLAIN", lambda groups, lr: torch.optim.SGD(groups, lr=lr))
    first = fit(
        changed(config, optimizer="PLAIN", max_steps=1, lr=1.0, lr_onecycle_max=1.0, clip_norm=1e-3, weight_decay=0.0),
        store,
        tmp_path / "clipped",
    )
    second = fit(
        changed(config, optimizer="PLAIN", max_steps=1, lr=1e-30, lr_onecycle_max=1e-30, weight_decay=0.0), store, tmp_path / "start"
    )
    clipped, start = load_file(first / "model.safetensors"), load_file(second / "model.safetensors")
    names = [name for name in start if name.endswith(("weight", "bias"))]
    moved = torch.cat([(clipped[name] - start[name]).flatten() for name in names]).norm()
    assert moved.item() == pytest.approx(1e-3, rel=1e-2)


def test_the_average_is_kept_and_sealed(config: Config, store: Store, tmp_path: Path) -> None:
    folder = fit(changed(config, ema_decay=0.9, max_steps=3, val_every_steps=1), store, tmp_path)
    state = torch.load(tmp_path / LAST, weights_only=True)
    sealed, key = load_file(folder / "model.safetensors"), "head.score.weight"
    assert torch.equal(sealed[key], load_file(tmp_path / BEST)[key])
    assert not torch.equal(state["network"][key], state["average"][key])
    Tagger.open(folder)


def test_the_average_follows_the_formula(config: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from components.training.averaging import Averaging

    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    update = Averaging.on_train_batch_end

    def updated(self: Averaging, *args: Any) -> None:
        if not seen:
            seen.append((self.average.head.score.weight.clone(),) * 2)
        update(self, *args)
        seen.append((self._network.head.score.weight.detach().clone(), self.average.head.score.weight.clone()))

    monkeypatch.setattr(Averaging, "on_train_batch_end", updated)
    fit(changed(config, ema_decay=0.25, max_steps=4), store, tmp_path)
    expected = seen[0][1]
    for step, (weight, average) in enumerate(seen[1:], 1):
        decay = min(0.25, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight
        torch.testing.assert_close(average, expected)


def test_a_lost_loss_names_step_batch_and_clips(config: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, read = store.of("train"), Store.batch
    fifth, _ = next(
        Plan(train.num_samples, length=round(0.5 * config.audio.sample_rate), batch_size=8, seed=config.training.seed).windows(range(4, 5))
    )

    def damaged(self: Store, places: Any, starts: Any, length: int) -> Any:
        windows = read(self, places, starts, length)
        if np.array_equal(places, fifth):  # statistics are of the first three steps' windows
            windows[2] = np.nan
        return windows

    monkeypatch.setattr(Store, "batch", damaged)
    with pytest.raises(
        ConfigError, match=r"^the loss is nan at step 5 \(batch 5: .* and 3 more\): lower training.lr_onecycle_max"
    ) as raised:
        fit(changed(config, augmentations=(), val_every_steps=2), store, tmp_path)
    assert all(clip in str(raised.value) for clip in train.manifest.frame["clip_id"].iloc[fifth[:5]])
    assert str(raised.value).endswith(f"the last good state is in {tmp_path / LAST}")
    state = torch.load(tmp_path / LAST, weights_only=True)
    assert state["step"] == 4
    assert all(bool(torch.isfinite(tensor).all()) for tensor in state["network"].values())
    assert not (tmp_path / "pitches").exists()


def test_a_full_gpu_says_what_to_lower(config: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No GPU is at hand here; the error is PyTorch's own."""
    from components.training.learner import Learner

    def full(learner: Learner, windows: Any, batch_idx: int) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Learner, "training_step", full)
    with pytest.raises(ConfigError, match=r"does not hold a batch of 8 windows: lower training.batch_size"):
        fit(changed(config), store, tmp_path)


def test_fp16_needs_a_gpu() -> None:
    with pytest.raises(ConfigError, match="fp16 needs a GPU: write bf16 or 32"):
        choose_device(TrainingConfig(device="cpu", precision="fp16"))


def test_it_says_what_it_needs_before_it_starts(config: Config, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        fit(changed(config, max_steps=3), store, tmp_path)
    needs, kept = caplog.messages[0], caplog.messages[1]
    assert " weights; about " in needs
    assert "MiB for a batch of 8 windows; about" in needs
    assert "an epoch of 3 batches" in needs
    assert kept.startswith("step 3: loss")


def test_what_it_needs_changes_nothing(config: Config, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    silent = fit(changed(config, max_steps=3), store, tmp_path / "silent")
    with caplog.at_level(logging.INFO):
        told = fit(changed(config, max_steps=3, tensorboard=True), store, tmp_path / "told")
    assert (silent / "tagger.json").read_bytes() == (told / "tagger.json").read_bytes()


def test_quick_goes_the_whole_way_with_a_few_clips(config: Config, store: Store, tmp_path: Path) -> None:
    few = few_clips(store.manifest)
    frame = store.manifest.frame.iloc[few]
    assert {label for labels in frame[frame["split"] == "train"]["labels"] for label in labels} == {"low", "mid", "high"}
    assert (frame["split"] == "train").sum() == 6
    tagger = Tagger.open(fit(changed(config, quick=True, max_steps=None, finetune_head=True), store, tmp_path))
    assert tagger.name == "pitches"
    assert tagger.settings.quick
    assert [row["step"] for row in history(tmp_path)] == ["2", "4"]


def test_tensorboard_has_what_people_look_for(config: Config, store: Store, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fit(changed(config, tensorboard=True, finetune_head=True, finetune_head_epochs=2), store, tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    tags = events.Tags()
    assert {"train/loss", "train/rate", "val/f1", "val_f1/low", "val_recall/mid", "val_average_precision/high"} <= set(tags["scalars"])
    assert {"model_input", "val/confusion"} <= set(tags["images"])
    assert [event.step for event in events.Scalars("val/f1")] == [5, 10, 12]
    assert [event.value for event in events.Scalars("val/f1")] == pytest.approx(
        [float(row["val_f1"]) for row in history(tmp_path)], abs=1e-4
    )


def test_plateau_lowers_the_rate_when_the_watched_number_gets_no_better(config: Config, store: Store, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    params = {"factor": 0.5, "patience_validations": 0}
    asked = {"metric": "VAL_HAMMING", "scheduler": "PLATEAU", "scheduler_params": params, "max_steps": 8, "val_every_steps": 1}
    fit(changed(config, tensorboard=True, **asked), store, tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    distances = [event.value for event in events.Scalars("val/hamming_distance")]
    rate, best, expected = config.training.lr, math.inf, []
    for distance in distances:
        expected.append(rate)
        rate *= 1.0 if distance < best * (1 - 1e-4) else 0.5
        best = min(best, distance)
    assert len(set(expected)) > 1
    assert [float(row["lr"]) for row in history(tmp_path)] == pytest.approx(expected, rel=1e-5)


def test_what_is_taken_for_what() -> None:
    targets = np.array([[1, 0], [1, 0], [0, 1], [1, 1]], bool)
    decided = np.array([[1, 1], [0, 0], [0, 1], [1, 0]], bool)
    known = np.ones_like(targets)
    np.testing.assert_allclose(taken_for(decided, targets, known), [[2 / 3, 1 / 2], [0, 1 / 2]])
    known[:, 1] = False
    np.testing.assert_array_equal(taken_for(decided, targets, known)[:, 1], [np.nan, np.nan])


def test_the_run_folder_has_the_resolved_configuration(config: Config, store: Store, tmp_path: Path) -> None:
    settings = changed(config, max_steps=1)
    fit(settings, store, tmp_path)
    assert load_config(tmp_path / "config.yaml") == settings
