"""What computes the scores of windows: PyTorch, or ONNX Runtime where tagger.json says so."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from components.config import Task
from components.errors import TaggerError
from components.network import Network

Floats = npt.NDArray[np.float32]
Engine = Callable[[Floats], Floats]
ACTIVATIONS: dict[Task, Callable[[Tensor], Tensor]] = {"multilabel": torch.sigmoid, "multiclass": partial(torch.softmax, dim=-1)}


def torch_engine(network: Network, device: torch.device, task: Task) -> Engine:
    """Windows [window, time] -> scores [window, label], in float32 whatever the caller's autocast."""
    activate = ACTIVATIONS[task]

    def score(windows: Floats) -> Floats:
        with torch.inference_mode(), exact(device):
            scores: Floats = activate(network(torch.from_numpy(windows).to(device))).cpu().numpy()
        return scores

    return score


def onnx_engine(model: bytes, device: torch.device, task: Task) -> Engine:
    """The same by ONNX Runtime.

    Raises:
        TaggerError: if ONNX Runtime is not installed or refuses the model.
    """
    session = onnx_session(model, device)
    activate = ACTIVATIONS[task]

    def score(windows: Floats) -> Floats:
        logits = session.run(None, {"waveforms": windows})[0]
        scores: Floats = activate(torch.from_numpy(logits)).numpy()
        return scores

    return score


def onnx_session(model: bytes, device: torch.device | None = None) -> Any:
    """An ONNX Runtime session on the CPU, or on the GPU where its build has one."""
    try:
        import onnxruntime  # an extra, which a tagger that runs on PyTorch does without
    except ImportError:
        raise TaggerError("this tagger runs on ONNX Runtime, which is not installed: pip install 'timbre-audio[serve]'") from None
    wanted = ["CUDAExecutionProvider"] if device is not None and device.type == "cuda" else []
    providers = [name for name in [*wanted, "CPUExecutionProvider"] if name in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(model, providers=providers)
    except Exception as error:  # ONNX Runtime's errors share no class
        raise TaggerError(f"model.onnx does not load ({' '.join(str(error).split())[:200]}): export the tagger again") from None


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """Full float32: neither a caller's autocast nor the GPU's TF32, which cuDNN allows unless it is told, may round the scores."""
    full = torch.backends.cudnn.flags(allow_tf32=False) if device.type == "cuda" else nullcontext()
    with torch.autocast(device.type, enabled=False), full:
        yield


def find_device(name: str | torch.device) -> torch.device:
    """cpu, cuda, cuda:1, or auto: the GPU where there is one.

    Raises:
        TaggerError: if it is unknown or not here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise TaggerError(f"unknown device {name!r}: write auto, cpu, cuda or cuda:0") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise TaggerError(f"device {name} is not here: write auto or cpu")
    return device
