"""AST and wav2vec 2.0: the same numbers as transformers gives, from the hub's own formats; AudioSet's classes as a start."""

import json

import pytest
import torch

from components.config import FeatureConfig, ModelConfig, WindowConfig
from components.errors import ConfigError
from components.labels import IRMAS, OPENMIC, from_codes
from components.menus import build
from components.models import HEADS, start_head
from components.models.audioset import ROWS
from components.models.transformers_models import library
from components.network import build_network
from tests.components.models.shrunk import made

AST_SIZE = {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 256}
WAV2VEC_SIZE = {**AST_SIZE, "conv_dim": (48,) * 7}


def drawn(network):
    """Weights large enough to tell networks apart."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(5)
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return network.eval()


@pytest.fixture(scope="module")
def audioset(tmp_path_factory):
    """A classifier of AudioSet's 527 classes with random weights, and its folder in the hub's format."""
    folder = tmp_path_factory.mktemp("ast")
    network = drawn(library().ASTForAudioClassification(library().ASTConfig(num_labels=527, **AST_SIZE)))
    network.save_pretrained(folder)
    return network, folder


@pytest.fixture(scope="module")
def wav2vec(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wav2vec")
    network = drawn(library().Wav2Vec2ForCTC(library().Wav2Vec2Config(vocab_size=32, **WAV2VEC_SIZE)))
    network.save_pretrained(folder)
    return network, folder


class TestAst:
    @pytest.mark.parametrize("head_name", ["LINEAR", "ATTENTION_HEAD"])
    def test_an_irmas_head_begins_as_audiosets_classes(self, audioset, head_name):
        theirs, folder = audioset
        backbone = made("AST", pretrained=str(folder)).eval()
        head = build(HEADS, head_name, "head", {}, width=backbone.width, num_labels=len(IRMAS))
        started = start_head(head, backbone, IRMAS)
        spectrograms = torch.randn(2, 1, 128, 1024)
        with torch.inference_mode():
            logits = head(backbone(spectrograms))
            expected = theirs(spectrograms[:, 0].transpose(1, 2)).logits

        assert started["vio"] == "Violin, fiddle"
        assert started.keys() == set(IRMAS.codes)
        torch.testing.assert_close(logits, expected[:, [ROWS[label.full_name][0] for label in IRMAS.labels]], atol=1e-4, rtol=1e-4)

    def test_every_label_of_openmic_has_a_class_of_its_own(self):
        rows = [ROWS[label.full_name][0] for label in OPENMIC.labels]
        assert len(set(rows)) == len(OPENMIC) == 20

    def test_a_network_begins_so_where_the_config_says_it(self, audioset):
        theirs, folder = audioset
        model = ModelConfig(
            name="AST", params={"depth": 1 / 12, "width": 1 / 12}, head="LINEAR", pretrained=str(folder), head_start="audioset"
        )
        labels = from_codes(["theremin", "organ"])
        network = build_network(FeatureConfig(), model, WindowConfig(), 16000, labels)

        assert torch.equal(network.head.linear.weight[1], theirs.classifier.dense.weight[155])
        assert not torch.equal(network.head.linear.weight[0], theirs.classifier.dense.weight[155])

    def test_where_it_cannot(self, audioset):
        _, folder = audioset
        backbone = made("AST", pretrained=str(folder))
        deep = HEADS["DEEP_HEAD"](width=64, num_labels=11)
        linear = HEADS["LINEAR"](width=64, num_labels=11)
        with pytest.raises(ConfigError, match=r"set model.head to LINEAR or ATTENTION_HEAD"):
            start_head(deep, backbone, IRMAS)
        with pytest.raises(ConfigError, match="needs a checkpoint of AST with a classifier of AudioSet's 527 classes"):
            start_head(linear, made("AST"), IRMAS)
        with pytest.raises(ConfigError, match="no label of CSV is a class of AudioSet"):
            start_head(linear, backbone, from_codes(["angry", "calm"]))

    def test_a_checkpoint_without_classifier_and_one_of_torch(self, audioset, tmp_path):
        theirs, _ = audioset
        theirs.audio_spectrogram_transformer.save_pretrained(tmp_path / "base")
        (tmp_path / "bin").mkdir()
        torch.save(theirs.state_dict(), tmp_path / "bin" / "pytorch_model.bin")
        for folder in ("base", "bin"):
            loaded = made("AST", pretrained=str(tmp_path / folder))
            expected = theirs.audio_spectrogram_transformer.layers[0].mlp.fc1.weight
            assert torch.equal(loaded.trunk.layers[0].mlp.fc1.weight, expected)

    def test_another_size_is_named(self, audioset, tmp_path):
        _, folder = audioset
        with pytest.raises(ConfigError, match=r"does not fit AST: its config.json has hidden_size 64, the network 128; set hidden_size in"):
            made("AST", pretrained=str(folder), width=1 / 6)
        with pytest.raises(ConfigError, match=r"does not fit AST: .* tensors are missing or of another shape, the first .* .*64.* there, "):
            made("AST", pretrained=str(folder / "model.safetensors"), width=1 / 6)

    def test_several_channels_that_are_equal_give_what_one_gives(self):
        from components.models import SpectrogramTransformer

        one = made("AST").eval()
        three = SpectrogramTransformer(in_channels=3, depth=1 / 12, width=1 / 12).eval()
        weights = one.state_dict()
        key = "trunk.embeddings.patch_embeddings.projection.weight"
        three.load_state_dict({**weights, key: weights[key].expand(-1, 3, -1, -1) / 3})
        picture = torch.randn(1, 1, 128, 64)
        with torch.inference_mode():
            torch.testing.assert_close(three(picture.expand(-1, 3, -1, -1)), one(picture), atol=1e-4, rtol=1e-4)

    def test_longer_than_the_checkpoints(self):
        assert made("AST").eval()(torch.randn(1, 1, 128, 1200)).shape == (1, 64, 119)


class TestWav2Vec:
    def test_frames_as_in_transformers(self, wav2vec):
        theirs, folder = wav2vec
        waveforms = torch.randn(2, 8000)
        whole, cnn = made("WAV2VEC", pretrained=str(folder)).eval(), made("WAV2VEC_CNN", pretrained=str(folder)).eval()
        with torch.inference_mode():
            torch.testing.assert_close(whole(waveforms), theirs.wav2vec2(waveforms).last_hidden_state.transpose(1, 2))
            torch.testing.assert_close(cnn(waveforms), theirs.wav2vec2.feature_extractor(waveforms))

    def test_an_older_checkpoint_of_torch(self, wav2vec, tmp_path):
        """Weight norm was named otherwise, as in the files on the hub."""
        theirs, _ = wav2vec
        names = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
        weights = theirs.state_dict()
        for today, before in names.items():
            weights[f"wav2vec2.encoder.pos_conv_embed.conv.{before}"] = weights.pop(f"wav2vec2.encoder.pos_conv_embed.conv.{today}")
        torch.save(weights, tmp_path / "pytorch_model.bin")
        loaded = made("WAV2VEC", pretrained=str(tmp_path)).trunk.encoder.pos_conv_embed.conv

        assert torch.equal(loaded.weight, theirs.wav2vec2.encoder.pos_conv_embed.conv.weight)

    def test_the_convolutions_are_frozen_unless_told_otherwise(self):
        def learning(backbone):
            return {name.split(".")[1] for name, weight in backbone.named_parameters() if weight.requires_grad}

        assert learning(made("WAV2VEC")) == {"feature_projection", "encoder"}
        assert learning(made("WAV2VEC", freeze_encoder=False)) == {"feature_extractor", "feature_projection", "encoder"}
        assert all(weight.requires_grad for weight in made("WAV2VEC_CNN").parameters())

    def test_what_no_shape_shows_is_read_from_the_configuration(self, wav2vec, tmp_path):
        _, folder = wav2vec
        values = json.loads((folder / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps({**values, "do_stable_layer_norm": True}))
        (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
        with pytest.raises(ConfigError, match="has do_stable_layer_norm True, the network False; set do_stable_layer_norm in"):
            made("WAV2VEC", pretrained=str(tmp_path))
        assert made("WAV2VEC", pretrained=str(tmp_path), options={"do_stable_layer_norm": True}).width == 64

    def test_options_are_checked(self):
        with pytest.raises(ConfigError, match=r"WAV2VEC has no 'hiden_size' .did you mean 'hidden_size'"):
            made("WAV2VEC", options={"hiden_size": 3})
        with pytest.raises(ConfigError, match=r"model.params.options of WAV2VEC: .*; correct the value"):
            made("WAV2VEC", options={"conv_dim": [16, 16]})


def test_a_start_needs_weights():
    with pytest.raises(ValueError, match="head_start is audioset, but pretrained is none"):
        ModelConfig(name="AST", head_start="audioset")
