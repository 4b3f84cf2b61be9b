"""/docs is whole without the internet, and open to all."""

import re

import pytest

from tests.fixtures.running import Running


def test_what_the_page_asks_for_is_there(service: Running):
    with service.client("") as stranger:
        page = stranger.get("/docs")
        assert page.status_code == 200
        addresses = [one or other for one, other in re.findall(r"""(?:src|href)="([^"]+)"|url: '([^']+)'""", page.text)]
        assert len(addresses) == 4
        for address in addresses:
            answer = stranger.get(f"/{address}")
            assert answer.status_code == 200
            assert len(answer.content) > 500
    assert not re.search("https?://", page.text)


@pytest.mark.parametrize("path", ["/docs/x.js", "/docs/..%2fapp.py", "/docs/swagger-initializer.js", "/redoc"])
def test_nothing_else_is_given(service: Running, path: str):
    with service.client("admin") as client:
        assert client.get(path).status_code == 404
