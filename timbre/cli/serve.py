"""timbre serve: the service, as `bentoml serve` runs it, with the flags that people know."""

import errno
import ipaddress
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from timbre.cli.console import log_to_stderr

SQLITE = "sqlite:///"
LOOPBACK = {"localhost": "127.0.0.1"}


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "localhost",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8090,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 or auto.")] = None,
    model_dir: Annotated[Path | None, typer.Option(help="A folder of tagger folders, served beside the registry's.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Windows scored at a time.")] = None,
    num_workers: Annotated[int | None, typer.Option(min=1, help="Processes that take requests, each with its own taggers.")] = None,
    hot_reload: Annotated[bool, typer.Option("--hot-reload", help="Start again when the code changes; for development.")] = False,
    add_instrument_metrics: Annotated[
        bool, typer.Option("--add-instrument-metrics", help="Metrics of each label in the answers of the test routes.")
    ] = False,
    with_worker: Annotated[bool, typer.Option("--with-worker", help="Run training jobs too, in a process beside the service.")] = False,
) -> None:
    """Serve the registered models over HTTP; /docs tells the routes, /ui is a page for people.

    On a loopback address anyone on this machine may use it, unless TIMBRE_AUTH=required. On any other, API keys are wanted.
    """
    from components.errors import ConfigError

    log_to_stderr()
    address = LOOPBACK.get(host, host)
    try:
        local = ipaddress.ip_address(address).is_loopback
    except ValueError:
        raise ConfigError(f"--host {host} is no IP address: write 127.0.0.1, 0.0.0.0, or that of a network card") from None
    auth = os.environ.get("TIMBRE_AUTH") or ("off" if local else "required")
    if auth == "off" and not local:
        raise ConfigError(f"TIMBRE_AUTH=off is for this machine alone, and --host {host} lets others in: unset it, or listen on localhost")
    flags = {"DEVICE": device, "MODEL_DIR": model_dir and model_dir.absolute(), "BATCH_SIZE": batch_size, "NUM_WORKERS": num_workers}
    given = {f"TIMBRE_{name}": str(value) for name, value in flags.items() if value is not None}
    if add_instrument_metrics:
        given["TIMBRE_ADD_INSTRUMENT_METRICS"] = "true"
    environment = {**os.environ, **_places(), **given, "TIMBRE_AUTH": auth, "BENTOML_DO_NOT_TRACK": "True"}
    from bentos.config import from_environment
    from bentos.processes import prefix

    from_environment(environment)  # a wrong value is said here, in one sentence
    _refuse_taken(host, address, port)
    environment["TIMBRE_METRICS_DIR"] = tempfile.mkdtemp(prefix=prefix("metrics"))
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "bentoml", "serve", "bentos.service:Timbre", "--working-dir", str(root), "--host", address]
    command += ["--port", str(port), *(["--reload"] if hot_reload else [])]
    if with_worker:  # its parent stays the same process, whatever program that runs
        subprocess.Popen([sys.executable, "-m", "timbre", "worker", "--beside", str(os.getpid())], env=environment)
    os.execve(sys.executable, command, environment)  # noqa: S606 - signals then reach the service itself


def _refuse_taken(host: str, address: str, port: int) -> None:
    """Say in a sentence what the service's own start would say in a traceback."""
    from components.errors import ConfigError

    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the service does: a port that was just left is free
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ConfigError(f"something listens on port {port} of {host} already: stop it, or choose another by --port") from None
            raise ConfigError(f"cannot listen on port {port} of {host}: {error.strerror}; choose others by --host and --port") from None


def _places() -> dict[str, str]:
    """Where things lie as seen from here: the service's own processes run in the project's folder."""
    from components import places
    from components.s3 import is_remote

    url = places.database_url()
    if url.startswith(SQLITE):
        url = f"{SQLITE}{Path(url.removeprefix(SQLITE)).absolute()}"
    folders = {name: os.environ.get(name) for name in ("TIMBRE_MODEL_DIR", "TIMBRE_WORKER_FOLDER")}
    kept = os.environ.get("TIMBRE_LOG_AUDIO", "none")
    if kept != "none" and not is_remote(kept):
        folders["TIMBRE_LOG_AUDIO"] = kept
    return {
        "TIMBRE_DATABASE_URL": url,
        "TIMBRE_MODELS": places.models_remote() or str(places.models_root()),
        "TIMBRE_STORE": places.store_remote() or str(places.store_root()),
        "TIMBRE_MIRROR": str(places.mirror_root()),
        "TIMBRE_CONFIGS": str(places.configs_root()),
        "TIMBRE_DATA_ROOTS": os.pathsep.join(map(str, places.data_roots())),
        **{name: str(Path(folder).absolute()) for name, folder in folders.items() if folder},
    }
