"""The network after its feature as an ONNX model, the model's input -> logits and embedding, checked before anyone may use it."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from components.config import Task
from components.errors import TaggerError
from components.network import Network
from components.tagger.engine import EMBEDDING, INPUTS, Floats, onnx_engine, torch_engine

TOLERANCE = 1e-4  # between scores; what float32 loses where sums run in another order is a hundred times less
WAY_OUT = "set training.engine to torch"
EXPORTERS = ("onnxscript", "onnx_ir")
_CPU = torch.device("cpu")


class _Classifier(nn.Module):
    """What is exported. The feature stays in PyTorch, whose Fourier transform is several times as fast as ONNX Runtime's."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.hear(inputs)


def export_onnx(network: Network, window_samples: int, task: Task = "multilabel") -> bytes:
    """Export with a free batch size and compare the scores; the same network gives the same bytes.

    Args:
        network: on any device; left in the mode that it came in.
        window_samples: of the tagger's windows.
    Raises:
        TaggerError: if the packages for it are not installed, it cannot be exported, or scores differ by more than 1e-4.
    """
    training, device = network.training, network.mean.device
    network.eval().cpu()
    try:
        model = _export(network, window_samples)
        found = max(difference(network, model, noise(count, window_samples), task) for count in (1, 5))
        if not found <= TOLERANCE:
            raise TaggerError(f"ONNX and PyTorch scores differ by {found:.1e}, more than {TOLERANCE:.0e}: {WAY_OUT}")
    finally:
        network.train(training).to(device)
    return model


def difference(network: Network, model: bytes, windows: Floats, task: Task) -> float:
    """The largest between the scores of both engines; NaN where one of them is.

    Raises:
        TaggerError: if ONNX Runtime does not run the model.
    """
    expected, _ = torch_engine(network, _CPU, task)(windows)
    engine = onnx_engine(model, network, _CPU, task)
    try:
        return float(abs(engine(windows)[0] - expected).max())
    except Exception as error:  # ONNX Runtime's errors share no class
        raise TaggerError(f"the exported network does not run ({' '.join(str(error).split())[:200]}): {WAY_OUT}") from None


def noise(count: int, window_samples: int) -> Floats:
    """Windows [count, time] from faint to loud, the same at every call."""
    levels = torch.logspace(-3, -0.5, count)[:, None]
    windows: Floats = (levels * torch.randn(count, window_samples, generator=torch.Generator().manual_seed(0))).numpy()
    return windows


def _export(network: Network, window_samples: int) -> bytes:
    _check_installed()
    try:
        with _exporters_warn_alone(), warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
            warnings.simplefilter("ignore")  # the exporter's own, about torch's inner parts
            example = network.transform(torch.zeros(2, window_samples))  # one item alone would fix the batch size
            program = torch.onnx.export(
                _Classifier(network),
                (example,),
                input_names=[INPUTS],
                output_names=["logits", EMBEDDING],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # the exporter's errors share no class
        raise TaggerError(f"the network cannot be exported to ONNX ({' '.join(str(error).split())[:300]}): {WAY_OUT}") from error
    if program is None:
        raise TaggerError(f"the network cannot be exported to ONNX: {WAY_OUT}")
    return _bare(program.model_proto)


@contextmanager
def _exporters_warn_alone() -> Iterator[None]:
    """They would tell of each pass over the graph."""
    loggers = [logging.getLogger(name) for name in EXPORTERS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _bare(model: Any) -> bytes:
    """The model without the exporter's notes, which count the exports of the process and name its source files."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _check_installed() -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # onnxscript's own, about what it imports
            import onnxruntime  # noqa: F401
            import onnxscript  # noqa: F401
    except ImportError as error:
        raise TaggerError(
            f"an ONNX model needs {error.name}, which is not installed: pip install 'timbre-audio[train]', or {WAY_OUT}"
        ) from None
