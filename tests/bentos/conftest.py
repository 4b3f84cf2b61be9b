"""One running service for all tests that leave it as they found it."""

from collections.abc import Iterator

import pytest

from tests.fixtures.clients import Waiting
from tests.fixtures.running import Running, furnish, running
from timbre.client import Client


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
