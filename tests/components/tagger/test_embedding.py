"""The embedding that comes with the scores: the backbone's own, projected, from the pass that scored."""

import json
from dataclasses import astuple
from unittest.mock import patch

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from components.audio import from_array
from components.config import FeatureConfig, ModelConfig
from components.models import HEADS, MODELS
from components.network import build_network
from components.tagger import Tagger, seal
from components.tagger.engine import torch_engine
from components.tagger.folder import sha256
from components.tagger.onnx_export import noise
from tests.components.models.shrunk import SHRUNK
from tests.components.tagger.conftest import RATE
from tests.fixtures.sounds import noise as sounds

CPU = torch.device("cpu")
FEATURE_OF = {"AISFX_CNN9": "AISFX_MEL", "AST": "AST", "WAV2VEC": "WAV2VEC", "WAV2VEC_CNN": "WAV2VEC"}
SECONDS = (0.3, 1.0, 4.0, 9.7)


def clips():
    return [from_array(sounds(seconds, RATE, seed=place, amplitude=0.2), RATE, RATE) for place, seconds in enumerate(SECONDS)]


def small_network(name, head, settings):
    rate = 44100 if name == "AISFX_CNN9" else RATE
    model = ModelConfig(name=name, params=SHRUNK.get(name, {}), head=head)
    torch.manual_seed(0)
    feature = FeatureConfig(name=FEATURE_OF.get(name, "MEL_SPECTROGRAM"))
    network = build_network(feature, model, settings.windows, rate, settings.label_set).eval()
    windows = noise(2, rate // 2)
    network.measure([torch.from_numpy(windows)])
    return network, windows


def without_projection(folder):
    """The folder as it would be of a network that had no such buffer."""
    weights = load_file(folder / "model.safetensors")
    del weights["projection"]
    save_file(weights, folder / "model.safetensors")
    about = json.loads((folder / "tagger.json").read_text())
    about["files"]["model.safetensors"] = sha256((folder / "model.safetensors").read_bytes())
    (folder / "tagger.json").write_text(json.dumps(about))
    return folder


@pytest.mark.parametrize("batch_size", [1, 7, 32])
def test_it_is_the_mean_over_windows_projected(sealed, batch_size):
    tagger = Tagger.open(sealed)
    for clip, heard in zip(clips(), tagger.score_clips(clips(), batch_size), strict=True):
        expected = tagger.embed(clip.waveform, RATE) @ tagger.network.projection.numpy()
        assert (heard.embedding.shape, heard.embedding.dtype) == ((32,), np.float32)
        np.testing.assert_allclose(heard.embedding, expected, atol=1e-5)


def test_it_differs_from_clip_to_clip(sealed):
    embeddings = np.stack([heard.embedding for heard in Tagger.open(sealed).score_clips(clips())])
    assert np.ptp(embeddings, axis=0).min() > 1e-4


def test_a_batch_takes_one_pass(sealed):
    tagger = Tagger.open(sealed)
    backbone = tagger.network.backbone
    with patch.object(backbone, "forward", wraps=backbone.forward) as forward:
        list(tagger.score_clips(clips(), batch_size=32))
    windows = sum(len(tagger._starts(len(clip.samples))) for clip in clips())
    assert forward.call_count == -(-windows // 32)


def test_a_folder_without_the_matrix_opens_and_gives_the_same(sealed, network, settings, tmp_path):
    old = Tagger.open(without_projection(seal(tmp_path / "old", network, settings)))
    for before, now in zip(old.score_clips(clips()), Tagger.open(sealed).score_clips(clips()), strict=True):
        for ours, theirs in zip(astuple(before), astuple(now), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_the_matrix_is_in_the_digest(sealed):
    assert torch.equal(load_file(sealed / "model.safetensors")["projection"], Tagger.open(sealed).network.projection)


@pytest.mark.parametrize("head", sorted(HEADS))
@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_backbone_gives_it_under_every_head(settings, name, head):
    network, windows = small_network(name, head, settings)
    with torch.inference_mode():
        expected = (network.embed(torch.from_numpy(windows)) @ network.projection).numpy()
        scores = network(torch.from_numpy(windows)).sigmoid().numpy()

    found, embeddings = torch_engine(network, CPU, "multilabel")(windows)
    assert embeddings.shape == (2, 32)
    np.testing.assert_allclose(embeddings, expected, atol=1e-5 * max(1.0, float(abs(expected).max())))
    np.testing.assert_allclose(found, scores, atol=1e-6)


@pytest.mark.slow
class TestOnOnnxRuntime:
    def open(self, network, settings, folder, exported):
        return Tagger.open(seal(folder, network, settings.model_copy(update={"engine": "onnx"}), exported))

    def test_it_is_pytorchs(self, exported, network, settings, sealed, tmp_path):
        tagger = self.open(network, settings, tmp_path / "onnx", exported)
        for ours, theirs in zip(tagger.score_clips(clips()), Tagger.open(sealed).score_clips(clips()), strict=True):
            np.testing.assert_allclose(ours.embedding, theirs.embedding, atol=1e-5)

    def test_a_model_of_one_output_scores_without(self, exported, network, settings, tmp_path):
        import onnx

        model = onnx.load_from_string(exported)
        assert [output.name for output in model.graph.output] == ["logits", "embedding"]
        del model.graph.output[1]
        tagger = self.open(network, settings, tmp_path / "old", model.SerializeToString())
        both = self.open(network, settings, tmp_path / "new", exported)
        for ours, theirs in zip(tagger.score_clips(clips()), both.score_clips(clips()), strict=True):
            assert ours.embedding is None
            np.testing.assert_allclose(ours.clip, theirs.clip, atol=1e-6)
