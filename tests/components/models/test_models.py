"""Every backbone, head and pooling on the menus keeps its contract."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from components.errors import ConfigError
from components.menus import build
from components.models import HEADS, MODELS, POOLINGS, SmallCnn, accepted_input
from tests.components.models.shrunk import SHRUNK, inputs_of, made


@pytest.mark.parametrize("name", sorted(MODELS))
class TestBackbones:
    def test_width_by_frames_in_finite_numbers(self, name):
        backbone = made(name)
        frames = backbone(inputs_of(backbone))

        assert backbone.accepts is accepted_input(name)
        assert frames.shape[:2] == (2, backbone.width)
        assert frames.shape[2] >= 4
        assert torch.isfinite(frames).all()

    def test_any_height_and_length(self, name):
        backbone = made(name).eval()
        with torch.inference_mode():
            assert backbone(inputs_of(backbone, 1, bands=128, frames=33)).shape[:2] == (1, backbone.width)
            assert backbone(inputs_of(backbone, 1, bands=40, frames=1, samples=1)).shape[:2] == (1, backbone.width)

    def test_gradients_reach_every_weight(self, name):
        backbone = made(name)
        backbone(inputs_of(backbone)).square().sum().backward()

        learning = [weight for weight in backbone.parameters() if weight.requires_grad]
        assert learning
        assert all(weight.grad is not None and torch.isfinite(weight.grad).all() for weight in learning)

    def test_same_seed_same_weights_and_the_input_is_left_untouched(self, name):
        first, second = made(name).eval(), made(name).eval()
        inputs = inputs_of(first)
        before = inputs.clone()

        assert torch.equal(first(inputs), second(inputs))
        assert torch.equal(inputs, before)

    def test_weights_come_from_a_file(self, name, tmp_path):
        saved = made(name)
        with torch.no_grad():
            for weight in saved.parameters():
                weight.add_(0.01)
        save_file({f"backbone.{key}": tensor.contiguous() for key, tensor in saved.state_dict().items()}, tmp_path / "model.safetensors")
        loaded = made(name, pretrained=str(tmp_path))

        assert all(torch.equal(ours, theirs) for ours, theirs in zip(loaded.parameters(), saved.parameters(), strict=True))

    def test_other_weights_are_refused(self, name, tmp_path):
        save_file({"something": torch.zeros(3)}, tmp_path / "other.safetensors")
        with pytest.raises(ConfigError, match=r"does not fit .* tensors are missing or of another shape, the first .* .missing, "):
            made(name, pretrained=str(tmp_path / "other.safetensors"))


@pytest.mark.parametrize("name", sorted(name for name, params in SHRUNK.items() if "depth" in params))
def test_a_wrong_depth_is_refused(name):
    with pytest.raises(ConfigError, match=r"depth 0 and width .* must be above 0"):
        made(name, depth=0)


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


def test_attention_tells_each_frames_logits():
    head = HEADS["ATTENTION_HEAD"](width=16, num_labels=5)
    frames = torch.randn(3, 16, 7)
    logits, weights = head.frame_logits(frames)

    assert logits.shape == weights.shape == (3, 5, 7)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, 5))
    torch.testing.assert_close(head(frames), (weights * logits).sum(dim=-1))
    torch.testing.assert_close(logits[:, :, 2], head(frames[:, :, 2:3]))


def test_a_deep_head_divides_what_a_plane_cannot():
    """Exclusive or: a linear head stays at chance, two hidden layers learn it."""
    corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]) - 0.5
    frames, targets = torch.cat([corners, corners.flip(1)], dim=1)[:, :, None], torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    reached = {}
    for name, params in (("LINEAR", {}), ("DEEP_HEAD", {"hidden": 16, "dropout": 0.0})):
        torch.manual_seed(0)
        head = HEADS[name](width=4, num_labels=1, **params)
        optimizer = torch.optim.Adam(head.parameters(), lr=0.03)
        for _ in range(100):
            optimizer.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(head(frames), targets)
            loss.backward()
            optimizer.step()
        reached[name] = loss.item()

    assert reached["LINEAR"] == pytest.approx(0.693, abs=0.01)
    assert reached["DEEP_HEAD"] < 0.1


@pytest.mark.parametrize(("name", "expected"), [("MEAN", [0.4, 0.0]), ("MAX", [0.6, 0.0]), ("SOFT", [0.5, 0.0])])
def test_poolings(name, expected):
    assert POOLINGS[name](torch.tensor([[0.2, 0.0], [0.6, 0.0]])).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("name", sorted(POOLINGS))
def test_one_window_is_the_clip(name):
    assert POOLINGS[name](torch.tensor([[0.25, 0.75]])).tolist() == pytest.approx([0.25, 0.75])


def test_a_width_that_onednn_cannot_train_is_refused() -> None:
    for widths in ((4, 8), ()):
        with pytest.raises(ConfigError, match=r"model.params.widths must be 8 or more each"):
            SmallCnn(widths=widths)
