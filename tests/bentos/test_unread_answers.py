"""Clients that ask and do not read: they are cut off, and those that read slowly get everything."""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import pytest

from tests.fixtures.besieged import ask, clients, deaf, head, held, works
from tests.fixtures.running import Running, furnish, running, until

ASSETS = (file for file in (files("gradio") / "templates/frontend/assets").iterdir() if file.name.endswith(".js"))
SCRIPT = "/docs/swagger-ui-bundle.js"  # 1.4 MB, for whoever asks
OF_THE_PAGE = f"/ui/assets/{max(ASSETS, key=lambda file: len(file.read_bytes())).name}"  # 4.6 MB
STRANGER = {"X-API-Key": "", "Connection": "keep-alive"}
MOST_MIB = 10  # what twenty clients may take: each its own copy of the script would be 28
LIMIT_S = 8  # the fortress's, which is also that of strangers there


@pytest.fixture(scope="module")
def with_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("with_page")
    (home / "tmp").mkdir()
    with running(home, furnish(home), TMPDIR=str(home / "tmp"), TIMBRE_PAGE="true", TIMBRE_TIME_LIMIT_S=str(LIMIT_S)) as found:
        with ThreadPoolExecutor(40) as pool:  # its pools of threads and connections are then as large as they get
            list(pool.map(works, [found] * 120))
        yield found


def asked(service: Running, times: int, path: str = SCRIPT, encoding: str = "identity") -> bytes:
    """Requests for more than the system holds for a client that does not read."""
    return head(service, "GET", path, STRANGER | {"Accept-Encoding": encoding}) * times


@pytest.mark.slow
@pytest.mark.parametrize("last", [{}, {"Content-Length": "1000"}, {"Connection": "close"}], ids=["pipelined", "unread body", "closing"])
def test_who_does_not_read_is_cut_off(besieged: Running, last: dict[str, str]):
    before = held(besieged)
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(deaf(besieged)) for _ in range(20)]
        for line in lines:
            line.sendall(asked(besieged, 3) + head(besieged, "GET", SCRIPT, STRANGER | last))
        ports = {line.getsockname()[1] for line in lines}
        until(lambda: len(ports & clients(besieged)) == 20)
        works(besieged)
        assert held(besieged).memory_mib < before.memory_mib + MOST_MIB
        until(lambda: not ports & clients(besieged), 2 * LIMIT_S)
        assert held(besieged).memory_mib < before.memory_mib + MOST_MIB


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["gzip, br", "br", "identity"])
def test_who_does_not_read_the_pages_scripts_costs_no_more(with_page: Running, encoding: str):
    assert ask(with_page, "GET", OF_THE_PAGE, {"X-API-Key": "", "Accept-Encoding": encoding}).status == 200
    before = held(with_page)
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(deaf(with_page)) for _ in range(20)]
        for line in lines:
            line.sendall(asked(with_page, 4, OF_THE_PAGE, encoding))
        ports = {line.getsockname()[1] for line in lines}
        until(lambda: len(ports & clients(with_page)) == 20)
        works(with_page)
        assert held(with_page).memory_mib < before.memory_mib + MOST_MIB
        until(lambda: not ports & clients(with_page), 2 * LIMIT_S)
        assert held(with_page).memory_mib < before.memory_mib + MOST_MIB


@pytest.mark.slow
def test_who_reads_slowly_gets_everything(besieged: Running):
    with deaf(besieged, 2**17) as line:
        line.sendall(asked(besieged, 4) + head(besieged, "GET", SCRIPT, {"X-API-Key": ""}))
        began, content = time.monotonic(), b""
        while piece := line.recv(2**16):
            content += piece
            time.sleep(2 * LIMIT_S * len(piece) / 5e6)
    assert time.monotonic() - began > 2 * LIMIT_S
    assert content.count(b"HTTP/1.1 200 ") == 5
    *_, last = content.split(b"HTTP/1.1 200 ")
    told, _, body = last.partition(b"\r\n\r\n")
    assert b"content-length: %d\r\n" % len(body) in told.lower()
