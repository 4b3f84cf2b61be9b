"""The exported network: the same scores, any batch size, and a tagger that runs on it."""

import copy
import logging
import sys

import numpy as np
import pytest
import torch
from torch import nn

from components.audio import from_array
from components.config import FeatureConfig, ModelConfig
from components.errors import TaggerError
from components.models import MODELS
from components.network import build_network
from components.tagger import Tagger, export_onnx, seal
from components.tagger.engine import missing, onnx_engine, torch_engine
from components.tagger.onnx_export import difference, noise
from tests.components.models.shrunk import SHRUNK
from tests.components.tagger.conftest import RATE
from tests.fixtures.sounds import noise as sounds

pytestmark = pytest.mark.slow


def test_a_tagger_scores_alike_on_both_engines(exported, network, settings, tmp_path):
    on_torch = Tagger.open(seal(tmp_path / "torch", network, settings))
    on_onnx = Tagger.open(seal(tmp_path / "onnx", network, settings.model_copy(update={"engine": "onnx"}), exported))

    assert on_torch.about["engine"] == "torch"
    assert sorted(on_onnx.about["files"]) == ["model.onnx", "model.safetensors"]
    for seconds in (0.2, 1.0, 9.7):
        y = sounds(seconds, RATE, seed=int(seconds), amplitude=0.2)
        np.testing.assert_allclose(on_onnx.score(y, RATE), on_torch.score(y, RATE), atol=1e-4)
        np.testing.assert_allclose(on_onnx.embed(y, RATE), on_torch.embed(y, RATE), atol=1e-6)


FEATURE_OF = {"AISFX_CNN9": "AISFX_MEL", "AST": "AST", "WAV2VEC": "WAV2VEC", "WAV2VEC_CNN": "WAV2VEC"}


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_backbone_is_exported_and_gives_the_same_scores(settings, name):
    rate = 44100 if name == "AISFX_CNN9" else RATE
    feature = FeatureConfig(name=FEATURE_OF.get(name, "MEL_SPECTROGRAM"))
    torch.manual_seed(0)
    model = ModelConfig(name=name, params=SHRUNK.get(name, {}), head="ATTENTION_HEAD")
    network = build_network(feature, model, settings.windows, rate, settings.label_set).eval()
    network.measure([torch.from_numpy(noise(8, rate))])
    for weight in network.head.parameters():
        nn.init.normal_(weight, std=0.5)
    exported = export_onnx(network, rate)

    for batch in (1, 3):
        assert difference(network, exported, noise(batch, rate), "multilabel") <= 1e-5
    cpu, windows = torch.device("cpu"), noise(3, rate)
    _, ours = onnx_engine(exported, network, cpu, "multilabel")(windows)
    _, theirs = torch_engine(network, cpu, "multilabel")(windows)
    np.testing.assert_allclose(ours, theirs, atol=1e-4 * max(1.0, float(abs(theirs).max())))


def test_the_same_network_gives_the_same_bytes(exported, network, settings):
    """A tagger's digest follows from them."""
    assert export_onnx(network, settings.window_samples) == exported


def test_the_exporter_says_no_more_than_its_warnings(network, settings, monkeypatch, caplog):
    def warn(*args, **kwargs):
        logging.getLogger("onnx_ir.passes").warning("heard")
        return export(*args, **kwargs)

    export = torch.onnx.export
    monkeypatch.setattr(torch.onnx, "export", warn)
    with caplog.at_level(logging.INFO):
        export_onnx(network, settings.window_samples)
    assert [record.getMessage() for record in caplog.records] == ["heard"]
    assert logging.getLogger("onnx_ir").level == logging.NOTSET


@pytest.mark.parametrize("batch_size", [1, 7, 32])
def test_scores_do_not_depend_on_the_neighbours(exported, network, settings, tmp_path, batch_size):
    tagger = Tagger.open(seal(tmp_path / "onnx", network, settings.model_copy(update={"engine": "onnx"}), exported))
    clips = [from_array(sounds(seconds, RATE, seed=place, amplitude=0.2), RATE, RATE) for place, seconds in enumerate((0.3, 4.0, 1.0, 2.2))]
    together = [scores.clip for scores in tagger.score_clips(clips, batch_size)]

    np.testing.assert_allclose(together, [next(tagger.score_clips([clip])).clip for clip in clips], atol=1e-5, rtol=0)


def test_a_model_that_computes_the_feature_itself_is_run_too(network, settings, tmp_path):
    from onnx import TensorProto, helper

    shapes = {"waveforms": RATE, "peak": 1, "logits": 3}
    given, peak, logits = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width]) for name, width in shapes.items())
    nodes = [
        helper.make_node("ReduceMax", ["waveforms"], ["peak"], axes=[1], keepdims=1),
        helper.make_node("Concat", ["peak"] * 3, ["logits"], axis=1),
    ]
    graph = helper.make_graph(nodes, "peaks", [given], [logits], value_info=[peak])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder = seal(tmp_path / "onnx", network, settings.model_copy(update={"engine": "onnx"}), model.SerializeToString())

    np.testing.assert_allclose(Tagger.open(folder).score(np.full(RATE, 0.5), RATE), 1 / (1 + np.exp(-0.5)), rtol=1e-3)


def test_pytorch_scores_where_onnx_runtime_is_missing(exported, network, settings, tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    tagger = Tagger.open(seal(tmp_path / "onnx", network, settings.model_copy(update={"engine": "onnx"}), exported))
    y = sounds(1.0, RATE)

    np.testing.assert_array_equal(tagger.score(y, RATE), Tagger.open(seal(tmp_path / "torch", network, settings)).score(y, RATE))
    assert "ONNX Runtime is not installed on cpu: tagger small is scored by PyTorch" in caplog.text


@pytest.mark.parametrize(("device", "lack"), [("cpu", ""), ("cuda", "ONNX Runtime has no CUDA")])
def test_a_build_without_cuda_is_known(monkeypatch, device, lack):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    assert missing(torch.device(device)) == lack


def test_the_network_stays_as_it_was(exported, network):
    assert not network.training


def test_damaged_onnx_is_found(exported, network, settings, tmp_path):
    folder = seal(tmp_path / "onnx", network, settings.model_copy(update={"engine": "onnx"}), exported)
    (folder / "model.onnx").write_bytes(exported[:-1])
    with pytest.raises(TaggerError, match=r"model\.onnx is damaged"):
        Tagger.open(folder)


def test_what_is_no_model_is_refused(network, settings, tmp_path):
    folder = seal(tmp_path / "onnx", network, settings.model_copy(update={"engine": "onnx"}), b"nothing")
    with pytest.raises(TaggerError, match=r"model\.onnx does not load"):
        Tagger.open(folder)


def test_a_difference_is_refused(network, settings):
    class Shifted(nn.Module):
        def forward(self, logits):
            return logits + (0.1 if not torch.compiler.is_exporting() else 0.0)

    other = copy.deepcopy(network)
    other.head = nn.Sequential(other.head, Shifted())
    with pytest.raises(TaggerError, match="ONNX and PyTorch scores differ by"):
        export_onnx(other, settings.window_samples)
