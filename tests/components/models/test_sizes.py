"""Every backbone in its full size, built without weights, has as many parameters as were published."""

import pytest
import torch

from components.errors import ConfigError
from components.models import MODELS, TimmBackbone, build_backbone

IMAGENET = 1000
TORCHVISION = "num_params in pytorch.org/vision/stable/models, of {}_Weights.IMAGENET1K_V1"


def linear(width, classes=IMAGENET):
    return width * classes + classes


# name: (published, parameters of the published classifier, which a backbone leaves out, source)
PUBLISHED = {
    "AST": (86.6e6, linear(768, 527), "size of huggingface.co/MIT/ast-finetuned-audioset-10-10-0.4593, rounded"),
    "CONVNEXT_BASE": (88_591_464, linear(1024), TORCHVISION.format("ConvNeXt_Base")),
    "CONVNEXT_LARGE": (197_767_336, linear(1536), TORCHVISION.format("ConvNeXt_Large")),
    "CONVNEXT_SMALL": (50_223_688, linear(768), TORCHVISION.format("ConvNeXt_Small")),
    "CONVNEXT_TINY": (28_589_128, linear(768), TORCHVISION.format("ConvNeXt_Tiny")),
    "EFFICIENT_NET_V2_L": (118_515_272, linear(1280), TORCHVISION.format("EfficientNet_V2_L")),
    "EFFICIENT_NET_V2_M": (54_139_356, linear(1280), TORCHVISION.format("EfficientNet_V2_M")),
    "EFFICIENT_NET_V2_S": (21_458_488, linear(1280), TORCHVISION.format("EfficientNet_V2_S")),
    "MOBILENET_V3_LARGE": (5_483_032, linear(960, 1280) + linear(1280), TORCHVISION.format("MobileNet_V3_Large")),
    "MOBNET": (2 * 2_542_856, 2 * (linear(576, 1024) + linear(1024)), TORCHVISION.format("MobileNet_V3_Small") + ", a trunk a label"),
    "RESNEXT101_32X8D": (88_791_336, linear(2048), TORCHVISION.format("ResNeXt101_32X8D")),
    "RESNEXT101_64X4D": (83_455_272, linear(2048), TORCHVISION.format("ResNeXt101_64X4D")),
    "RESNEXT50_32X4D": (25_028_904, linear(2048), TORCHVISION.format("ResNeXt50_32X4D")),
    # A vector that masks the input in training, which is off here, and the letters of the fine-tuned model.
    "WAV2VEC": (94.3965e6, 768 + linear(768, 32), "MParams of wav2vec2-base, docs.openvino.ai/nightly/omz_models_model_wav2vec2_base.html"),
    # Seven convolutions without bias, 512 channels, and a group norm after the first.
    "WAV2VEC_CNN": (512 * 10 + 512 * 512 * (4 * 3 + 2 * 2) + 2 * 512, 0, "kernels 10,3,3,3,3,2,2 in wav2vec 2.0, arXiv:2006.11477, 4.2"),
}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_parameters_as_published(name):
    published, classifier, source = PUBLISHED[name]
    with torch.device("meta"):
        backbone = build_backbone(name, {}, in_channels=1 if name == "AST" else 3, num_labels=2, pretrained="none")
    counted = sum(weight.numel() for weight in backbone.parameters()) + classifier

    assert all(weight.device.type == "meta" for weight in backbone.parameters())
    assert counted == pytest.approx(published, rel=1e-3 if "rounded" in source else 1e-5 if "MParams" in source else 0), source


def test_every_backbone_of_others_is_in_the_table():
    assert set(MODELS) - set(PUBLISHED) <= {"SMALL_CNN", "AISFX_CNN9"}  # ours, and one that has a checkpoint to compare with


@pytest.mark.parametrize("name", ["CONVNEXT_TINY", "RESNEXT50_32X4D", "WAV2VEC"])
def test_depth_and_width_change_the_size(name):
    def count(**params):
        with torch.device("meta"):
            return sum(weight.numel() for weight in build_backbone(name, params, in_channels=1, pretrained="none").parameters())

    assert count(depth=0.5) < count() < count(depth=2)
    assert count(width=0.5) < count() < count(width=2)


def test_one_channel_in_is_not_three():
    with torch.device("meta"):
        first = build_backbone("CONVNEXT_TINY", {}, in_channels=1, pretrained="none").trunk.stem[0]
    assert first.weight.shape == (96, 1, 4, 4)


class TestOtherNamesOfTimm:
    @pytest.mark.parametrize("name", ["resnet10t", "ResNet10T", "vit_tiny_patch16_224", "mobilevitv2-050"])
    def test_a_name_off_the_menu(self, name):
        backbone = build_backbone(name, {}, in_channels=2, num_labels=3, pretrained="none").eval()
        with torch.inference_mode():
            frames = backbone(torch.randn(1, 2, 40, 75))

        assert frames.shape[:2] == (1, backbone.width)
        assert frames.shape[2] >= 3

    def test_frames_of_a_transformer_are_in_order_of_time(self):
        """A sound in the last third changes the last frames more than the first ones."""
        backbone = build_backbone("vit_tiny_patch16_224", {"options": {"depth": 1}}, in_channels=1, pretrained="none").eval()
        silence = torch.zeros(1, 1, 64, 192)
        sound = silence.clone()
        sound[..., 128:] = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            change = (backbone(sound) - backbone(silence)).square().mean(dim=1)[0]

        assert change.shape == (12,)
        assert change[8:].min() > change[:8].max()

    def test_an_unknown_name_has_a_nearest(self):
        with pytest.raises(
            ConfigError, match=r"unknown model 'resnet51' .did you mean 'RESNET51Q'..; choose one of: AISFX_CNN9, AST, .*any name of timm's"
        ):
            build_backbone("resnet51", {}, in_channels=1, pretrained="none")

    def test_a_network_of_one_picture_size_is_refused(self):
        with pytest.raises(ConfigError, match="mixer_s32_224 takes pictures of one size only: choose a network"):
            TimmBackbone("mixer_s32_224")

    def test_a_wrong_option_and_a_size_that_there_is_not(self):
        with pytest.raises(ConfigError, match=r"model.params: resnet10t cannot be made so .*widths"):
            TimmBackbone("resnet10t", options={"widths": 3})
        with pytest.raises(ConfigError, match="resnet10t has one size only: leave depth and width out"):
            TimmBackbone("resnet10t", depth=0.5)
        with pytest.raises(ConfigError, match="mobilenetv3_large_100 has one width only"):
            TimmBackbone("mobilenetv3_large_100", width=0.5)
        with pytest.raises(ConfigError, match="model MOBNET: size must be small or large, got 'huge'"):
            build_backbone("MOBNET", {"size": "huge"}, in_channels=1, num_labels=2, pretrained="none")
