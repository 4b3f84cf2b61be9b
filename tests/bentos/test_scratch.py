"""A file that a client sent, in memory or on the disk."""

import numpy as np
import pytest

from bentos.scratch import IN_MEMORY, NamedFile, Scratch
from components.audio import load
from tests.fixtures.sounds import encoded, noise


@pytest.mark.parametrize("seconds", [1, 30])
def test_it_is_decoded_where_it_lies(seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """soundfile fills its own array if it can, and else copies what it is given."""
    content = encoded(np.stack([noise(seconds, 44100, seed=1)] * 2, axis=1), 44100, subtype="PCM_16")
    assert (len(content) > IN_MEMORY) == (seconds == 30)
    with NamedFile("clip.wav", Scratch()) as file:
        file.write(content)
        monkeypatch.setattr(NamedFile, "read", None)
        assert np.array_equal(load(file, 22050).samples, load(content, 22050).samples)
