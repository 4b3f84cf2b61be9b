"""What a step of the pipeline takes for each clip, in a process of its own: time, and memory at its highest.

    python tests/benchmarks/step_costs.py validate 'FOLDER/*.csv'

prints JSON; scale_on_paper.py asks for it. Each CSV has a column a label, and the files beside it. TIMBRE_STORE names a store of its own,
in which `featurize` and `open_store` find what the step before them has left.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded

from components.config import AudioConfig, DataConfig
from components.datasets import build_manifest
from components.store import StoreRef, build_store, open_store
from components.validation import validate as check
from steps.refs import ManifestRef
from tests.fixtures.sounds import encoded, noise

FEW, MANY = 2_000, 10_000
FEWER, MOST = 8_000, 24_000  # the fewest fill a shard, as the last ones do
SHORT_S, SHORT_RATE, HEADER_BYTES = 0.12, 8000, 44
Item = TypeVar("Item")


@dataclass
class Watch:
    """A progress bar that measures how long what it shows has taken, and how much CPU."""

    took_s: float = 0.0
    cpu_s: float = 0.0

    def __call__(self, items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
        start, cpu = time.perf_counter(), time.process_time()
        yield from items
        self.took_s, self.cpu_s = self.took_s + time.perf_counter() - start, self.cpu_s + time.process_time() - cpu


@dataclass(frozen=True)
class Validating:
    """What `validate` takes for each clip: ms of CPU without looking at its file, bytes of `build_manifest` at its highest."""

    rest_ms: float
    nbytes: float


def peak_bytes() -> int:
    """The most memory that this process has had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def validate(pattern: str) -> dict[str, Any]:
    """What the step does; the check suites come after `build_manifest`."""
    data, watch, cpu = DataConfig(train=(f"csv:{pattern}",)), Watch(), time.process_time()
    gathered = build_manifest(data, "CSV", AudioConfig(), progress=watch)
    listing_s, built = time.process_time() - cpu - watch.cpu_s, time.process_time()
    found = {"listing_s": listing_s, "looking_s": watch.took_s, "manifest_peak": peak_bytes()}
    check(gathered, data).require()
    kept = ManifestRef.keep(gathered.manifest)
    return {**found, "suites_s": time.process_time() - built, "peak": peak_bytes(), "left": kept.digest}


def featurize(digest: str) -> dict[str, Any]:
    """What the step does."""
    built = build_store(ManifestRef(digest=digest).open(), AudioConfig())
    return {"peak": peak_bytes(), "left": built.ref.model_dump_json()}


def opened(ref: str) -> dict[str, Any]:
    """What train, evaluate and register begin with."""
    clips = open_store(StoreRef.model_validate_json(ref))
    return {"peak": peak_bytes(), "clips": len(clips)}


def apart(step: str, what: str, store: Path) -> dict[str, Any]:
    """A step in a new process; what it printed."""
    command, environment = [sys.executable, __file__, step, what], {**os.environ, "TIMBRE_STORE": str(store)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def short_clips(folder: Path) -> list[Path]:
    """Many files that hold little, for what a clip takes whatever its length."""
    length = round(SHORT_S * SHORT_RATE)
    header = encoded(noise(SHORT_S, SHORT_RATE), SHORT_RATE)[:HEADER_BYTES]
    sound = encoded(noise((length + MOST) / SHORT_RATE, SHORT_RATE), SHORT_RATE)[HEADER_BYTES:]
    paths = [folder / f"{place:08d}.wav" for place in range(MOST)]
    for place, path in enumerate(paths):
        path.write_bytes(header + sound[2 * place : 2 * (place + length)])
    return paths


def write_csvs(paths: Sequence[Path], labels: int, parts: int = 1) -> str:
    """A glob of so many CSVs beside the clips, which give each clip two of the labels, and each label to some."""
    head = "file," + ",".join(f"label{label:03d}" for label in range(labels))
    lines = []
    for place, path in enumerate(paths):
        given = {place % labels, (place * 7 + 3) % labels}
        lines.append(f"{path.name}," + ",".join("1" if label in given else "0" for label in range(labels)))
    name = f"{labels}-{len(paths)}-{parts}"
    for part in range(parts):
        (paths[0].parent / f"{name}-{part}.csv").write_text("\n".join([head, *lines[part::parts]]) + "\n")
    return str(paths[0].parent / f"{name}-*.csv")


def validating(paths: Sequence[Path], labels: int, store: Path, parts: int = 1) -> Validating:
    """What comes on top from a few clips to many."""
    few, many = (apart("validate", write_csvs(paths[:count], labels, parts), store) for count in (FEW, MANY))
    rest_s = many["listing_s"] / MANY + max(0.0, many["suites_s"] - few["suites_s"]) / (MANY - FEW)
    return Validating(rest_s * 1e3, (many["manifest_peak"] - few["manifest_peak"]) / (MANY - FEW))


def later_steps(paths: Sequence[Path], labels: int, store: Path) -> tuple[float, float]:
    """Bytes of each clip in `featurize`, and in the steps that open the store."""
    peaks = []
    for count in (FEWER, MOST):
        mine = store / str(count)
        validated = apart("validate", write_csvs(paths[:count], labels), mine)
        featurized = apart("featurize", validated["left"], mine)
        peaks.append((featurized["peak"], apart("opened", featurized["left"], mine)["peak"]))
    (one, other), (more, most) = peaks
    return (more - one) / (MOST - FEWER), (most - other) / (MOST - FEWER)


if __name__ == "__main__":
    STEPS = {"validate": validate, "featurize": featurize, "opened": opened}
    print(json.dumps(STEPS[sys.argv[1]](sys.argv[2])))
