"""Few labels: a head on a backbone that stays as it is."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from components.audio import window_starts
from components.config import Config, ModelConfig, load_config
from components.errors import ConfigError
from components.progress import quiet
from components.store import Store
from components.tagger import Tagger
from components.training import embedding, fit
from components.training.frozen import folds_of
from components.training.interrupt import Interrupt


@pytest.fixture
def frozen(config: Config) -> Config:
    """The pitches' network, its backbone left at its random weights."""
    model = ModelConfig(name="SMALL_CNN", params={"widths": [8, 8, 16]}, frozen=True)
    training = config.training.model_copy(update={"augmentations": ()})
    return config.model_copy(update={"model": model, "training": training})


@pytest.fixture(autouse=True)
def no_embeddings_at_first(store: Store) -> None:
    for path in (store._folder.path.parents[1] / "embeddings").glob("*/*"):
        path.unlink()


def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many windows each batch of the backbone has had."""
    batches: list[int] = []
    hear = embedding._hear
    monkeypatch.setattr(embedding, "_hear", lambda network, windows: batches.append(len(windows)) or hear(network, windows))
    return batches


def without_val(store: Store) -> Store:
    """The same clips; val's are for training."""
    frame = store.manifest.frame
    moved = frame.assign(split=np.where(frame["split"] == "val", "train", frame["split"]))
    changed = store.of("train")
    changed.__dict__.update({**store.__dict__, "manifest": replace(store.manifest, frame=moved)})
    return changed


def test_a_head_alone_tells_three_pitches_apart(frozen: Config, store: Store, tmp_path: Path) -> None:
    tagger = Tagger.open(fit(frozen, store, tmp_path))
    train = store.of("train")  # one pitch a clip, where val has chords
    scores = np.stack([tagger.score(train.waveform(place), store.sample_rate) for place in range(len(train))])
    assert (scores.argmax(axis=1) == train.manifest.targets()[0].argmax(axis=1)).mean() > 0.9
    assert tagger.settings.model.head == "MEAN_MAX"
    assert (tmp_path / "history.csv").read_text().count("\n") == 2


def test_the_backbone_stays_as_it_was_pretrained(frozen: Config, store: Store, tmp_path: Path) -> None:
    first = fit(frozen, store, tmp_path / "first")
    model = frozen.model.model_copy(update={"pretrained": str(first)})
    again = fit(frozen.model_copy(update={"model": model}), store, tmp_path / "second")
    ours, theirs = load_file(first / "model.safetensors"), load_file(again / "model.safetensors")
    assert all(torch.equal(ours[key], theirs[key]) for key in ours if key.startswith("backbone."))


@pytest.mark.parametrize("head", ["MEAN_MAX", "LINEAR"])
def test_the_tagger_scores_what_the_embeddings_said(frozen: Config, store: Store, tmp_path: Path, head: str) -> None:
    """The thresholds were tuned on scores from embeddings; the sealed network gives the same ones."""
    model = frozen.model.model_copy(update={"head": head})
    tagger = Tagger.open(fit(frozen.model_copy(update={"model": model}), store, tmp_path))
    val = store.of("val")
    network, settings = tagger.network, tagger.settings
    embedded = embedding.embed_clips(network, val, settings, Interrupt(), quiet)
    values = torch.from_numpy(embedded.values)[:, : network.head.linear.in_features]  # type: ignore[union-attr]
    windows = torch.sigmoid(network.head.linear(values)).detach()  # type: ignore[union-attr]
    pooled = torch.stack([windows[torch.from_numpy(embedded.clips == place)].mean(dim=0) for place in range(len(val))])
    scores = np.stack([tagger.score(val.waveform(place), store.sample_rate) for place in range(len(val))])
    np.testing.assert_allclose(scores, pooled, atol=1e-5)


