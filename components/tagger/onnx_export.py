"""The network as an ONNX model, waveforms [batch, time] -> logits [batch, label], checked against PyTorch before anyone may use it."""

import warnings

import torch

from components.errors import TaggerError
from components.network import Network
from components.tagger.engine import exact, onnx_session

TOLERANCE = 1e-4  # between scores; what float32 loses where sums run in another order is a hundred times less


def export_onnx(network: Network, window_samples: int) -> bytes:
    """Export with a free batch size and compare the scores.

    Args:
        network: on any device; left in the mode that it came in.
        window_samples: of the tagger's windows.
    Raises:
        TaggerError: if it cannot be exported, or scores differ by more than 1e-4.
    """
    training, device = network.training, network.mean.device
    network.eval().cpu()
    try:
        model = _export(network, window_samples)
        _compare(network, model, window_samples)
    finally:
        network.train(training).to(device)
    return model


def _export(network: Network, window_samples: int) -> bytes:
    example = torch.zeros(2, window_samples)  # one item alone would fix the batch size
    try:
        with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
            warnings.simplefilter("ignore")  # the exporter's own, about torch's inner parts
            program = torch.onnx.export(
                network,
                (example,),
                input_names=["waveforms"],
                output_names=["logits"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # the exporter's errors share no class
        raise TaggerError(
            f"the network cannot be exported to ONNX ({' '.join(str(error).split())[:300]}): set training.onnx to false"
        ) from error
    if program is None:
        raise TaggerError("the network cannot be exported to ONNX: set training.onnx to false")
    data: bytes = program.model_proto.SerializeToString()
    return data


def _compare(network: Network, model: bytes, window_samples: int) -> None:
    session = onnx_session(model)
    generator = torch.Generator().manual_seed(0)
    for batch in (1, 5):
        levels = torch.logspace(-3, -0.5, batch)[:, None]  # from faint to loud
        waveforms = levels * torch.randn(batch, window_samples, generator=generator)
        with torch.inference_mode(), exact(torch.device("cpu")):
            expected = torch.sigmoid(network(waveforms))
        scores = torch.sigmoid(torch.from_numpy(session.run(None, {"waveforms": waveforms.numpy()})[0]))
        if not (difference := float((scores - expected).abs().max())) <= TOLERANCE:
            raise TaggerError(f"ONNX and PyTorch scores differ by {difference:.1e}, more than {TOLERANCE:.0e}: set training.onnx to false")
