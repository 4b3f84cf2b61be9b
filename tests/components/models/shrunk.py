"""Each backbone in a small, same-shaped form, and inputs that it takes."""

import torch

from components.model_input import ModelInputDataType
from components.models import build_backbone

BANDS, FRAMES, SAMPLES = 64, 130, 8000
TWELFTH = 1 / 12  # one of the twelve blocks and heads of a base transformer

SHRUNK = {
    "AST": {"depth": TWELFTH, "width": TWELFTH},
    **{f"CONVNEXT_{size}": {"depth": 0.1, "width": 0.125} for size in ("TINY", "SMALL", "BASE", "LARGE")},
    **{f"EFFICIENT_NET_V2_{size}": {"depth": 0.1, "width": 0.25} for size in "SML"},
    **{name: {"depth": 0.3} for name in ("MOBILENET_V3_LARGE", "MOBNET")},
    **{name: {"depth": 0.1, "width": 0.25} for name in ("RESNEXT50_32X4D", "RESNEXT101_32X8D", "RESNEXT101_64X4D")},
    "WAV2VEC": {"depth": TWELFTH, "width": TWELFTH},
    "WAV2VEC_CNN": {"width": TWELFTH},
}


def made(name, pretrained="none", **params):
    """A shrunk backbone for two labels, the same at every call."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_backbone(name, {**SHRUNK.get(name, {}), **params}, in_channels=1, num_labels=2, pretrained=pretrained)


def inputs_of(backbone, batch=2, bands=BANDS, frames=FRAMES, samples=SAMPLES):
    generator = torch.Generator().manual_seed(1)
    if backbone.accepts is ModelInputDataType.IMAGE:
        return torch.randn(batch, 1, bands, frames, generator=generator)
    return torch.randn(batch, samples, generator=generator)
