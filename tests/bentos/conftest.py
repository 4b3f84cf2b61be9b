"""One running service for all tests that leave it as they found it."""

import pytest

from tests.fixtures.running import Running, furnish, running


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
