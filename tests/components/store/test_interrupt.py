"""A build may be killed, interrupted, starved of space or run twice at once; the next one gives what an undisturbed one gives."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.config import AudioConfig
from components.datasets import Manifest
from components.errors import StoreError
from components.store import StoreRef, build_store, open_store
from tests.fixtures.disks import small_disk

Order = Callable[..., dict[str, Any]]
SHARD_BYTES = 160_000


@pytest.fixture(scope="module")
def order(manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Order]:
    """Gives orders to a process that builds in children of its own."""
    path = manifest.write(tmp_path_factory.mktemp("manifest") / "manifest.parquet")
    command = [sys.executable, "-m", "tests.fixtures.builder", str(path), str(SHARD_BYTES)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as builder:
        assert builder.stdin is not None
        assert builder.stdout is not None
        stdin, stdout = builder.stdin, builder.stdout

        def give(**order: Any) -> dict[str, Any]:
            print(json.dumps(order, default=str), file=stdin, flush=True)
            answer: dict[str, Any] = json.loads(stdout.readline())
            return answer

        yield give
        stdin.close()


@pytest.fixture(scope="module")
def undisturbed(order: Order, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    answer = order(root=tmp_path_factory.mktemp("undisturbed"))
    assert answer["codes"] == [0]
    return {**answer["said"][0], "took_s": answer["took_s"]}


def check(root: Path, said: dict[str, Any], undisturbed: dict[str, Any]) -> None:
    """The digest is the undisturbed one, every clip is whole, and nothing half-written lies about."""
    assert said["digest"] == undisturbed["digest"]
    store = open_store(StoreRef(uri=said["uri"], digest=said["digest"]), root)
    peaks = [np.abs(store.batch([place], [0], int(store.num_samples[place]))).max() for place in range(len(store))]
    assert peaks == pytest.approx(store.scales * 32767)
    assert_tidy(root)


def assert_tidy(root: Path) -> None:
    names = [path.name for path in root.rglob("*") if path.is_file()]
    assert [name for name in names if name.startswith(".")] == []
    assert {name.removesuffix(".npy") for name in names if name.endswith(".npy")} <= {
        name.removesuffix(".parquet") for name in names if name.endswith(".parquet")
    }


def test_kill_9_at_twenty_random_moments(order: Order, undisturbed: dict[str, Any], root: Path) -> None:
    rng = random.Random(9)
    done = 0
    while done < 20:
        after_s = rng.uniform(0, undisturbed["took_s"])
        answer = order(root=root, signal=signal.SIGKILL, after_s=after_s)
        if answer["codes"] == [-signal.SIGKILL]:
            done += 1
        else:  # it was through before the signal came: begin anew, so that the next one hits
            shutil.rmtree(root)
    answer = order(root=root)
    check(root, answer["said"][0], undisturbed)


def test_an_interrupt_stops_the_workers_and_keeps_what_is_done(order: Order, undisturbed: dict[str, Any], root: Path) -> None:
    for part in 3 * (0.3, 0.5, 0.4, 0.6):
        answer = order(root=root, signal=signal.SIGINT, after_s=part * undisturbed["took_s"])
        if answer["codes"] == [130] and list(root.rglob("*.npy")):
            break
        shutil.rmtree(root, ignore_errors=True)
    else:
        pytest.fail("no interrupt came while clips were decoded")
    assert answer["took_s"] < 5
    assert_tidy(root)
    said = order(root=root)["said"][0]
    assert 0 < said["decoded"] < 24
    check(root, said, undisturbed)


def test_builds_at_once(order: Order, undisturbed: dict[str, Any], root: Path) -> None:
    answer = order(root=root, times=3)
    assert answer["codes"] == [0, 0, 0]
    for said in answer["said"]:
        check(root, said, undisturbed)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """The store needs 1.1 MB."""
    with small_disk(tmp_path / "disk", mebibytes=2) as disk:
        yield disk


def test_a_full_disk(disk: Path, manifest: Manifest, audio: AudioConfig, undisturbed: dict[str, Any]) -> None:
    root, ballast = disk / "store", disk / "ballast"
    for free in (0, 8_192, 30_000, 200_000, 700_000, 1_000_000):
        ballast.unlink(missing_ok=True)
        held = sum(path.stat().st_blocks * 512 for path in disk.rglob("*"))
        stat = os.statvfs(disk)
        ballast.write_bytes(bytes(max(0, stat.f_blocks * stat.f_frsize - max(free, held))))
        with pytest.raises(StoreError, match=r"no space is left for the store at .*: free some or set TIMBRE_STORE"):
            build_store(manifest, audio, root)
        assert_tidy(root)
    ballast.unlink()
    built = build_store(manifest, audio, root)
    assert 0 < built.decoded < 24
    check(root, {"digest": built.ref.digest, "uri": built.ref.uri}, undisturbed)


def test_a_file_size_that_the_system_caps(manifest: Manifest, audio: AudioConfig, undisturbed: dict[str, Any], root: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(StoreError, match="no space is left"):
            build_store(manifest, audio, root)
        assert_tidy(root)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    built = build_store(manifest, audio, root)
    check(root, {"digest": built.ref.digest, "uri": built.ref.uri}, undisturbed)
