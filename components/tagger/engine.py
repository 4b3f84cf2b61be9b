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
Heard = tuple[Floats, Floats | None]  # scores [window, label] and projected embeddings [window, 32]
Engine = Callable[[Floats], Heard]
EMBEDDING = "embedding"  # the output after the logits; a model without it is scored all the same
INPUTS = "inputs"  # of a model that takes the feature; one that takes waveforms computes it itself
CUDA = "CUDAExecutionProvider"
ACTIVATIONS: dict[Task, Callable[[Tensor], Tensor]] = {"multilabel": torch.sigmoid, "multiclass": partial(torch.softmax, dim=-1)}


def torch_engine(network: Network, device: torch.device, task: Task) -> Engine:
    """Windows [window, time] -> scores and embeddings, in float32 whatever the caller's autocast."""
    activate = ACTIVATIONS[task]

    def hear(windows: Floats) -> Heard:
        with torch.inference_mode(), exact(device):
            logits, embeddings = network.hear(network.transform(torch.from_numpy(windows).to(device)))
            return activate(logits).cpu().numpy(), embeddings.cpu().numpy()

    return hear


def onnx_engine(model: bytes, network: Network, device: torch.device, task: Task) -> Engine:
    """The same by ONNX Runtime, but for the feature, which PyTorch computes; no embeddings where the model has no such output.

    Args:
        model: what `export_onnx` made of the network.
    Raises:
        TaggerError: if ONNX Runtime is not installed or refuses the model.
    """
    session = onnx_session(model, device)
    takes = session.get_inputs()[0].name
    names = [output.name for output in session.get_outputs()]
    place = names.index(EMBEDDING) if EMBEDDING in names else None
    activate = ACTIVATIONS[task]

    def hear(windows: Floats) -> Heard:
        if takes == INPUTS:
            with torch.inference_mode(), exact(device):
                windows = network.transform(torch.from_numpy(windows).to(device)).cpu().numpy()
        found = session.run(None, {takes: windows})
        return activate(torch.from_numpy(found[0])).numpy(), None if place is None else found[place]

    return hear


def onnx_session(model: bytes, device: torch.device) -> Any:
    """An ONNX Runtime session on a CPU, or on a GPU where its build has one."""
    try:
        import onnxruntime  # an extra, which a tagger that runs on PyTorch does without
    except ImportError:
        raise TaggerError("this tagger runs on ONNX Runtime, which is not installed: pip install 'timbre-audio[serve]'") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Threads that spin while they wait take the cores from PyTorch's, which compute the next batch's feature.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # its warnings are about its own optimizer
    cuda = [(CUDA, {"device_id": device.index or 0, "use_tf32": 0})] if device.type == "cuda" else []
    try:
        return onnxruntime.InferenceSession(model, options, providers=[*cuda, "CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no class
        raise TaggerError(f"model.onnx does not load ({' '.join(str(error).split())[:200]}): export the tagger again") from None


def missing(device: torch.device) -> str:
    """What ONNX Runtime lacks here to score on the device, as half a sentence; nothing where it lacks nothing."""
    try:
        import onnxruntime
    except ImportError:
        return "ONNX Runtime is not installed"
    return "ONNX Runtime has no CUDA" if device.type == "cuda" and CUDA not in onnxruntime.get_available_providers() else ""


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
