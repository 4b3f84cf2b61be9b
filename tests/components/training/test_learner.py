from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from components.config import Config
from components.losses import CrossEntropy
from components.network import Network, build_network
from components.store import Store
from components.training import fit
from components.training.learner import Learner, step_generator


@pytest.fixture
def network(config: Config, store: Store) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_network(config.feature, config.model, config.windows, store.sample_rate, store.manifest.label_set)


def test_steps_and_devices_draw_apart_and_again() -> None:
    def drawn(seed: int, step: int, rank: int) -> float:
        return float(torch.rand(1, generator=step_generator(seed, step, rank)))

    assert drawn(0, 3, 1) == drawn(0, 3, 1)
    assert len({drawn(seed, step, rank) for seed in range(3) for step in range(3) for rank in range(3)}) == 27


def test_augmentations_run_before_and_after_the_feature(
    config: Config, store: Store, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = config.training.model_copy(
        update={"augmentations": tuple(one.model_copy(update={"probability": 1.0}) for one in config.training.augmentations)}
    )
    learner = Learner(network, CrossEntropy(), training, store.sample_rate, steps=1)
    seen: dict[str, Tensor] = {}

    def classify(inputs: Tensor) -> Tensor:
        seen["inputs"] = inputs
        return torch.zeros(len(inputs), 3, requires_grad=True)

    monkeypatch.setattr(network, "classify", classify)
    monkeypatch.setattr(learner, "log", lambda name, value: None)
    train = store.of("train")
    waveforms = torch.from_numpy(train.batch(range(6), [0] * 6, 4000))
    targets, mask = (torch.from_numpy(array[:6]) for array in train.manifest.targets())
    before = waveforms.clone()
    loss = learner.training_step((waveforms, targets, mask), 0)
    assert loss.item() == pytest.approx(0.693147, abs=1e-5)
    assert torch.equal(waveforms, before)
    assert (seen["inputs"] == 0).any()
    assert not torch.allclose(seen["inputs"], network.transform(waveforms))


def test_plateau_hears_of_each_validation(config: Config, store: Store, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[float] = []
    monkeypatch.setattr(ReduceLROnPlateau, "step", lambda self, metric, **_: heard.append(float(metric)))
    training = config.training.model_copy(update={"scheduler": "PLATEAU"})
    fit(config.model_copy(update={"training": training}), store, tmp_path)
    history = (tmp_path / "history.csv").read_text().splitlines()[1:]
    assert heard == pytest.approx([float(row.split(",")[2]) for row in history[:2]], abs=1e-5)
