"""Which clips of a period that drifted are there to listen to."""

import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from components.labels import IRMAS
from components.monitoring.drift import drift
from components.monitoring.listen import sounds
from components.monitoring.report import Watched, report
from components.watch_config import DriftConfig
from tests.fixtures.sounds import encoded, sine


@pytest.fixture
def frames(tmp_path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A reference, and a period that is 20 dB quieter, the audio of whose every other clip is kept."""
    rng = np.random.default_rng(0)
    path = tmp_path / "kept"
    path.write_bytes(encoded(sine(440, 12.0, 22050), 22050))
    reference = pd.DataFrame({"loudness_lufs": rng.normal(-18, 2, 200)})
    current = pd.DataFrame({"loudness_lufs": rng.normal(-38, 2, 200), "decision_pia": 1, "at": pd.Timestamp("2026-11-29", tz="UTC")})
    current["audio_uri"] = [str(path) if place % 2 else None for place in range(200)]
    return reference, current


def test_typical_clips_and_far_ones_are_heard(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    reference, current = frames
    verdict = drift(reference, current, IRMAS, DriftConfig())
    found = sounds(reference, current, IRMAS, verdict)
    assert [one.title for one in found] == ["typical of what changed"] * 3 + ["farthest from the reference"] * 3
    assert found[0].told == "2026-11-29 00:00:00, heard: piano"
    waveform, rate = soundfile.read(io.BytesIO(base64.b64decode(found[0].ogg)))
    assert len(waveform) == 10 * rate
    page = report(verdict, reference, current, IRMAS, Watched("a", "b" * 64), DriftConfig(), heard=found)
    assert page.count("<audio") == 6


def test_without_drift_or_audio_there_is_nothing_to_hear(frames: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path) -> None:
    reference, current = frames
    verdict = drift(reference, current, IRMAS, DriftConfig())
    assert sounds(reference, current.drop(columns="audio_uri"), IRMAS, verdict) == []
    assert sounds(reference, current.assign(audio_uri=str(tmp_path / "gone")), IRMAS, verdict) == []
    calm = current.assign(loudness_lufs=reference["loudness_lufs"])
    assert sounds(reference, calm, IRMAS, drift(reference, calm, IRMAS, DriftConfig())) == []
