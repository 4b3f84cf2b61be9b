import importlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from distributed import KilledWorker

from components import cluster as cluster_module
from components.cluster import AHEAD, Cluster, connected, refuse_blind, shrinking, unreadable
from components.errors import ClusterError, S3Error
from tests.fixtures.dask_cluster import dask_cluster, threads_cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with threads_cluster() as address, connected(address) as found:
        yield found


def doubled(piece: list[int], by: int = 2) -> list[int]:
    return [by * one for one in piece]


def refused(piece: list[int]) -> None:
    raise S3Error(f"no right to {piece}", "denied")


def ends_its_process_at_2(piece: list[int]) -> list[int]:
    if 2 in piece:
        os._exit(1)
    return piece


def kill_after_one(cluster: Cluster, processes: "list[subprocess.Popen[str]]") -> None:
    for _ in cluster.spread(slow, ([place] for place in range(1000))):
        for process in processes:
            process.kill()


def slow(piece: list[int]) -> list[int]:
    time.sleep(0.3)
    return piece


def test_every_piece_comes_back_with_its_result(cluster: Cluster) -> None:
    assert cluster.threads == 2
    pieces = [[3 * place, 3 * place + 1, 3 * place + 2] for place in range(20)]
    found = sorted(cluster.spread(partial(doubled, by=10), pieces))
    assert found == [(piece, [10 * one for one in piece]) for piece in pieces]


def test_few_pieces_are_under_way(cluster: Cluster) -> None:
    taken = 0

    def pieces() -> Iterator[list[int]]:
        nonlocal taken
        for place in range(50):
            taken += 1
            yield [place]

    for done, _ in enumerate(cluster.spread(doubled, pieces()), start=1):
        assert taken - done < AHEAD * cluster.threads + 1
    assert taken == 50


def test_an_error_of_a_worker_is_that_of_the_run(cluster: Cluster) -> None:
    with pytest.raises(S3Error, match=r"no right to \[1\]") as refusal:
        list(cluster.spread(refused, [[1]]))
    assert refusal.value.kind == "denied"


def test_a_run_that_stops_leaves_nothing_to_do(cluster: Cluster) -> None:
    for _ in cluster.spread(doubled, ([place] for place in range(100))):
        break
    assert list(cluster.spread(doubled, [[1]])) == [([1], [2])]


def test_an_address_where_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "CONNECT_S", 0.3)
    with (
        pytest.raises(ClusterError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9 \(.*\): start one with `dask scheduler`"),
        connected("tcp://127.0.0.1:9"),
    ):
        pass


def test_an_address_of_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "CONNECT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ClusterError, match=f"no Dask scheduler answers at {address}"), connected(address):
            pass


def test_a_cluster_without_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "WORKERS_S", 0.3)
    with (
        threads_cluster(workers=0) as address,
        pytest.raises(ClusterError, match=f"has no workers: start some with `dask worker {address}`"),
        connected(address),
    ):
        pass


def test_what_only_a_worker_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    missing = str(tmp_path / "missing")
    assert unreadable([str(tmp_path / "there"), missing, "s3://bucket/key"]) == [missing]
    refuse_blind([missing])
    with pytest.raises(ClusterError, match=r"a worker cannot read .*there, which is here: let all workers mount it"):
        refuse_blind([missing, str(tmp_path / "there")])


def test_pieces_shrink_towards_the_end() -> None:
    costs = [1.0] * 1000
    pieces = list(shrinking(range(1000), costs, threads=2, most=100, least=5))
    assert [one for piece in pieces for one in piece] == list(range(1000))
    sizes = [len(piece) for piece in pieces]
    assert sizes[:3] == [100, 100, 100]
    assert sizes == sorted(sizes, reverse=True)
    assert max(sizes[-3:]) <= 5


def test_an_item_above_the_most_is_a_piece_of_its_own() -> None:
    assert list(shrinking("abc", [9.0, 1.0, 9.0], threads=1, most=5, least=1)) == [["a"], ["b"], ["c"]]
    assert list(shrinking([], [], threads=1, most=5, least=1)) == []


