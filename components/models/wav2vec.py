"""WAV2VEC and WAV2VEC_CNN: wav2vec 2.0 on the waveform, whole or its convolutional encoder alone, from transformers."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from components.model_input import ModelInputDataType
from components.models.pretrained import fetch, fill, read_weights
from components.models.transformers_models import check_config, configured, library, loaded, scaled

HUB = "facebook/wav2vec2-base"
SHORTEST = 400  # samples that the convolutional encoder needs for a frame: 25 ms at 16 kHz
_ENCODER = ("conv_dim", "conv_stride", "conv_kernel", "conv_bias", "feat_extract_norm")
_FIXED = (*_ENCODER, "hidden_size", "num_hidden_layers", "num_attention_heads", "do_stable_layer_norm")


class Wav2Vec(nn.Module):
    """[batch, time] -> [batch, width, frame], a frame each 20 ms at 16 kHz: convolutions, then a transformer (arXiv:2006.11477).

    Its random masking of the input is off: `augmentations` say what is drawn, from the run's seed.
    """

    accepts = ModelInputDataType.WAVEFORM

    def __init__(
        self,
        pretrained: str = "none",
        depth: float = 1.0,
        width: float = 1.0,
        freeze_encoder: bool = True,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Args:
            pretrained: hub, none, or a path.
            depth: share of the 12 transformer blocks.
            width: share of the 12 heads of 64 channels and of the encoder's 512 channels.
            freeze_encoder: keep the convolutions as they are, as the paper's fine-tuning does.
            options: other fields of transformers' Wav2Vec2Config, for other published sizes.
        Raises:
            ConfigError: if the weights cannot be had or do not fit, or transformers is not installed.
        """
        super().__init__()
        transformers = library()
        config = _configured("WAV2VEC", depth, width, options)
        tensors = _tensors(pretrained, config, "WAV2VEC", _FIXED)
        ours = any(key.startswith("trunk.") for key in tensors)
        if tensors and not ours:
            self.trunk = loaded(transformers.Wav2Vec2Model, config, tensors, "WAV2VEC", pretrained)
        else:
            self.trunk = transformers.Wav2Vec2Model(config)
        if ours:
            fill(self, tensors, "WAV2VEC", pretrained)
        self.width = int(config.hidden_size)
        if freeze_encoder:
            self.trunk.freeze_feature_encoder()

    def forward(self, inputs: Tensor) -> Tensor:
        frames: Tensor = self.trunk(_long_enough(inputs)).last_hidden_state
        return frames.transpose(1, 2)


class Wav2VecCnn(nn.Module):
    """[batch, time] -> [batch, 512, frame], a frame each 20 ms at 16 kHz, which the head pools: seven convolutions (arXiv:2006.11477)."""

    accepts = ModelInputDataType.WAVEFORM

    def __init__(self, pretrained: str = "none", width: float = 1.0, options: Mapping[str, Any] | None = None) -> None:
        """
        Args:
            pretrained: hub, none, or a path, of a whole wav2vec 2.0 or of its encoder.
            width: share of the 512 channels.
            options: other fields of transformers' Wav2Vec2Config.
        Raises:
            ConfigError: if the weights cannot be had or do not fit, or transformers is not installed.
        """
        super().__init__()
        config = _configured("WAV2VEC_CNN", 1.0, width, options)
        tensors = _tensors(pretrained, config, "WAV2VEC_CNN", _ENCODER)
        library()
        from transformers.models.wav2vec2.modeling_wav2vec2 import Wav2Vec2FeatureEncoder

        self.trunk = Wav2Vec2FeatureEncoder(config)  # type: ignore[no-untyped-call] # transformers annotates its models in part
        self.width = int(config.conv_dim[-1])
        if tensors:
            fill(self.trunk, {_encoder_key(key): tensor for key, tensor in tensors.items()}, "WAV2VEC_CNN", pretrained)

    def forward(self, inputs: Tensor) -> Tensor:
        frames: Tensor = self.trunk(_long_enough(inputs))
        return frames


def _configured(name: str, depth: float, width: float, options: Mapping[str, Any] | None) -> Any:
    channels = 16 * max(1, round(512 * width / 16))
    fields = {"conv_dim": (channels,) * 7, "mask_time_prob": 0.0, "mask_feature_prob": 0.0, "layerdrop": 0.0}
    return configured(library().Wav2Vec2Config, name, options, **scaled(depth, width), **fields)


def _tensors(pretrained: str, config: Any, name: str, fields: tuple[str, ...]) -> dict[str, Tensor]:
    if pretrained == "none":
        return {}
    check_config(pretrained, config, name, fields)
    return read_weights(fetch(HUB, name) if pretrained == "hub" else pretrained)


def _encoder_key(key: str) -> str:
    return key.removeprefix("trunk.").removeprefix("wav2vec2.").removeprefix("feature_extractor.")


def _long_enough(waveforms: Tensor) -> Tensor:
    return nn.functional.pad(waveforms, (0, max(0, SHORTEST - waveforms.shape[-1])))
