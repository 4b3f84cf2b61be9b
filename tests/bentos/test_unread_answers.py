"""Clients that ask and do not read: they are cut off, and those that read slowly get everything."""

import contextlib
import time

import pytest

from tests.fixtures.besieged import clients, deaf, head, held, works
from tests.fixtures.running import Running, until

SCRIPT = "/docs/swagger-ui-bundle.js"  # 1.4 MB, for whoever asks
STRANGER = {"X-API-Key": "", "Connection": "keep-alive"}
MOST_MIB = 10  # what twenty clients may take: each its own copy of the script would be 28
LIMIT_S = 8  # the fortress's, which is also that of strangers there


def asked(service: Running, times: int) -> bytes:
    """Requests for more than the system holds for a client that does not read."""
    return head(service, "GET", SCRIPT, STRANGER) * times


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
