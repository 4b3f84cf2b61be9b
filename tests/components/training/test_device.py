import pytest
import torch

from components.config import TrainingConfig
from components.errors import ConfigError
from components.training.device import choose_device


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_it_is_the_cpu_in_full_precision() -> None:
    chosen = choose_device(TrainingConfig())
    assert (chosen.device, chosen.accelerator, chosen.devices, chosen.precision) == (torch.device("cpu"), "cpu", 1, "32-true")


@pytest.mark.usefixtures("two_gpus")
def test_with_a_gpu_it_is_that_in_bfloat16() -> None:
    chosen = choose_device(TrainingConfig())
    assert (chosen.device, chosen.accelerator, chosen.devices, chosen.precision) == (torch.device("cuda"), "gpu", 1, "bf16-mixed")


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_and_a_precision_may_be_named() -> None:
    chosen = choose_device(TrainingConfig(device="cuda:1", precision="32"))
    assert (chosen.devices, chosen.precision) == ([1], "32-true")
    assert choose_device(TrainingConfig(device="cpu")).precision == "32-true"


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("name", "says"),
    [("cuda", "cuda is not here"), ("cuda:3", "cuda:3 is not here"), ("gpu0", "unknown device 'gpu0'"), ("meta", "cannot train on")],
)
def test_a_device_that_is_not_here_is_named(name: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        choose_device(TrainingConfig(device=name))
