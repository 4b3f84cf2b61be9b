import subprocess
import sys

import pytest
import torch

from components import torch_builds


def test_the_packages_import_after_the_call() -> None:
    twice = "from components.torch_builds import match_builds; match_builds(); match_builds()"
    code = f"{twice}; import torchvision, torchaudio, timm, lightning"
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_nothing_happens_where_torch_has_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch_builds, "_loads", lambda *_: pytest.fail("looked for extensions"))
    torch_builds.match_builds()


def test_nothing_happens_where_the_extensions_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch_builds, "_loads", lambda *_: True)
    monkeypatch.setattr(torch_builds, "_define_vision_operators", lambda: pytest.fail("stood in for torchvision"))
    monkeypatch.setattr(torch_builds, "_silence_audio_extension", lambda: pytest.fail("stood in for torchaudio"))
    torch_builds.match_builds()


def test_a_package_without_an_extension_needs_no_stand_in() -> None:
    assert torch_builds._loads("no_such_package", "*")
