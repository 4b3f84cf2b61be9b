"""What the prediction log costs the service: two services on one core, with the log and without, asked in turn for the same clips.

The bar: with the log, loudness included, at least 0.95 of the clips a second of MOBILENET_V3_LARGE on clips of 10 s, from one request
of 100 files and from 16 clients with one file each. What a busy core does in a second is told by the CPU time that it needs, which other
work on the machine disturbs less than the time on the clock.
"""

import contextlib
import os
import statistics
import tempfile
import time
from pathlib import Path

from bench_service import CLIENTS, LOAD_CORE, bodies_of, clients, cpu_seconds, furnish, people_of, post, service

ROUNDS, LEAST, SETTLE_S = 7, 0.95, 1.5


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = furnish(folder)[2]
        os.sched_setaffinity(0, {LOAD_CORE})
        with contextlib.ExitStack() as stack:
            url = f"sqlite:///{folder / 'timbre.db'}"  # both ask it for models
            with_log = stack.enter_context(service(folder, TIMBRE_DATABASE_URL=url))
            without = stack.enter_context(service(folder, TIMBRE_DATABASE_URL=url, TIMBRE_PREDICTION_LOG="false"))
            people = people_of(stack)
            together, singly = bodies_of(files)

            def ask(asked: tuple[str, list[int]]) -> tuple[float, float]:
                """CPU seconds for the one request, and for the clients; both with what is still written afterwards."""
                url, pids = asked
                spent = [cpu_seconds(pids)]
                for work in (lambda: post(people[0], url, together), lambda: clients(people, url, singly)):
                    work()
                    time.sleep(SETTLE_S)
                    spent.append(cpu_seconds(pids))
                return spent[1] - spent[0], spent[2] - spent[1]

            for asked in (with_log, without):
                ask(asked)
            ratios = list[tuple[float, float]]()
            for turn in range(ROUNDS):
                order = (True, False) if turn % 2 else (False, True)
                times = {logs: ask(with_log if logs else without) for logs in order}
                ratios.append((times[False][0] / times[True][0], times[False][1] / times[True][1]))
                print(f"with the log: one request {ratios[-1][0]:.3f}, {CLIENTS} clients {ratios[-1][1]:.3f} of it without", flush=True)
    batch, many = (statistics.median(column) for column in zip(*ratios, strict=True))
    print(f"with the log: one request {batch:.3f}, {CLIENTS} clients {many:.3f} of the clips a second without (bar {LEAST})")
    return 0 if min(batch, many) >= LEAST else 1


if __name__ == "__main__":
    raise SystemExit(main())
