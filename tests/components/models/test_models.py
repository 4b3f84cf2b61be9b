"""Every backbone, head and pooling on the menus keeps its contract."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from components.errors import ConfigError
from components.menus import build
from components.model_input import ModelInputDataType
from components.models import HEADS, MODELS, POOLINGS, SmallCnn

BANDS, FRAMES = 64, 130


def made(name, **params):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build(MODELS, name, "model", params, in_channels=1, pretrained="none")


def pictures(batch=2, bands=BANDS, frames=FRAMES):
    return torch.randn(batch, 1, bands, frames, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", sorted(MODELS))
class TestBackbones:
    def test_width_by_frames_in_finite_numbers(self, name):
        backbone = made(name)
        frames = backbone(pictures())

        assert backbone.accepts in ModelInputDataType
        assert frames.shape[:2] == (2, backbone.width)
        assert frames.shape[2] >= 4
        assert torch.isfinite(frames).all()

    def test_any_height_and_length(self, name):
        backbone = made(name).eval()
        with torch.inference_mode():
            assert backbone(pictures(1, 128, 33)).shape[:2] == (1, backbone.width)
            assert backbone(pictures(1, 40, 1)).shape[:2] == (1, backbone.width)

    def test_gradients_reach_every_weight(self, name):
        backbone = made(name)
        backbone(pictures()).square().sum().backward()

        assert all(weight.grad is not None and torch.isfinite(weight.grad).all() for weight in backbone.parameters())

    def test_same_seed_same_weights_and_the_input_is_left_untouched(self, name):
        inputs = pictures()
        before = inputs.clone()
        first, second = made(name).eval(), made(name).eval()

        assert torch.equal(first(inputs), second(inputs))
        assert torch.equal(inputs, before)

    def test_weights_come_from_a_file(self, name, tmp_path):
        saved = made(name)
        with torch.no_grad():
            for weight in saved.parameters():
                weight.add_(0.01)
        save_file({f"backbone.{key}": tensor.contiguous() for key, tensor in saved.state_dict().items()}, tmp_path / "model.safetensors")
        loaded = build(MODELS, name, "model", {}, in_channels=1, pretrained=str(tmp_path))

        assert all(torch.equal(ours, theirs) for ours, theirs in zip(loaded.parameters(), saved.parameters(), strict=True))

    def test_other_weights_are_refused(self, name, tmp_path):
        save_file({"something": torch.zeros(3)}, tmp_path / "other.safetensors")
        with pytest.raises(ConfigError, match=r"does not fit .* tensors are missing or of another shape"):
            build(MODELS, name, "model", {}, in_channels=1, pretrained=str(tmp_path / "other.safetensors"))


def test_missing_and_broken_weights_say_the_ways(tmp_path):
    with pytest.raises(ConfigError, match=r"no pretrained weights at .*nowhere.*: pretrained takes hub .* none, or the path"):
        SmallCnn(pretrained=str(tmp_path / "nowhere"))
    (tmp_path / "broken.safetensors").write_bytes(b"no such thing")
    with pytest.raises(ConfigError, match="is not a safetensors file"):
        SmallCnn(pretrained=str(tmp_path / "broken.safetensors"))


def test_a_hub_that_cannot_be_reached_says_the_ways(monkeypatch):
    import timm

    def unreachable(*args, pretrained, **params):
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(ConfigError, match=r"hub gave no weights for mobilenetv3_large_100 .no route to host.: pretrained takes hub"):
        build(MODELS, "MOBILENET_V3_LARGE", "model", {}, in_channels=1, pretrained="hub")


def test_small_cnn_has_no_hub():
    with pytest.raises(ConfigError, match="SMALL_CNN has no weights on a hub: pretrained takes none, or the path"):
        SmallCnn(pretrained="hub")


def test_weights_of_colour_pictures_fit_one_channel(tmp_path):
    """timm's published weights see red, green and blue, and carry a classifier; one channel gets their sum."""
    import timm

    colour = timm.create_model("mobilenetv3_large_100", pretrained=False)
    save_file(colour.state_dict(), tmp_path / "model.safetensors")
    grey = build(MODELS, "MOBILENET_V3_LARGE", "model", {}, in_channels=1, pretrained=str(tmp_path))

    torch.testing.assert_close(grey.trunk.conv_stem.weight, colour.conv_stem.weight.sum(dim=1, keepdim=True))


def test_small_cnn_is_small():
    assert 300_000 < sum(weight.numel() for weight in SmallCnn().parameters()) < 600_000


@pytest.mark.parametrize("name", sorted(HEADS))
class TestHeads:
    def test_logits_in_float32_under_autocast_too(self, name):
        head = build(HEADS, name, "head", {}, width=16, num_labels=5)
        with torch.autocast("cpu", torch.bfloat16):
            logits = head(torch.randn(3, 16, 7).bfloat16())

        assert logits.shape == (3, 5)
        assert logits.dtype == torch.float32

    def test_gradients_reach_the_frames_and_every_weight(self, name):
        head = build(HEADS, name, "head", {}, width=16, num_labels=5)
        nn.init.normal_(next(head.parameters()))
        frames = torch.randn(3, 16, 7, requires_grad=True)
        head(frames).square().sum().backward()

        assert frames.grad.abs().min() > 0
        assert all(weight.grad is not None for weight in head.parameters())

    def test_one_frame_is_enough(self, name):
        assert torch.isfinite(build(HEADS, name, "head", {}, width=16, num_labels=5)(torch.randn(1, 16, 1))).all()

    def test_dropout_is_silent_outside_training(self, name):
        head = build(HEADS, name, "head", {"dropout": 0.5}, width=16, num_labels=5)
        frames = torch.randn(2, 16, 7)

        assert not torch.equal(head(frames), head(frames))
        assert torch.equal(head.eval()(frames), head(frames))


def test_attention_begins_as_a_mean_and_follows_its_weights():
    head = HEADS["ATTENTION_HEAD"](width=2, num_labels=1)
    with torch.no_grad():
        head.score.weight.copy_(torch.tensor([[[1.0], [0.0]]]))
        head.score.bias.zero_()
    frames = torch.tensor([[[1.0, 5.0, 3.0], [0.0, 1.0, 0.0]]])
    assert head(frames).item() == pytest.approx(3.0)

    with torch.no_grad():
        head.attention.weight.copy_(torch.tensor([[[0.0], [50.0]]]))
    assert head(frames).item() == pytest.approx(5.0)


@pytest.mark.parametrize(("name", "expected"), [("MEAN", [0.4, 0.0]), ("MAX", [0.6, 0.0]), ("SOFT", [0.5, 0.0])])
def test_poolings(name, expected):
    assert POOLINGS[name](torch.tensor([[0.2, 0.0], [0.6, 0.0]])).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("name", sorted(POOLINGS))
def test_one_window_is_the_clip(name):
    assert POOLINGS[name](torch.tensor([[0.25, 0.75]])).tolist() == pytest.approx([0.25, 0.75])