class _OneWorker:
    """A client of a cluster whose one worker is lost with all that is under way, where 2 is among it."""

    status = "running"

    def __init__(self) -> None:
        self.under_way: list[_Sent] = []
        self.rounds: list[list[list[int]]] = []

    def nthreads(self) -> dict[str, int]:
        return {"worker": 2}

    def submit(self, work: Callable[[list[int]], list[int]], piece: list[int], pure: bool) -> "_Sent":
        sent = _Sent(self, work, piece)
        self.under_way.append(sent)
        return sent

    def end_round(self) -> None:
        lost = any(2 in sent.piece for sent in self.under_way)
        self.rounds.append([sent.piece for sent in self.under_way])
        for sent in self.under_way:
            sent.lost = lost
            sent.tell(sent)
        self.under_way = []


class _Sent:
    def __init__(self, client: _OneWorker, work: Callable[[list[int]], list[int]], piece: list[int]) -> None:
        self.client, self.work, self.piece, self.lost = client, work, piece, False

    def add_done_callback(self, tell: "Callable[[_Sent], None]") -> None:
        self.tell = tell

    def result(self, timeout: float) -> list[int]:
        if self.lost:
            raise KilledWorker("piece", None, 3)
        return self.work(self.piece)


def test_who_was_lost_beside_the_guilty_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    client = _OneWorker()
    cluster = Cluster(client, "tcp://nowhere")
    look = cluster._next

    def end_round_and_look(done: Any) -> Any:
        if done.empty():
            client.end_round()
        return look(done)

    monkeypatch.setattr(cluster, "_next", end_round_and_look)
    found = sorted(cluster.spread(doubled, [[1, 2], [3, 4], [5], [6, 7, 8], [9]]))
    assert found == [([1], [2]), ([2], None), ([3, 4], [6, 8]), ([5], [10]), ([6, 7, 8], [12, 14, 16]), ([9], [18])]
    assert client.rounds[0] == [[1, 2], [3, 4], [5], [6, 7, 8]]
    assert sorted(client.rounds[2:]) == [[[1]], [[1, 2]], [[2]], [[3, 4]], [[5]], [[6, 7, 8]]]


@pytest.mark.slow
def test_an_item_that_ends_its_workers_is_told_from_its_neighbours(tmp_path: Path) -> None:
    with dask_cluster(tmp_path, workers=4, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as real, connected(real.address) as found:
        results = list(found.spread(ends_its_process_at_2, [[1, 2, 3], [4], [5]]))
        assert sorted(results) == [([1], [1]), ([2], None), ([3], [3]), ([4], [4]), ([5], [5])]
        assert sorted(worker.poll() is None for worker in real.workers) == [False, False, False, True]


@pytest.mark.slow
def test_a_scheduler_that_goes(tmp_path: Path) -> None:
    with (
        dask_cluster(tmp_path) as real,
        connected(real.address) as found,
        pytest.raises(ClusterError, match="has gone: start it and run again"),
    ):
        kill_after_one(found, [real.scheduler])


@pytest.mark.slow
def test_workers_that_all_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "WORKERS_S", 1.0)
    monkeypatch.setattr(cluster_module, "LOOK_S", 0.5)
    monkeypatch.setattr(cluster_module, "RESULT_S", 1.0)
    with dask_cluster(tmp_path) as real, connected(real.address) as found, pytest.raises(ClusterError, match="has no workers"):
        kill_after_one(found, real.workers)


@pytest.mark.slow
def test_a_result_that_goes_with_the_last_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is lost between its being there and its being fetched."""
    monkeypatch.setattr(cluster_module, "WORKERS_S", 1.0)
    monkeypatch.setattr(cluster_module, "RESULT_S", 1.0)
    with dask_cluster(tmp_path, workers=1) as real, connected(real.address) as found:
        look = found._next

        def kill_then(done: Any) -> Any:
            future = look(done)
            real.workers[0].kill()
            real.workers[0].wait()
            return future

        monkeypatch.setattr(found, "_next", kill_then)
        with pytest.raises(ClusterError, match="has no workers"):
            list(found.spread(doubled, [[1]]))


@pytest.mark.slow
def test_workers_without_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "only_here.py").write_text("def same(piece): return piece")
    monkeypatch.syspath_prepend(tmp_path / "here")
    with (
        dask_cluster(tmp_path) as real,
        connected(real.address) as found,
        pytest.raises(ClusterError, match="lack code that is here"),
    ):
        list(found.spread(importlib.import_module("only_here").same, [[1]]))
