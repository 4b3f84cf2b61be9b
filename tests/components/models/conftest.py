"""timm itself, to compare with."""

import pytest

from components.torch_builds import match_builds


@pytest.fixture
def timm():
    match_builds()
    import timm

    return timm
