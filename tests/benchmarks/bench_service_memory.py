"""Anonymous memory of the service's processes over many requests: at most 20 MiB above the level after the first thousand.

Run it by hand: `python tests/benchmarks/bench_service_memory.py [requests]`. It takes several minutes.
"""

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.fixtures.besieged import anonymous_mib, family
from tests.fixtures.running import RATE, Running, furnish, running
from tests.fixtures.sounds import encoded, noise

BAR_MIB, WARM, CLIENTS = 20, 1000, 4


def ask(client: httpx.Client, number: int) -> None:
    """A request of another kind each time, as they come to a service: most predict, some fail, one reads."""
    sound = encoded(noise(0.3 + number % 17 / 10, RATE, number), RATE)
    kind = number % 10
    if kind == 0:
        answer = client.get("/api/v1/models")
    elif kind == 1:
        answer = client.post("/model/predict-files?model_ckpt_path=production", files={"audio_files": ("a.txt", b"no audio")})
    elif kind == 2:
        answer = client.post("/model/predict-directory-stream?model_ckpt_path=other", json=["clips"])
    else:
        answer = client.post("/model/predict-files?model_ckpt_path=production", files={"audio_files": ("a.wav", sound)})
    assert answer.status_code == (400 if kind == 1 else 200), answer.text


def measure(service: Running, requests: int) -> float:
    """MiB above the level after the first thousand; a line a thousand."""
    clients, level = [service.client() for _ in range(CLIENTS)], 0.0
    with ThreadPoolExecutor(CLIENTS) as pool:
        for first in range(0, requests, WARM):
            began = time.perf_counter()
            list(pool.map(lambda number: ask(clients[number % CLIENTS], number), range(first, first + WARM)))
            now = anonymous_mib(service.pid)
            level = level or now
            each = ", ".join(f"{anonymous_mib_of(process.pid):.1f}" for process in family(service.pid))
            print(f"{first + WARM:6d} requests: {now:7.1f} MiB ({each}), {WARM / (time.perf_counter() - began):.0f} a second", flush=True)
    return now - level


def anonymous_mib_of(pid: int) -> float:
    """RssAnon of one process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon:")), 0.0)


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    home = Path(tempfile.mkdtemp(prefix="timbre-bench-"))
    with running(home, furnish(home)) as service:
        grown = measure(service, requests)
    print(f"{grown:+.1f} MiB over {requests - WARM} requests; the bar is {BAR_MIB} MiB")
    sys.exit(grown > BAR_MIB)


if __name__ == "__main__":
    main()
