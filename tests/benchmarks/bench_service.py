"""The service against the bare tagger on the same files and the same core; the load comes from this process, on the other core.

The bars: 100 files of 10 s in one request at 0.9 of the bare tagger's clips a second or more, 16 clients with one file each at 0.8;
one file by one client costs less than 15 ms of CPU time above decode and forward pass.
"""

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from bench_predict import CLIPS, sealed, write

SERVICE_CORE, LOAD_CORE = sorted(os.sched_getaffinity(0))[:2]
CLIENTS, REQUESTS, ROUNDS = 16, 10, 7
ONE_BY_ONE = 100
PIECE = 2**18  # bytes that are sent at a time: httpx copies what is left after each
MODEL = "production"
BARE = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
sys.path[:0] = sys.argv[2:4]
import machine
os.sched_setaffinity(0, {int(sys.argv[1])})
from pathlib import Path
from components.tagger import Tagger
tagger = Tagger.open(sys.argv[4])
paths = sorted(Path(sys.argv[5]).glob("*.wav"))
tagger.predict(paths[:8])
for line in sys.stdin:
    began, cpu = time.perf_counter(), time.process_time()
    if line.strip() == "all":
        tagger.predict(paths)
    else:
        for path in paths:
            tagger.predict([path], workers=1)
    print(time.perf_counter() - began, time.process_time() - cpu, flush=True)
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tagger, sounds, files = furnish(folder)
        os.sched_setaffinity(0, {LOAD_CORE})
        with service(folder) as (url, pids), bare(tagger, sounds) as ask, contextlib.ExitStack() as stack:
            people = people_of(stack)
            client = people[0]
            together, singly = bodies_of(files)
            ask("all")
            post(client, url, together)
            clients(people, url, singly)
            batch, many = [], []
            for _ in range(ROUNDS):
                bare_s = ask("all")[0]
                batch.append(bare_s / timed(lambda: post(client, url, together)))
                many.append(bare_s / CLIPS / (timed(lambda: clients(people, url, singly)) / (CLIENTS * REQUESTS)))
                print(f"bare {CLIPS / bare_s:.0f} clips/s; one request {batch[-1]:.2f}, {CLIENTS} clients {many[-1]:.2f} of it", flush=True)
            extra_ms = []
            for _ in range(ROUNDS):
                bare_cpu = ask("each")[1] / CLIPS
                before = cpu_seconds(pids)
                for body in singly[:ONE_BY_ONE]:
                    post(client, url, body)
                extra_ms.append(1000 * ((cpu_seconds(pids) - before) / ONE_BY_ONE - bare_cpu))
            ratios = statistics.median(batch), statistics.median(many)
            added = statistics.median(extra_ms)
    print(f"one request: {ratios[0]:.2f} (bar 0.9); {CLIENTS} clients: {ratios[1]:.2f} (bar 0.8); one file adds {added:.1f} ms of CPU (15)")
    return 0 if ratios[0] >= 0.9 and ratios[1] >= 0.8 and added < 15 else 1


def furnish(folder: Path) -> tuple[Path, Path, list[bytes]]:
    """A tagger below `folder/models`, a folder of clips of 10 s, and their bytes."""
    sounds = folder / "sounds"
    sounds.mkdir()
    files = [write(sounds / f"{place:03d}.wav", place).read_bytes() for place in range(CLIPS)]
    return sealed(folder / "models" / "bench", "MOBILENET_V3_LARGE"), sounds, files


def people_of(stack: contextlib.ExitStack) -> list[httpx.Client]:
    """The clients, made before the clock starts, as each reads certificates; none keeps a line that the service may be closing."""
    limits = httpx.Limits(keepalive_expiry=2)
    return [stack.enter_context(httpx.Client(timeout=300, limits=limits)) for _ in range(CLIENTS)]


@contextlib.contextmanager
def service(folder: Path, **others: str) -> Iterator[tuple[str, list[int]]]:
    """A service of the taggers in `folder/models` on one core: its address and its processes.

    Args:
        others: more environment variables.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {
        "TIMBRE_AUTH": "off", "TIMBRE_MODEL_DIR": str(folder / "models"), "TIMBRE_DATABASE_URL": f"sqlite:///{folder / 'none.db'}",
        "TIMBRE_PAGE": "false", "BENTOML_DO_NOT_TRACK": "True", "OMP_NUM_THREADS": "1", **others,
    }  # fmt: skip
    command = [sys.executable, "-m", "bentoml", "serve", "bentos.service:Timbre", "--port", str(port)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        command, cwd=root, env={**os.environ, **variables, "PYTHONPATH": str(root)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {SERVICE_CORE}),
    ) as process:  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        try:
            until_ready(url)
            yield url, descendants(process.pid)
        finally:
            process.terminate()


def until_ready(url: str) -> None:
    last = time.monotonic() + 120
    while time.monotonic() < last:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        time.sleep(0.3)
    raise TimeoutError("the service does not become ready")


@contextlib.contextmanager
def bare(tagger: Path, sounds: Path) -> Iterator[Callable[[str], list[float]]]:
    """A bare tagger on the service's core: `all` files at once or `each` by itself -> seconds and CPU seconds."""
    here = Path(__file__)
    arguments = [str(SERVICE_CORE), str(here.parents[2]), str(here.parent), str(tagger), str(sounds)]
    with subprocess.Popen(
        [sys.executable, "-c", BARE, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:

        def ask(what: str) -> list[float]:
            assert process.stdin
            assert process.stdout
            print(what, file=process.stdin, flush=True)
            return [float(part) for part in process.stdout.readline().split()]

        yield ask
        process.terminate()


def bodies_of(files: list[bytes]) -> "tuple[Body, list[Body]]":
    """All files in one body, and each in its own."""
    named = [(f"{place}.wav", data) for place, data in enumerate(files)]
    return body_of(named), [body_of([file]) for file in named]


Body = tuple[bytes, str, int]  # a multipart body, its content type and its number of files


def body_of(files: list[tuple[str, bytes]]) -> Body:
    """A body that is ready to be sent, so that the time is the service's and not the encoder's."""
    request = httpx.Request("POST", "http://service", files=[("audio_files", file) for file in files])
    return request.read(), request.headers["content-type"], len(files)


def post(client: httpx.Client, url: str, body: Body) -> None:
    content, content_type, files = body
    answer = client.post(
        f"{url}/model/predict-files",
        params={"model_ckpt_path": MODEL},
        content=(content[first : first + PIECE] for first in range(0, len(content), PIECE)),
        headers={"Content-Type": content_type, "Content-Length": str(len(content))},
    )
    answer.raise_for_status()
    assert len(answer.json()) == files


def clients(people: list[httpx.Client], url: str, bodies: list[Body]) -> None:
    """Each client sends one file after the other."""

    def one(place: int) -> None:
        for turn in range(REQUESTS):
            post(people[place], url, bodies[(place + turn) % len(bodies)])

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(one, range(CLIENTS)))


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def descendants(pid: int) -> list[int]:
    children = [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    return [pid, *(one for child in children for one in descendants(child))]


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of the processes."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    raise SystemExit(main())
