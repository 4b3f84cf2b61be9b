"""One running service for all tests that leave it as they found it."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fixtures.besieged import PLACES, Held, held, works
from tests.fixtures.clients import Waiting
from tests.fixtures.running import ROOT, Running, furnish, running, until
from timbre.client import Client

MEMORY_MIB = 48  # that an allocator may keep of what it gave out


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory):
    """A service with authentication on; see `Running`."""
    home = tmp_path_factory.mktemp("service")
    keys = furnish(home)
    with running(home, keys) as found:
        yield found


@pytest.fixture
def client(service: Running):
    with service.client() as client:
        yield client


@pytest.fixture(params=[Client, Waiting], ids=["blocking", "asyncio"])
def timbre(request: pytest.FixtureRequest, service: Running) -> Iterator[Client]:
    client = request.param(service.url, service.keys["admin"])
    yield client
    client.close()


@pytest.fixture(scope="session")
def fortress(tmp_path_factory: pytest.TempPathFactory):
    """A service with a short time limit and a temporary folder of its own."""
    home = tmp_path_factory.mktemp("fortress")
    (home / "tmp").mkdir()
    keys = furnish(home)
    with running(
        home,
        keys,
        TMPDIR=str(home / "tmp"),
        TIMBRE_TIME_LIMIT_S="8",
        TIMBRE_MAX_PENDING=str(PLACES),
        TIMBRE_MAX_SECONDS="1200",
        TIMBRE_CONFIGS=str(ROOT / "configs"),
    ) as found:
        with ThreadPoolExecutor(40) as pool:  # its pools of threads and connections are then as large as they get
            for _ in range(5):
                list(pool.map(works, [found] * 60))
        yield found


@pytest.fixture(scope="module")
def besieged(fortress: Running):
    """The same; after the module's tests it answers, and holds no more of the machine than before."""
    before = held(fortress)
    yield fortress
    works(fortress)
    with contextlib.suppress(TimeoutError):
        until(lambda: _recovered(before, held(fortress)))
    assert _recovered(before, after := held(fortress)), (before, after)


def _recovered(before: Held, after: Held) -> bool:
    same = (after.files, after.bytes) == (before.files, before.bytes)
    return same and after.open_files <= before.open_files + 8 and after.memory_mib <= before.memory_mib + MEMORY_MIB
