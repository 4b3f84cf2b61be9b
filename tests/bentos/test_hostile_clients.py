"""Clients that are slow, leave, or hold on: they get their answer or none, and the service is free of them afterwards."""

import contextlib
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fixtures.besieged import (
    DIRECTORY,
    FORM,
    JSON,
    PLACES,
    PREDICT,
    SOUND,
    Answer,
    ask,
    connected,
    file,
    form,
    head,
    held,
    received,
    send,
    works,
)
from tests.fixtures.running import Running, until

BODY = form([(file(b"a.wav"), SOUND)] * 20)
LONG = json.dumps(["clips"] * 200).encode()  # seconds of work
STREAM = DIRECTORY.replace("directory", "directory-stream")


@pytest.mark.slow
def test_a_body_of_a_byte_a_second_is_408(besieged: Running):
    with connected(besieged) as line:
        line.sendall(head(besieged, "POST", PREDICT, FORM, len(BODY)))
        for byte in BODY[:9]:
            line.sendall(bytes([byte]))
            time.sleep(1)
        answer = received(line)
    assert answer.status == 408
    assert answer.detail == "the body did not arrive within 8 s: send less at a time"


@pytest.mark.slow
def test_headers_of_a_byte_a_second_are_408(besieged: Running):
    with connected(besieged) as line, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(received, line)
        with contextlib.suppress(OSError):
            for byte in head(besieged, "GET", "/models", {})[:40]:
                line.sendall(bytes([byte]))
                time.sleep(0.6)
        assert answer.result().status == 408


@pytest.mark.slow
def test_a_connection_that_says_nothing_is_closed(besieged: Running):
    with connected(besieged) as line:
        assert received(line).status == 408


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_body_that_breaks_off_costs_nothing(besieged: Running, share):
    start = head(besieged, "POST", PREDICT, FORM, len(BODY))
    for _ in range(20):
        with connected(besieged) as line:
            line.sendall(start + BODY[: int(share * len(BODY))])
    works(besieged)


@pytest.mark.parametrize(
    "missing", [len(LONG) + 20, len(LONG), len(LONG) // 2, 0], ids=["in the head", "after the head", "in the body", "after the body"]
)
def test_who_closes_its_half_counts_as_gone(besieged: Running, missing: int):
    whole = head(besieged, "POST", DIRECTORY, JSON, len(LONG)) + LONG
    assert send(besieged, whole[: len(whole) - missing], ends=True).status == 0
    until(lambda: b"timbre_requests_pending 1.0" in ask(besieged, "GET", "/metrics").body)
    works(besieged)


def test_who_closes_its_half_in_the_midst_of_a_stream_gets_no_more_of_it(besieged: Running):
    with connected(besieged) as line:
        line.sendall(head(besieged, "POST", STREAM, JSON, len(LONG)) + LONG)
        assert line.recv(100).startswith(b"HTTP/1.1 200")
        line.shutdown(socket.SHUT_WR)
        rest = b"".join(iter(lambda: line.recv(65536), b""))
    assert b'"status"' not in rest
    works(besieged)


def test_clients_that_leave_before_their_answer_stop_the_work(besieged: Running):
    start = head(besieged, "POST", PREDICT, FORM, len(BODY))
    for _ in range(30):
        with connected(besieged) as line:
            line.sendall(start + BODY)
    works(besieged)
    until(lambda: b"timbre_requests_pending 1.0" in ask(besieged, "GET", "/metrics").body)  # which is this one


def test_clients_that_leave_in_the_midst_of_a_stream_stop_it(besieged: Running):
    for _ in range(5):
        with connected(besieged) as line:
            line.sendall(head(besieged, "POST", STREAM, JSON, len(LONG)) + LONG)
            assert line.recv(100).startswith(b"HTTP/1.1 200")
    works(besieged)


def test_many_connections_that_are_held_open_do_not_stop_others(besieged: Running):
    before = held(besieged)
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            line = stack.enter_context(connected(besieged))
            line.sendall(b"POST /model/predict-files HTTP/1.1\r\nHost: ")
        works(besieged)
        assert held(besieged).memory_mib < before.memory_mib + 30
    until(lambda: held(besieged).open_files <= before.open_files)


def test_as_many_requests_as_fit_wait_and_the_rest_are_told_to_come_again(besieged: Running):
    start = head(besieged, "POST", PREDICT, FORM, len(BODY))

    def full() -> Answer | None:
        answer = ask(besieged, "GET", "/models")
        return answer if answer.status == 503 else None

    def refused() -> Answer | None:
        """A busy machine may have given up the first before the last is in: then as many are sent anew, in their place."""
        with contextlib.ExitStack() as stack, contextlib.suppress(TimeoutError):
            for _ in range(PLACES):
                stack.enter_context(connected(besieged)).sendall(start)
            return until(full, 8)
        return None

    answer = until(refused, 60)
    assert int(answer.headers["retry-after"]) > 0
    until(lambda: ask(besieged, "GET", "/models").status == 200)
