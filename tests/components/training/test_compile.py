"""training.compile, with the real compiler."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from components.config import Config
from components.errors import ConfigError
from components.store import Store
from components.training import fit
from components.training.rehearse import rehearse


def changed(config: Config, **training: Any) -> Config:
    return config.model_copy(update={"training": config.training.model_copy(update=training)})


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler is here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, in the compiler that it loads
def test_compiled_it_learns_what_it_learns_otherwise(config: Config, store: Store, tmp_path: Path) -> None:
    from torch._dynamo.utils import counters

    # Adam divides by the gradient's size, which would make a difference in the last digits of a tiny one a large one.
    few = changed(config, max_steps=3, val_every_steps=3, optimizer_params={"eps": 0.1}, tensorboard=False)
    eager = load_file(fit(few, store, tmp_path / "eager") / "model.safetensors")
    counters.clear()
    compiled = load_file(fit(changed(few, compile=True), store, tmp_path / "compiled") / "model.safetensors")
    assert counters["stats"]["unique_graphs"] > 0
    assert counters["aot_autograd"]["ok"] > 0
    assert eager.keys() == compiled.keys()
    for key, tensor in eager.items():
        torch.testing.assert_close(compiled[key], tensor, atol=1e-4, rtol=1e-3, msg=lambda said, key=key: f"{key}: {said}")


def test_without_a_compiler_it_is_refused_at_once(config: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    says = r"training\.compile needs a C\+\+ compiler, and no-such-compiler is not here: install g\+\+ or set training\.compile to false"
    with pytest.raises(ConfigError, match=says):
        fit(changed(config, compile=True), store, tmp_path)
    with pytest.raises(ConfigError, match=says):
        rehearse(changed(config.model_copy(update={"labels": "IRMAS"}), compile=True))
    assert list(tmp_path.iterdir()) == []
