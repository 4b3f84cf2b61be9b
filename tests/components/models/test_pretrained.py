"""Weights to start from: every format that loads, and what is said of those that do not."""

import pickle

import pytest
import torch
from safetensors.torch import save_file

from components.errors import ConfigError
from components.menus import build
from components.models import MODELS, SmallCnn, TimmBackbone
from components.models.pretrained import read_weights
from tests.components.models.shrunk import inputs_of, made


def test_missing_and_broken_weights_say_the_ways(tmp_path):
    with pytest.raises(ConfigError, match=r"no pretrained weights at .*nowhere.*: pretrained takes hub .* none, or the path"):
        SmallCnn(pretrained=str(tmp_path / "nowhere"))
    (tmp_path / "broken.safetensors").write_bytes(b"no such thing")
    with pytest.raises(ConfigError, match="is not a safetensors file"):
        SmallCnn(pretrained=str(tmp_path / "broken.safetensors"))


def test_a_hub_that_cannot_be_reached_says_the_ways(timm, monkeypatch):
    def unreachable(*args, pretrained, **params):
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(ConfigError, match=r"hub gave no weights for mobilenetv3_large_100 .no route to host.: pretrained takes hub"):
        build(MODELS, "MOBILENET_V3_LARGE", "model", {}, in_channels=1, pretrained="hub")


def test_small_cnn_has_no_hub():
    with pytest.raises(ConfigError, match="SMALL_CNN has no weights on a hub: pretrained takes none, or the path"):
        SmallCnn(pretrained="hub")


def test_weights_of_colour_pictures_fit_one_channel(timm, tmp_path):
    """timm's published weights see red, green and blue, and carry a classifier; one channel gets their sum."""
    colour = timm.create_model("mobilenetv3_large_100", pretrained=False)
    save_file(colour.state_dict(), tmp_path / "model.safetensors")
    grey = build(MODELS, "MOBILENET_V3_LARGE", "model", {}, in_channels=1, pretrained=str(tmp_path))

    torch.testing.assert_close(grey.trunk.conv_stem.weight, colour.conv_stem.weight.sum(dim=1, keepdim=True))


@pytest.fixture
def weights():
    return {key: tensor.contiguous() for key, tensor in made("SMALL_CNN").state_dict().items()}  # safetensors wants rows in order


class TestFormats:
    """A plain state dict, and what training programs and hubs put around it."""

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda weights: weights,
            lambda weights: {"state_dict": weights, "epoch": 3, "optimizer": {"lr": 1e-3}},
            lambda weights: {"model": {f"module.{key}": tensor for key, tensor in weights.items()}},
            lambda weights: {"state_dict": {}, "state_dict_ema": weights},
        ],
        ids=["plain", "checkpoint", "data parallel", "averaged"],
    )
    def test_what_torch_saved(self, weights, wrap, tmp_path):
        torch.save(wrap(weights), tmp_path / "pytorch_model.bin")
        read = read_weights(tmp_path)

        assert read.keys() == weights.keys()
        assert all(torch.equal(read[key], weights[key]) for key in weights)

    def test_the_content_decides_not_the_extension(self, weights, tmp_path):
        save_file(weights, tmp_path / "weights.pt")
        torch.save(weights, tmp_path / "weights.safetensors")

        assert read_weights(tmp_path / "weights.pt").keys() == read_weights(tmp_path / "weights.safetensors").keys() == weights.keys()

    def test_no_code_of_a_checkpoint_runs(self, tmp_path):
        flag = tmp_path / "ran"
        torch.save({"state_dict": Trap(str(flag))}, tmp_path / "trap.pt")
        (tmp_path / "trap.pkl").write_bytes(pickle.dumps(Trap(str(flag))))
        for name in ("trap.pt", "trap.pkl"):
            with pytest.raises(ConfigError, match=r"does not load as plain weights .* code in a checkpoint is never run"):
                read_weights(tmp_path / name)
        assert not flag.exists()

    def test_a_file_without_tensors(self, tmp_path):
        torch.save({"epoch": 3}, tmp_path / "empty.pt")
        with pytest.raises(ConfigError, match="holds no named tensors"):
            read_weights(tmp_path / "empty.pt")

    def test_shapes_that_do_not_fit_are_named(self, weights, tmp_path):
        save_file(weights, tmp_path / "wide.safetensors")
        with pytest.raises(ConfigError, match=r"the first layers.0.weight .32 x 1 x 5 x 5 there, 8 x 1 x 5 x 5 here.; name the weights"):
            SmallCnn(widths=(8, 8, 8), pretrained=str(tmp_path / "wide.safetensors"))


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_the_norm_before_a_classifier_comes_from_the_checkpoint_and_acts_as_there(timm, tmp_path):
    """timm's ConvNeXt averages its picture and then norms it; with one frame that is what the backbone gives."""
    theirs = timm.create_model("convnext_tiny", pretrained=False, in_chans=1, depths=(1, 1, 1, 1), dims=(12, 24, 48, 96)).eval()
    with torch.no_grad():
        theirs.head.norm.weight.uniform_(0.5, 2)
    save_file(theirs.state_dict(), tmp_path / "model.safetensors")
    ours = TimmBackbone("convnext_tiny", depth=0.1, width=0.125, pretrained=str(tmp_path)).eval()
    picture = torch.randn(2, 1, 32, 32)

    with torch.inference_mode():
        torch.testing.assert_close(ours(picture)[:, :, 0], theirs.forward_head(theirs.forward_features(picture), pre_logits=True))


def test_every_trunk_of_mobnet_starts_from_one_mobilenet(timm, tmp_path):
    torch.save(timm.create_model("mobilenetv3_small_100", pretrained=False).state_dict(), tmp_path / "pytorch_model.bin")
    backbone = build(MODELS, "MOBNET", "model", {}, in_channels=1, num_labels=2, pretrained=str(tmp_path)).eval()
    frames = backbone(inputs_of(backbone))

    assert torch.equal(*frames.chunk(2, dim=1))


@pytest.mark.parametrize("name", ["AST", "WAV2VEC", "WAV2VEC_CNN"])
def test_a_hub_without_network_says_the_ways(name, monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        ConfigError, match=rf"the hub gave no weights for {name} .*: pretrained takes hub .where it is reachable., none, or"
    ):
        made(name, pretrained="hub")
