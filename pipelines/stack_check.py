"""What ZenML and Kubeflow say of a stack, before anything runs."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import yaml

from components.errors import StackError
from components.stacks import StackConfig
from components.stacks.check import Check, Finding
from components.stacks.wants import Wants
from pipelines.stacks import LABEL, TOKEN, kubeflow_token, secret_values, told_of, use
from pipelines.zenml_server import connected

DEFAULT = "not registered, nor need it be: it is ZenML's own default, which runs where no other is named or active"
OF_OTHERS = Finding(
    "unsure",
    "stack",
    "not registered by Timbre, so nothing is known of it: describe it in a YAML file of another name, and timbre stack register that",
)
PATIENCE_S = 10.0
HEALTH = "/apis/v2beta1/healthz"
THERE = 200
ELSEWHERE = range(300, 400)
REFUSED = (401, 403)


def take(name: str | None, wants: Wants) -> StackConfig:
    """Have this process run pipelines on a stack, once nothing is wrong with it; on the active one where none is named.

    Of one that was not registered by Timbre nothing is known: it is taken as it is.

    Raises:
        StackError: if it is not registered, it lacks something, or ZenML's server is away; buckets, database and images are not asked.
    """
    if name is None:
        active = connected().active_stack_model
        if LABEL not in (active.labels or {}):
            return StackConfig()  # of a stack that was not registered here nothing is known
        name = active.name
    told = told_of(use(name))
    Check(told, secret_values(name), wants, ask=False).require()
    if told.remote and (server := _server()).state == "wrong":
        raise StackError(f"the stack's {server.what}: {server.detail}")
    return told


def look(name: str, stack: StackConfig, registered: bool) -> Iterator[Finding]:
    """The server of ZenML, what is registered there, and the API of Kubeflow."""
    if stack.remote:
        yield _server()
    default = stack == StackConfig()
    told = DEFAULT if default else f"not registered: timbre stack register {name}"
    yield Finding("ok" if registered or default else "wrong", "stack", "registered" if registered else told)
    if stack.remote:
        yield ask_kubeflow(stack, kubeflow_token(Path(name).stem))


def _server() -> Finding:
    store = connected().zen_store
    if store.is_local_store():
        return Finding("wrong", "ZenML", "its database lies on this machine, where no pod reaches it: zenml login URL, of a server for all")
    return Finding("ok", "ZenML", store.url)


def ask_kubeflow(stack: StackConfig, token: str | None = None) -> Finding:
    """Whether Kubeflow's API answers at the stack's host, asked as a run is submitted: with the token, where there is one."""
    host, context = stack.cluster.host, stack.cluster.context
    if host is None:
        return _context(str(context))
    if not host.startswith("http"):  # as kfp does
        host = f"https://{host}"
    try:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        status = httpx.get(host.rstrip("/") + HEALTH, headers=headers, timeout=PATIENCE_S).status_code
    except (httpx.InvalidURL, UnicodeError):  # the second of a host's name that no name can be
        return Finding(
            "wrong", "Kubeflow", f"{host} is no address: set kubeflow.host to the API's, as https://kubeflow.example.org/pipeline"
        )
    except httpx.HTTPError as error:
        return Finding("wrong", "Kubeflow", f"gives no answer at {host} ({type(error).__name__}): set kubeflow.host to the API's address")
    if status == THERE:
        return Finding("ok", "Kubeflow", host)
    if token and status in REFUSED:
        told = f"{host} does not take {TOKEN} ({status}): set one that is still good, and register the stack anew if it holds the old one"
        return Finding("wrong", "Kubeflow", told)
    if status in ELSEWHERE or status in REFUSED:
        return Finding("unsure", "Kubeflow", f"{host} asks who submits: set {TOKEN}")
    return Finding("wrong", "Kubeflow", f"{host} answers {status} to {HEALTH}: set kubeflow.host to the API's address")


def _context(name: str) -> Finding:
    """Whether kubectl's configuration on this machine has the context through which a run is submitted."""
    there = Finding("unsure", "Kubeflow", f"is asked through the context {name}")
    try:
        from kubernetes.config import ConfigException, list_kube_config_contexts
    except ModuleNotFoundError:
        return there
    try:
        known = sorted(one["name"] for one in list_kube_config_contexts()[0])
    except (ConfigException, OSError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        return Finding("wrong", "Kubeflow", f"the context {name} is looked for in vain ({said}): set KUBECONFIG to kubectl's configuration")
    if name in known:
        return there
    told = f"kubectl's configuration has no context {name}: set kubeflow.context to one that it has ({', '.join(known)})"
    return Finding("wrong", "Kubeflow", told)
