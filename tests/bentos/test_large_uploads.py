"""A gigabyte that is sent costs the service next to no memory, whatever it holds."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.fixtures.besieged import FORM, MIB, PREDICT, Answer, anonymous_mib, connected, file, form, head, received, works
from tests.fixtures.running import Running, furnish, running
from tests.fixtures.sounds import wav_bytes

pytestmark = pytest.mark.slow
GIB = 1024 * MIB
MOST_MIB = 50
LIMITS = {"TIMBRE_MAX_BODY_MIB": "2048", "TIMBRE_MAX_SECONDS": "100000", "TIMBRE_TIME_LIMIT_S": "500"}
MINUTE = wav_bytes(44100, 2, 60 * 44100)  # 10 MiB


@contextmanager
def peak(service: Running) -> Iterator[list[float]]:
    """MiB of anonymous memory above the level before, at the worst moment."""
    before, worst, done = anonymous_mib(service.pid), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            worst[0] = max(worst[0], anonymous_mib(service.pid) - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield worst
    finally:
        done.set()
        watcher.join()


def _sent(service: Running, pieces: Iterator[bytes], length: int | None) -> Answer:
    """The answer to a body that is streamed, announced where a length is given and in chunks otherwise."""
    headers = FORM if length is not None else {**FORM, "Transfer-Encoding": "chunked"}
    with connected(service, 600) as line:
        try:
            line.sendall(head(service, "POST", PREDICT, headers, length))
            for piece in pieces:
                line.sendall(piece if length is not None else b"%x\r\n%b\r\n" % (len(piece), piece))
            if length is None:
                line.sendall(b"0\r\n\r\n")
        except ConnectionError:
            pass  # it was refused
        return received(line)


def _one_file() -> Iterator[bytes]:
    yield b"--BB\r\n" + file(b"large.wav") + b"\r\n\r\n" + wav_bytes(44100, 2, 1000, claimed_bytes=GIB)
    for _ in range(1024):
        yield b"\1\0" * (MIB // 2)
    yield b"\r\n--BB--\r\n"


def _many_files() -> Iterator[bytes]:
    for number in range(GIB // len(MINUTE)):
        yield form([(file(b"%d.wav" % number), MINUTE)], end=b"")
    yield b"--BB--\r\n"


@pytest.fixture(scope="module", params=[{}, LIMITS], ids=["default limits", "raised limits"])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    home = tmp_path_factory.mktemp("large")
    with running(home, furnish(home), **request.param) as found:
        for _ in range(20):
            works(found)
        minutes = form([(file(b"a.wav"), MINUTE)] * 4)
        _sent(found, iter([minutes]), len(minutes))
        time.sleep(2)
        yield found, bool(request.param)


@pytest.mark.parametrize("pieces", [_one_file, _many_files])
@pytest.mark.parametrize("announced", [True, False])
def test_a_gigabyte_costs_little(target: tuple[Running, bool], pieces, announced):
    service, raised = target
    length = sum(map(len, pieces())) if announced else None
    with peak(service) as worst:
        answer = _sent(service, pieces(), length)
    assert answer.status in ({200, 400} if raised else {413, 0}), answer
    assert worst[0] < MOST_MIB
    works(service)
