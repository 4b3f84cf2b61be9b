"""The simulated decay with a real service: a change is found in its first period, and nothing where there is none."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from components.audio import load_with_header
from components.audio.facts import facts_of
from components.evaluation.reference import REFERENCE
from components.labels import IRMAS
from components.registry import Decision, Registry
from components.registry.predictions import Predictions
from components.tagger import Tagger, attach
from components.watch_config import DriftConfig
from tests.fixtures.running import card, small_tagger, until
from timbre.decay import SAMPLE, Phase, decay, quieter

pytestmark = pytest.mark.slow
HOUSE = Path(__file__).parents[2]


def reference_of(tagger: Tagger) -> pd.DataFrame:
    """What the tagger's judgement on the sample's test split would have left."""
    facts, clips = [], []
    for path in sorted(SAMPLE.glob("test/**/*.ogg")):
        clip, header = load_with_header(path, tagger.sample_rate)
        about = {"duration_s": header.duration_s, "sample_rate": float(header.sample_rate), "channels": float(header.channels)}
        facts.append(about | asdict(facts_of(clip, tagger.sample_rate)))
        clips.append(clip)
    heard = list(tagger.score_clips(iter(clips)))
    scores, codes = np.stack([one.clip for one in heard]), tagger.label_set.codes
    columns: dict[str, object] = {f"score_{code}": scores[:, place] for place, code in enumerate(codes)}
    columns |= {f"decision_{code}": (scores[:, place] >= 0.5).astype(np.int8) for place, code in enumerate(codes)}
    embeddings = np.stack([one.embedding for one in heard])
    columns |= {f"embedding_{place:02d}": embeddings[:, place] for place in range(embeddings.shape[1])}
    return pd.concat([pd.DataFrame(facts, dtype=np.float64), pd.DataFrame(columns)], axis=1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a registry that has a tagger in production."""
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path}/own.db")
    monkeypatch.setenv("TIMBRE_MODELS", str(tmp_path / "models"))
    folder = small_tagger(tmp_path / "sealed", labels=IRMAS)
    reference_of(Tagger.open(folder)).to_parquet(tmp_path / REFERENCE)
    attach(folder, REFERENCE, tmp_path / REFERENCE)
    with Registry() as registry:
        registry.register(folder, card(), lambda _: Decision(True, "a test"), who="test")
    return tmp_path


def test_a_change_is_found_and_its_end_too(home: Path) -> None:
    phases = (Phase(), Phase("20 dB quieter", quieter), Phase())
    found = list(decay(home / "stream", DriftConfig(), phases, clips=120))
    assert [one.found.verdict.state for one in found] == ["no drift", "drift", "no drift"]
    assert all(one.right and one.began < one.seen for one in found)
    assert {"loudness_lufs", "peak_db"} <= {one.check.name for one in found[1].found.verdict.findings}
    assert found[1].found.page.count("<audio") == 6
    with Registry() as registry:  # its log is its own
        assert Predictions(registry.database).count() == 0


@pytest.fixture
def demo(home: Path) -> Iterator["subprocess.Popen[str]"]:
    """`timbre drift demo`, in a folder of its own."""
    (home / "data").symlink_to(HOUSE / "data")
    command, given = [sys.executable, "-m", "timbre", "drift", "demo"], {**os.environ, "PYTHONPATH": str(HOUSE)}
    with subprocess.Popen(command, cwd=home, env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        yield process
        process.kill()


def test_a_demo_that_is_stopped_takes_its_service_along(demo: "subprocess.Popen[str]") -> None:
    def serving() -> "list[psutil.Process] | None":
        started = psutil.Process(demo.pid).children(recursive=True)
        return started if len(started) > 1 else None  # BentoML's own process, and one that takes requests

    started = until(serving, 120)
    demo.send_signal(signal.SIGTERM)
    assert demo.wait(60) == 128 + signal.SIGTERM
    assert psutil.wait_procs(started, timeout=60)[1] == []
