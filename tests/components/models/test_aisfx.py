"""AISFX_CNN9, and its weights on their way from the published checkpoint."""

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

from components.errors import ConfigError
from components.models import AisfxCnn9, attribution, fetch_aisfx
from components.models.fetch_aisfx import CHECKPOINT, convert

REAL_MEAN = 5.6380  # of the published weights' embedding of seeded noise
WIDTHS, SMALL = (64, 128, 256, 512), (4, 8, 8, 16)


def published(widths: tuple[int, ...] = WIDTHS, extra: object = None) -> bytes:
    """A checkpoint of random weights in the published one's format: weights and, for each data set, its place and number of classes."""
    generator = torch.Generator().manual_seed(0)
    weights = OrderedDict()
    for place, (before, width) in enumerate(zip((1, *widths), widths, strict=False), start=1):
        block = f"embedding_net.conv_block{place}"
        weights[f"{block}.conv1.weight"] = 0.1 * torch.randn(width, before, 3, 3, generator=generator)
        weights[f"{block}.conv2.weight"] = 0.1 * torch.randn(width, width, 3, 3, generator=generator)
        for norm in ("bn1", "bn2"):
            for name in ("weight", "bias", "running_mean", "running_var"):
                weights[f"{block}.{norm}.{name}"] = 0.5 + torch.rand(width, generator=generator)
            weights[f"{block}.{norm}.num_batches_tracked"] = torch.tensor(7)
    weights["fc.0.0.weight"] = torch.zeros(3, widths[-1])
    stream = io.BytesIO()
    torch.save((weights, {"prosfx": (np.int64(0), 3), **({} if extra is None else {"extra": extra})}), stream)
    return _as_numpy_1_wrote(stream)


def _as_numpy_1_wrote(stream: io.BytesIO) -> bytes:
    """numpy 2 moved the function that its integers are pickled by; the published file has the old place."""
    written = io.BytesIO()
    with zipfile.ZipFile(stream) as old, zipfile.ZipFile(written, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))
    return written.getvalue()


def as_it_was_trained(checkpoint: bytes, levels: torch.Tensor) -> torch.Tensor:
    """[100 frames, 96 bands] -> [width], with the published weights' own axes."""
    weights, _ = torch.load(io.BytesIO(checkpoint), weights_only=False)
    maps = levels[None, None]
    for block in range(1, 5):
        for layer in (1, 2):
            key = f"embedding_net.conv_block{block}"
            maps = nn.functional.conv2d(maps, weights[f"{key}.conv{layer}.weight"], padding=1)
            norm = [weights[f"{key}.bn{layer}.{name}"] for name in ("running_mean", "running_var", "weight", "bias")]
            maps = nn.functional.batch_norm(maps, *norm).relu()
        maps = nn.functional.max_pool2d(maps, 2) if block < 4 else maps
    return maps.mean(dim=3).amax(dim=2)[0]


def test_a_hundred_frames_give_the_embedding_that_the_published_network_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_MODELS", str(tmp_path))
    checkpoint = published(SMALL)
    fetch_aisfx.fetch_aisfx(packed(tmp_path, checkpoint, monkeypatch))
    network = AisfxCnn9(widths=SMALL, pretrained="aisfx").eval()
    levels = torch.rand(96, 100, generator=torch.Generator().manual_seed(1))

    with torch.inference_mode():
        embedding = network(levels[None, None])
        assert embedding.shape == (1, 16, 1)
        torch.testing.assert_close(embedding[0, :, 0], as_it_was_trained(checkpoint, levels.T), rtol=1e-3, atol=1e-4)


