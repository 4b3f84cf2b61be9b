"""What can be told of a database before pods use it: a URL of no use and a refused password are wrong, and no answer is unsure."""

import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from components.errors import StackError
from components.stacks import StackConfig, parse_stack
from components.stacks.check import DATABASE, Check

ASKS_FOR_A_PASSWORD = b"R" + struct.pack("!ii", 8, 3)
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
USELESS = [
    ("postgres-timbre", "is not a database's URL"),
    ("mysql://timbre:not-asked@127.0.0.1/timbre", "names a mysql database"),
    ("postgresql://timbre:not-asked@127.0.0.1:notaport/timbre", "is not a database's URL"),
]


def stack() -> StackConfig:
    values = {
        "orchestrator": "kubeflow",
        "kubeflow": {"host": "https://kubeflow.example.org"},
        "artifact_store": {"path": "s3://music/artifacts"},
        "container_registry": "registry.example.org",
        "environment": {"TIMBRE_STORE": "s3://music/store", "TIMBRE_MODELS": "s3://music/models"},
        "secrets": [DATABASE, *KEYS],
        "pods": {"all": {"image": "127.0.0.1:9/worker:cpu"}},
    }
    return parse_stack(values, "stack.yaml")


def refusal(code: str, message: str) -> bytes:
    """PostgreSQL's answer that ends a connection."""
    fields = b"".join(key + value.encode() + b"\0" for key, value in ((b"S", "FATAL"), (b"C", code), (b"M", message))) + b"\0"
    return b"E" + struct.pack("!i", 4 + len(fields)) + fields


@pytest.fixture
def address(answers: tuple[bytes, ...]) -> Iterator[str]:
    """HOST:PORT of what answers like a PostgreSQL: each time that it has heard something, the next one."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # closed
                return
            with connection:
                for answer in answers:
                    connection.recv(4096)
                    connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(("url", "said"), USELESS)
def test_a_url_that_no_pod_could_use_is_wrong_whether_or_not_it_is_asked(url: str, said: str):
    row = Check(stack(), KEYS)._database(url)
    assert (row.state, row.what, said in row.detail) == ("wrong", "database", True)
    assert "not-asked" not in row.detail
    with pytest.raises(StackError, match=rf"^the stack's database: TIMBRE_DATABASE_URL {said}"):
        Check(stack(), {**KEYS, DATABASE: url}, ask=False).require()


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ((ASKS_FOR_A_PASSWORD, refusal("28P01", 'password authentication failed for user "timbre"')), "wrong"),
        ((refusal("28000", 'no pg_hba.conf entry for host "127.0.0.1"'),), "unsure"),  # pods come from other hosts
        ((refusal("57P03", "the database system is starting up"),), "unsure"),
        ((), "unsure"),
    ],
)
def test_a_password_that_the_database_refuses_here_is_refused_in_pods_too(address: str, answers: tuple[bytes, ...], state: str):
    row = Check(stack(), KEYS)._database(f"postgresql://timbre:not-asked@{address}/timbre?sslmode=disable&gssencmode=disable")
    assert (row.state, row.what) == (state, "database")
    assert ("pods must reach it" in row.detail) == (state == "unsure")


def test_the_models_address_is_not_the_databases_matter(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TIMBRE_MODELS", "s3://")
    assert Check(stack(), KEYS, ask=False)._database("postgresql://timbre:not-asked@127.0.0.1:9/timbre").state == "ok"