def test_the_second_run_hears_nothing_again_and_is_the_same(
    frozen: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = computed(monkeypatch)
    first = fit(frozen, store, tmp_path / "first")
    assert batches
    batches.clear()
    second = fit(frozen, store, tmp_path / "second")
    assert batches == []
    assert (first / "tagger.json").read_bytes() == (second / "tagger.json").read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"windows": {"length_s": 0.5, "hop_s": 0.5}},
        {"feature.params": {"n_fft": 256, "hop": 128, "n_mels": 20}},
        {"training.seed": 1},  # other random weights
    ],
    ids=["windows", "feature", "weights"],
)
def test_what_an_embedding_depends_on_makes_it_anew(
    frozen: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    fit(frozen, store, tmp_path / "first")
    batches = computed(monkeypatch)
    values = frozen.model_dump(mode="json")
    for key, value in change.items():
        *sections, last = key.split(".")
        inner = values
        for section in sections:
            inner = inner[section]
        inner[last] = {**inner[last], **value} if isinstance(value, dict) else value
    fit(Config.model_validate(values), store, tmp_path / "second")
    assert batches


def test_another_head_hears_nothing_again(frozen: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit(frozen, store, tmp_path / "first")
    batches = computed(monkeypatch)
    fit(frozen.model_copy(update={"model": frozen.model.model_copy(update={"head": "LINEAR"})}), store, tmp_path / "second")
    assert batches == []


def test_without_val_the_thresholds_come_from_unseen_folds(frozen: Config, store: Store, tmp_path: Path) -> None:
    tagger = Tagger.open(fit(frozen, without_val(store), tmp_path))
    assert all(0 < threshold < 1 for threshold in tagger.thresholds)


def test_an_interrupt_keeps_what_was_heard(frozen: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hear, batches = embedding._hear, list[int]()

    def pressed(network: Any, windows: Any) -> Any:
        batches.append(len(windows))
        if len(batches) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return hear(network, windows)

    monkeypatch.setattr(embedding, "_hear", pressed)
    with pytest.raises(KeyboardInterrupt):
        fit(frozen, store, tmp_path / "first")
    assert len(batches) == 1
    batches.append(0)
    fit(frozen, store, tmp_path / "second")
    assert sum(batches) == windows_of(store, frozen)
    assert not (tmp_path / "first" / frozen.name).exists()


def windows_of(store: Store, config: Config) -> int:
    """In train and val together."""
    parts = [store.of(split) for split in ("train", "val")]
    length, hop = (round(value * store.sample_rate) for value in (config.windows.length_s, config.windows.hop_s))
    return sum(len(window_starts(int(samples), length, hop)) for part in parts for samples in part.num_samples)


def test_folds_are_the_datas_own_else_of_whole_groups(store: Store) -> None:
    train = store.of("train")
    frame = train.manifest.frame
    grouped = frame.assign(group=[str(place // 4) for place in range(len(frame))])
    train.manifest = replace(train.manifest, frame=grouped)
    folds = folds_of(train)
    assert len(set(folds.tolist())) == 5
    assert all(len(set(folds[grouped["group"] == group])) == 1 for group in set(grouped["group"]))

    train.manifest = replace(train.manifest, frame=frame.assign(fold=["1", "2"] * (len(frame) // 2)))
    assert folds_of(train).tolist() == [0, 1] * (len(frame) // 2)

    train.manifest = replace(train.manifest, frame=frame.assign(group="one"))
    assert set(folds_of(train).tolist()) == {0}


def test_a_head_that_listens_to_frames_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="frozen fits one layer, which ATTENTION_HEAD is not: choose head MEAN_MAX or LINEAR"):
        load_config(overrides={"model.frozen": True, "model.head": "ATTENTION_HEAD"})
    assert load_config(overrides={"model.frozen": True}).model.head == "MEAN_MAX"
    assert load_config(overrides={"model.frozen": True, "model.head": "linear"}).model.head == "linear"
    assert load_config().model.head == "ATTENTION_HEAD"


def test_another_loss_is_refused(frozen: Config, store: Store, tmp_path: Path) -> None:
    training = frozen.training.model_copy(update={"loss": "FOCAL_LOSS"})
    with pytest.raises(ConfigError, match=r"fits its head by cross entropy, and training\.loss is FOCAL_LOSS: choose CROSS_ENTROPY or"):
        fit(frozen.model_copy(update={"training": training}), store, tmp_path)


def test_weighted_positives(frozen: Config, store: Store, tmp_path: Path) -> None:
    training = frozen.training.model_copy(update={"loss": "CROSS_ENTROPY_POS_WEIGHT"})
    tagger = Tagger.open(fit(frozen.model_copy(update={"training": training}), store, tmp_path))
    plain = Tagger.open(fit(frozen, store, tmp_path / "plain"))
    val = store.of("val")
    clips = [val.waveform(place) for place in range(len(val))]
    weighted, unweighted = (np.stack([one.score(clip, store.sample_rate) for clip in clips]).mean() for one in (tagger, plain))
    assert weighted > unweighted