def test_a_longer_window_gives_an_embedding_every_eight_frames_and_a_shorter_one_ends_in_silence() -> None:
    network = AisfxCnn9(widths=(4, 4, 4, 4)).eval()
    levels = torch.rand(1, 1, 96, 216)
    with torch.inference_mode():
        assert network(levels).shape == (1, 4, 216 // 8 - 11)
        short = torch.cat([levels[..., :40], torch.zeros(1, 1, 96, 60)], dim=-1)
        torch.testing.assert_close(network(levels[..., :40]), network(short))


def test_the_published_size() -> None:
    assert sum(weight.numel() for weight in AisfxCnn9().parameters()) == 4_686_144


def test_what_is_fetched_says_whose_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_MODELS", str(tmp_path))
    folder = fetch_aisfx.fetch_aisfx(packed(tmp_path, published(), monkeypatch))
    with safe_open(folder / "model.safetensors", "pt") as file:
        said = file.metadata()["attribution"]
    assert said == (folder / "ATTRIBUTION.txt").read_text() == attribution("aisfx")
    assert "Alison Bernice Ma and Alexander Lerch" in said
    assert "CC BY 4.0" in said
    assert attribution("none") is None


def test_not_fetched_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_MODELS", str(tmp_path))
    with pytest.raises(ConfigError, match="run `timbre models fetch aisfx` once"):
        AisfxCnn9(pretrained="aisfx")


def test_other_widths_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_MODELS", str(tmp_path))
    fetch_aisfx.fetch_aisfx(packed(tmp_path, published(SMALL), monkeypatch))
    with pytest.raises(ConfigError, match="aiSFX's checkpoint does not fit AISFX_CNN9"):
        AisfxCnn9(pretrained="aisfx")


def test_another_wheel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_MODELS", str(tmp_path / "models"))
    (tmp_path / "aisfx.whl").write_bytes(b"something else")
    with pytest.raises(ConfigError, match=r"aisfx.whl is not what PyPI published, its sha256 is [0-9a-f]{8} and not bfe21995"):
        fetch_aisfx.fetch_aisfx(tmp_path / "aisfx.whl")
    with pytest.raises(ConfigError, match=r"cannot read the wheel .*nowhere\.whl: No such file"):
        fetch_aisfx.fetch_aisfx(tmp_path / "nowhere.whl")
    assert not (tmp_path / "models").exists()


class Touch:
    """A pickle of it would run a command."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is damaged or holds more than tensors and numbers"):
        convert(published((2, 2, 2, 2), extra=Touch(tmp_path / "ran")))
    assert not (tmp_path / "ran").exists()


def test_a_checkpoint_without_the_network_is_refused() -> None:
    stream = io.BytesIO()
    torch.save((OrderedDict(a=torch.zeros(1)), {}), stream)
    with pytest.raises(ConfigError, match="holds no embedding_net"):
        convert(stream.getvalue())


def test_pip_that_cannot_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_MODELS", str(tmp_path / "models"))
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=r"pip cannot get aisfx==0.1.2 \(.*\): check the network, or name the wheel with --wheel"):
        fetch_aisfx.fetch_aisfx()


@pytest.mark.slow
def test_the_real_weights_arrive_and_tell_sounds_apart(tmp_path: Path) -> None:
    environment = {**os.environ, "TIMBRE_MODELS": str(tmp_path)}
    timbre = str(Path(sys.executable).with_name("timbre"))
    done = subprocess.run([timbre, "models", "fetch", "aisfx"], env=environment, capture_output=True, text=True, check=False)
    if "pip cannot get" in done.stderr:
        pytest.skip("PyPI cannot be reached")
    assert done.returncode == 0, done.stderr
    network = AisfxCnn9(pretrained=str(tmp_path / "pretrained" / "aisfx")).eval()
    with torch.inference_mode():
        embedding = network(torch.rand(1, 1, 96, 100, generator=torch.Generator().manual_seed(0)))[0, :, 0]
    assert embedding.min() >= 0
    assert float(embedding.mean()) == pytest.approx(REAL_MEAN, rel=1e-3)


def packed(folder: Path, checkpoint: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel that holds the checkpoint and counts as the published one."""
    wheel = folder / "aisfx-0.1.2-py2.py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(CHECKPOINT, checkpoint)
    monkeypatch.setattr(fetch_aisfx, "SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    return wheel
