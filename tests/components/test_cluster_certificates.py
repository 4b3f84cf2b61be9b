"""A cluster over TLS, with the certificates that Dask's configuration names; what is lacking or wrong is one sentence."""

from pathlib import Path

import dask
import pytest
from distributed import Security

from components.cluster import connected
from components.errors import ClusterError
from tests.fixtures.dask_cluster import started, threads_cluster

TLS = "distributed.comm.tls"
SUMS = """
import sys
from components.cluster import connected

with connected(sys.argv[1]) as cluster:
    print(list(cluster.spread(sum, [[1, 2]])))
"""


def certificate(folder: Path) -> dict[str, str]:
    """A new self-signed one in files, as a client's keys under distributed.comm.tls."""
    made = Security.temporary()
    folder.mkdir()
    contents = {"ca-file": made.tls_ca_file, "client.cert": made.tls_client_cert, "client.key": made.tls_client_key}
    for key, text in contents.items():
        (folder / key).write_text(text)
    return {key: str(folder / key) for key in contents}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return certificate(tmp_path_factory.mktemp("tls") / "own")


def variables(files: dict[str, str]) -> dict[str, str]:
    """What gives all roles the certificate."""
    named = {"CA_FILE": files["ca-file"]}
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        named |= {f"{role}__CERT": files["client.cert"], f"{role}__KEY": files["client.key"]}
    return {f"DASK_DISTRIBUTED__COMM__TLS__{key}": path for key, path in named.items()}


def configured(files: dict[str, str], **more: object) -> dask.config.set:
    return dask.config.set({**{f"{TLS}.{key}": path for key, path in files.items()}, **more})


@pytest.mark.parametrize("protocol", ["tls", "wss"])
def test_a_cluster_with_the_same_certificates(monkeypatch: pytest.MonkeyPatch, files: dict[str, str], protocol: str) -> None:
    """The client is another process: Dask leaves a socket of wss open."""
    for name, value in variables(files).items():
        monkeypatch.setenv(name, value)
    with threads_cluster(1, protocol) as address, started(SUMS, address) as client:
        assert address.startswith(f"{protocol}://")
        assert client.communicate(timeout=60)[0] == "[([1, 2], 3)]\n"


def test_a_cluster_with_others(tmp_path: Path, files: dict[str, str]) -> None:
    with (
        threads_cluster(1, "tls", **variables(files)) as address,
        configured(certificate(tmp_path / "other")),
        pytest.raises(ClusterError, match=rf"no Dask scheduler answers at {address} \(.+\): .* or the certificates$"),
        connected(address),
    ):
        pass


@pytest.mark.parametrize("protocol", ["tls", "wss"])
def test_certificates_that_are_not_configured(protocol: str) -> None:
    said = f"^{protocol}://127.0.0.1:9 asks for certificates, and Dask's configuration names none: set ca-file, client.cert"
    with pytest.raises(ClusterError, match=said), connected(f"{protocol}://127.0.0.1:9"):
        pass


def test_certificates_that_are_none(tmp_path: Path, files: dict[str, str]) -> None:
    (tmp_path / "empty").touch()
    for changed in ({"ca-file": str(tmp_path / "empty")}, {"client.cert": str(tmp_path / "missing")}):
        with (
            configured({**files, **changed}),
            pytest.raises(ClusterError, match=r"^Dask's certificates cannot be used \(.+\): mend ca-file"),
            connected("tls://127.0.0.1:9"),
        ):
            pass


def test_where_encryption_is_required_no_address_goes_without() -> None:
    with (
        dask.config.set({"distributed.comm.require-encryption": True}),
        pytest.raises(ClusterError, match=r"requires encryption, which tcp://127.0.0.1:9 has not: name the scheduler by tls://"),
        connected("tcp://127.0.0.1:9"),
    ):
        pass
