"""Lets torchvision and torchaudio import beside a torch of another build.

The registry's torchvision and torchaudio are CUDA builds; beside a CPU torch their C extensions do not load, which breaks the
imports of timm, Lightning and torchmetrics too, though none of them needs what is in there. Call `match_builds()` before those
imports. It does nothing where the extensions load.
"""

import importlib.util
import sys
import types
from pathlib import Path

import torch

_OPERATORS = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


def match_builds() -> None:
    """Stand in for the compiled extensions that this torch cannot load; a second call changes nothing."""
    if torch.version.cuda is not None:
        return
    if not _loads("torchvision", "_C.*"):
        _define_vision_operators()
    if not _loads("torchaudio", "lib/_torchaudio*"):
        _silence_audio_extension()


def _loads(package: str, pattern: str) -> bool:
    """Whether the package's extension loads here; a package that is absent or has none needs no stand-in."""
    spec = importlib.util.find_spec(package)
    libraries = sorted(Path(spec.origin).parent.glob(pattern)) if spec and spec.origin else []
    try:
        for library in libraries:
            torch.ops.load_library(library)  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return True


def _define_vision_operators() -> None:
    for name, signature in _OPERATORS.items():
        if not hasattr(torch.ops.torchvision, name):
            torch.library.define(f"torchvision::{name}", signature)


def _silence_audio_extension() -> None:
    stub = types.ModuleType("torchaudio._extension")
    stub.__dict__.update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        _check_cuda_version=lambda: None,
        fail_if_no_align=lambda function: function,
    )
    sys.modules.setdefault(stub.__name__, stub)
