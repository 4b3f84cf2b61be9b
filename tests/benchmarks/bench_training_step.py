"""How long a training step waits for its batch, with every augmentation on.

    python tests/benchmarks/bench_training_step.py [--gives-back]

Lightning trains for some steps on clips of noise while the time inside the loader's `next` is taken. The bar is 5 % of the step, for
SMALL_CNN and for MOBILENET_V3_LARGE; clips a second are printed beside it. With --gives-back the C library returns each batch's arrays to
the system, as it does by itself, which shows what `keep_freed` is good for.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded

from components.config import Config, load_config
from components.losses import CrossEntropy
from components.memory import keep_freed
from components.network import build_network
from components.store import Store, build_store, open_store
from components.training.device import choose_device
from components.training.learner import Learner
from components.training.lightning_import import pl
from components.training.loader import Loader, Windows
from components.training.loop import run
from components.training.plan import Plan
from components.training.team import ALONE
from tests.fixtures.manifests import manifest_of
from tests.fixtures.sounds import noise, write

BAR = 0.05
CLIPS, STEPS, WARM = 128, 25, 5
AUGMENTATIONS = [{"name": name} for name in ("SUM_TWO_SAMPLES", "TIME_SHIFT", "TIME_MASK", "FREQ_MASK")]


class Waiting:
    """A loader whose every `next` is timed, and the time from one batch to the next."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader
        self.waits_s: list[float] = []
        self.steps_s: list[float] = []

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Windows]:
        batches, last = iter(self.loader), None
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            given = time.perf_counter()
            if batch is None:
                return
            self.waits_s.append(given - asked)
            if last is not None:
                self.steps_s.append(given - last)
            last = given
            yield batch


def measure(model: str, store: Store, folder: Path) -> float:
    """The share of the step's time that is spent waiting, the first steps apart."""
    config: Config = load_config(overrides={"model.name": model, "training.augmentations": AUGMENTATIONS, "training.max_steps": STEPS})
    network = build_network(config.feature, config.model, config.windows, store.sample_rate, store.manifest.label_set)
    plan = Plan(store.num_samples, round(config.windows.length_s * store.sample_rate), config.training.batch_size, seed=0)
    learner = Learner(network, CrossEntropy(), config.training, store.sample_rate, STEPS)
    waiting = Waiting(Loader(store, plan, STEPS))
    run(learner, waiting, [pl.Callback()], choose_device(config.training), ALONE, folder)
    waited_s, took_s = sum(waiting.waits_s[WARM:-1]), sum(waiting.steps_s[WARM:])
    speed = plan.share * len(waiting.steps_s[WARM:]) / took_s
    print(f"{model:20} waits {waited_s / took_s:.2%} of the step, bar {BAR:.0%}; {speed:.0f} clips/s", flush=True)
    return waited_s / took_s


def main(arguments: list[str]) -> int:
    """0 where both models stay under the bar."""
    if "--gives-back" not in arguments:
        keep_freed()  # as fit does
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [write(folder / f"{place}.wav", noise(4, 22050, seed=place), 22050) for place in range(CLIPS)]
        store = open_store(build_store(manifest_of(paths), Config().audio, folder / "store").ref, folder / "store")
        worst = max(measure(model, store, folder / "run") for model in ("SMALL_CNN", "MOBILENET_V3_LARGE"))
    return int(worst > BAR)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
