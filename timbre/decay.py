"""A simulated decay: a stream of clips that changes at known times goes through a real service, its log and the drift report."""

import contextlib
import csv
import io
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.errors import DataError, TimbreError
from components.monitoring.look import Look, look
from components.registry import Card, Registry
from components.registry.predictions import Predictions
from components.watch_config import DriftConfig
from timbre.client import Client

SAMPLE = Path("data/sample")
CLIPS, TOGETHER = 120, 12  # of a period; of a request
START_S, LOG_S, STOP_S = 120.0, 60.0, 30.0
Waveform = npt.NDArray[np.float32]
Treat = Callable[[Waveform, int, np.random.Generator], Waveform]


@dataclass(frozen=True)
class Phase:
    """A stretch of the stream.

    Attributes:
        title: what changed, for people; empty where nothing did.
        labels: each clip has one of these, where any are named.
        format: as soundfile calls it.
    """

    title: str = ""
    treat: Treat = lambda waveform, _rate, _rng: waveform
    labels: frozenset[str] = frozenset()
    format: str = "WAV"


@dataclass(frozen=True)
class Outcome:
    """What became of a phase: when it began, and what was seen once its clips were logged."""

    phase: Phase
    began: datetime
    seen: datetime
    found: Look

    @property
    def right(self) -> bool:
        """A change was found, or none was where there is none."""
        return (self.found.verdict.state == "drift") == bool(self.phase.title)


def quieter(waveform: Waveform, _rate: int, _rng: np.random.Generator) -> Waveform:
    """By 20 dB."""
    return waveform * np.float32(0.1)


def noisy(waveform: Waveform, _rate: int, rng: np.random.Generator) -> Waveform:
    """White noise 10 dB below the clip's own power."""
    power = float(np.mean(np.square(waveform))) / 10
    return waveform + rng.normal(0, power**0.5, waveform.shape).astype(np.float32)


def telephone(waveform: Waveform, rate: int, _rng: np.random.Generator) -> Waveform:
    """Nothing above 3.4 kHz is left."""
    from scipy.signal import butter, sosfilt

    return np.asarray(sosfilt(butter(8, 3400, fs=rate, output="sos"), waveform, axis=0), np.float32)


PHASES = (
    Phase(),
    Phase("other instruments: a piano in each clip", labels=frozenset({"pia"})),
    Phase(),
    Phase("20 dB quieter", quieter),
    Phase("noise, 10 dB below the music", noisy),
    Phase("a telephone's codec", telephone, format="MP3"),
    Phase(),
)


def stream(phase: Phase, clips: int, rng: np.random.Generator, sample: Path = SAMPLE) -> list[bytes]:
    """Files of as many clips of the sample's test and val splits, in another order and each a shade louder or softer.

    Raises:
        DataError: if the sample is not here.
    """
    import soundfile

    songs = [song for song in _songs(sample) if not phase.labels or phase.labels & set(song["labels"].split(";"))]
    order = np.concatenate([rng.permutation(len(songs)) for _ in range(-(-clips // len(songs)))])[:clips]
    made = []
    for number in order:
        waveform, rate = soundfile.read(sample / songs[number]["file"], dtype="float32", always_2d=True)
        waveform = phase.treat(waveform, rate, rng) * np.float32(10 ** (rng.uniform(-0.5, 0) / 20))
        file = io.BytesIO()
        soundfile.write(file, np.clip(waveform, -1, 1), rate, format=phase.format)
        made.append(file.getvalue())
    return made


def decay(
    home: Path,
    config: DriftConfig,
    phases: Sequence[Phase] = PHASES,
    clips: int = CLIPS,
    environment: Mapping[str, str] = os.environ,
) -> Iterator[Outcome]:
    """Serve the production tagger, send it each phase, and look after each.

    Args:
        home: an empty or new folder for the log of this stream alone.
        environment: of the registry that is served.
    Raises:
        RegistryError: if nothing is in production.
        DataError: if the sample is not here, or the service does not start.
    """
    url = f"sqlite:///{(home / 'timbre.db').absolute()}"
    home.mkdir(parents=True, exist_ok=True)
    with Registry.look() as registry:
        model = registry.find()
        root = registry.root
    with Registry(url, root) as own:
        own.adopt(model.digest, Card(model.split, model.data_digest, dict(model.eval_metrics), {}), "decay")
        own.promote(model.digest, "decay", "the tagger of the simulation")
    rng = np.random.default_rng(0)
    with (
        _served({**environment, "TIMBRE_DATABASE_URL": url, "TIMBRE_LOG_AUDIO": str((home / "audio").absolute())}, home) as client,
        Registry(url, root) as own,
    ):
        log = Predictions(own.database)
        for phase in phases:
            files, began, before = stream(phase, clips, rng), log.clock(), log.count(model.digest)
            for first in range(0, clips, TOGETHER):
                client.predict(files[first : first + TOGETHER])
            _until(lambda: log.count(model.digest) >= before + clips, LOG_S, "the log")  # noqa: B023 - asked at once
            yield Outcome(phase, began, log.clock(), look("production", began.isoformat(), None, config, url))


@contextlib.contextmanager
def _served(environment: Mapping[str, str], home: Path) -> Iterator[Client]:
    """`timbre serve` on a free port, for as long as the block lasts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "timbre", "serve", "--port", str(port)]
    given = {**environment, "TIMBRE_AUTH": "off", "TIMBRE_PAGE": "false"}
    with (home / "service.log").open("w") as written, subprocess.Popen(command, env=given, stdout=written, stderr=written) as process:
        try:
            with Client(f"http://127.0.0.1:{port}") as client:
                _until(lambda: _answers(client, process), START_S, f"the service ({home / 'service.log'})")
                yield client
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
            process.kill()


def _answers(client: Client, process: "subprocess.Popen[bytes]") -> bool:
    if process.poll() is not None:
        raise DataError(f"the service ended with {process.returncode} before it answered")
    try:
        return bool(client.models())
    except TimbreError:
        return False


def _until(done: Callable[[], bool], within_s: float, what: str) -> None:
    last = time.monotonic() + within_s
    while not done():
        if time.monotonic() > last:
            raise DataError(f"{what} has not come within {within_s:g} s")
        time.sleep(0.2)


def _songs(sample: Path) -> list[dict[str, str]]:
    try:
        with (sample / "songs.csv").open(newline="") as file:
            return [song for song in csv.DictReader(file) if song["split"] != "train"]
    except FileNotFoundError:
        raise DataError(f"{sample} is not here: dvc pull data.dvc brings it") from None
