"""Stacks in ZenML: registered from their YAML, as often as one likes, and taken for one command without changing which is active."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from zenml.client import Client
from zenml.config.retry_config import StepRetryConfig
from zenml.constants import ENV_ZENML_ACTIVE_STACK_ID
from zenml.enums import StackComponentType
from zenml.exceptions import EntityExistsError, StackValidationError
from zenml.models import ComponentResponse, StackResponse
from zenml.pipelines.pipeline_definition import Pipeline

from components.errors import StackError, TimbreError
from components.s3 import is_remote
from components.s3.connect import failure, refusal
from components.stacks import ACCESS_KEY, SECRET_KEY, SESSION_TOKEN, ArtifactStoreConfig, StackConfig, parse_stack
from pipelines.zenml_server import connected

TYPES = StackComponentType
FLAVOR, FLAVOR_SOURCE = "timbre-kubeflow", "pipelines.kubeflow.flavor.Flavor"
TOKEN = "KUBEFLOW_TOKEN"  # noqa: S105 - the name of a variable: who submits, where Kubeflow asks for it
LABEL = "timbre"  # of a stack holds what the YAML said, so that who runs a pipeline needs no file; of a component, whose it is
Told = dict[StackComponentType, tuple[str, dict[str, Any]]]  # flavor and configuration
S3_SECRET_KEYS = {ACCESS_KEY: "aws_access_key_id", SECRET_KEY: "aws_secret_access_key", SESSION_TOKEN: "aws_session_token"}


def register(name: str, stack: StackConfig, environment: Mapping[str, str] = os.environ) -> StackResponse:
    """Put a stack into ZenML, or bring the one of this name up to date.

    Args:
        environment: has the values of its secrets; those that ZenML keeps already need not be there.
    Raises:
        StackError: if a secret has no value, a stack, component or secret of this name was not registered here, or ZenML's server is away.
    """
    client = connected()
    known = registered(name)
    if known is not None and of_others(known):
        raise StackError(
            f"ZenML has a stack {name} that was not registered by Timbre: choose another name, or delete it with `zenml stack delete`"
        )
    told = _told_components(name, stack)
    _require_ours(name, stack, known, told)
    secrets = _keep_secrets(name, stack, environment)
    default = client.get_stack("default").components
    parts: dict[StackComponentType, Any] = {kind: default[kind][0].id for kind in (TYPES.ORCHESTRATOR, TYPES.ARTIFACT_STORE)}
    if stack.remote:
        _flavor()
    parts |= {kind: _component(name, kind, *one).id for kind, one in told.items()}
    labels = {LABEL: stack.model_dump(mode="json", by_alias=True, exclude_unset=True)}
    if known is None:
        known = client.create_stack(name, parts, labels=labels, secrets=secrets)
    before = [str(one) for one in known.secrets or []]
    new, gone = [one for one in secrets if one not in before], [one for one in before if one not in secrets]
    client.update_stack(name, component_updates=parts, add_secrets=new, remove_secrets=gone)
    _drop_secrets(name, stack)
    # By itself: beside secrets ZenML forgets labels.
    return client.update_stack(name, labels=labels, environment=_changes(known.environment or {}, stack.environment))


def registered(name: str) -> StackResponse | None:
    """The stack of this name; None where there is none.

    Raises:
        StackError: if ZenML's server gives no answer, or does not take who asks.
    """
    found = connected().list_stacks(name=name).items
    return found[0] if found else None


def of_others(stack: StackResponse) -> bool:
    """Whether a stack was put into ZenML by other commands than Timbre's: nothing is known of it."""
    return stack.name != "default" and LABEL not in (stack.labels or {})


def use(name: str) -> StackResponse:
    """Have this process run pipelines on a registered stack, with the environment and secrets that its steps have.

    Raises:
        StackError: if it is not registered.
    """
    known = registered(name)
    if known is None:
        raise StackError(f"no stack {name!r} is registered: timbre stack register {name}")
    os.environ[ENV_ZENML_ACTIVE_STACK_ID] = str(known.id)
    if not runs_elsewhere():  # whether a cached result still holds is asked before ZenML gives a step its environment
        os.environ |= values_of(known)
    return known


def runs_elsewhere() -> bool:
    """Whether the active stack runs steps on other machines."""
    return not Client().active_stack.orchestrator.config.is_local


class OnPods(Pipeline):
    """A pipeline in which ZenML lets each step begin anew as often as its pod does: one that still may is not said to have failed."""

    def prepare(self, *args: Any, **kwargs: Any) -> None:
        """As ZenML does; only then the steps are known."""
        super().prepare(*args, **kwargs)
        told = told_of(Client().active_stack_model)
        retries = {step: told.pod(step).retries for step in self.invocations}
        told_zenml = {step: {"retry": StepRetryConfig(max_retries=most)} for step, most in retries.items() if most}
        self._run_args["step_configurations"] = told_zenml


def on_active_stack(pipeline: Pipeline) -> Pipeline:
    """The pipeline with the retries that the active stack allows each of its steps."""
    if not told_of(Client().active_stack_model).remote:
        return pipeline
    made = pipeline.copy()
    made.__class__ = OnPods
    return made


@contextmanager
def artifact_sentences() -> Iterator[None]:
    """Turns what S3 refuses the artifact store, what is gone from it, and what ZenML finds amiss in a stack into a sentence.

    Raises:
        S3Error: with what S3 refuses.
        StackError: with the others.
    """
    try:
        yield
    except TimbreError:
        raise
    except StackValidationError as error:
        name, said = Client().active_stack_model.name, " ".join(str(error).split())
        raise StackError(f"ZenML runs nothing on the stack {name}, see `timbre stack check {name}`: {said}") from error
    except Exception as error:  # ZenML hands on those of every client of S3; each is raised again, as a sentence or as it is
        if isinstance(error, FileNotFoundError) and Client().active_stack.artifact_store.path in str(error):
            raise StackError(f"an artifact is gone ({error}): the same command does again the steps whose results are gone") from error
        place = str(Client().active_stack_model.components[TYPES.ARTIFACT_STORE][0].configuration.get("path"))
        if not is_remote(place) or (refused := refusal(error)) is None:
            raise
        raise failure(refused, place) from error


def told_of(stack: StackResponse) -> StackConfig:
    """What the YAML of a registered stack said; of one that has none, that it runs here.

    Raises:
        ConfigError: if that is refused by now; registered anew, the stack is as its YAML says.
    """
    said: dict[str, Any] = (stack.labels or {}).get(LABEL, {})
    return parse_stack(said, f"the stack {stack.name} as it was registered")


def secret_values(name: str) -> dict[str, str]:
    """The variables that ZenML keeps for a stack."""
    try:
        secret = Client().get_secret(_secret(name), allow_partial_name_match=False)
    except KeyError:
        return {}
    return {key: str(value) for key, value in secret.secret_values.items()}


def values_of(stack: StackResponse) -> dict[str, str]:
    """The environment and secrets that a registered stack gives its steps."""
    return {key: str(value) for key, value in (stack.environment or {}).items()} | secret_values(stack.name)


def kubeflow_token(name: str) -> str | None:
    """Who submits to a stack's Kubeflow: of its secrets, else of the environment."""
    return secret_values(name).get(TOKEN) or os.environ.get(TOKEN)


def known_values(name: str, stack: StackConfig, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The values of a stack's secrets, from the environment or from ZenML; empty where none is known."""
    kept = secret_values(name)
    return {key: environment.get(key) or kept.get(key, "") for key in stack.secrets}


def _keep_secrets(name: str, stack: StackConfig, environment: Mapping[str, str]) -> list[str]:
    """Names of the secrets that hold the stack's variables."""
    values = known_values(name, stack, environment)
    if lacking := [key for key, value in values.items() if not value]:
        raise StackError(f"the stack {name} has secrets whose values are not known: set {', '.join(lacking)} and register it again")
    if not values:
        return []
    _put_secret(_secret(name), values)
    if ACCESS_KEY in values:
        _put_secret(_s3_secret(name), {S3_SECRET_KEYS[key]: values[key] for key in S3_SECRET_KEYS if key in values})
    return [str(Client().get_secret(_secret(name), allow_partial_name_match=False).id)]


def _drop_secrets(name: str, stack: StackConfig) -> None:
    """What the YAML names no longer would stay in force otherwise, as secrets are found by their names."""
    client = Client()
    wanted = {_secret(name): bool(stack.secrets), _s3_secret(name): ACCESS_KEY in stack.secrets}
    for secret in (one for one, is_wanted in wanted.items() if not is_wanted):
        with suppress(KeyError):  # there is none
            client.delete_secret(str(client.get_secret(secret, allow_partial_name_match=False).id))


def _put_secret(name: str, values: dict[str, str]) -> None:
    client = Client()
    try:
        client.create_secret(name, values)
    except EntityExistsError:
        gone = set(client.get_secret(name, allow_partial_name_match=False).secret_values) - set(values)
        client.update_secret(name, add_or_update_values=values, remove_values=sorted(gone))


def _of_artifacts(name: str, told: ArtifactStoreConfig, with_secret: bool) -> dict[str, Any]:
    """ZenML's configuration of the bucket."""
    where = {"endpoint_url": told.endpoint_url, "region_name": told.region}
    found: dict[str, Any] = {"path": told.path, "client_kwargs": {key: value for key, value in where.items() if value}}
    return {**found, "authentication_secret": _s3_secret(name)} if with_secret else found


def _of_kubeflow(stack: StackConfig) -> dict[str, Any]:
    """ZenML's configuration of the orchestrator."""
    told = stack.cluster
    hosts = {"kubeflow_hostname": told.host, "kubernetes_context": told.context}
    return {
        "kubeflow_namespace": told.namespace,
        "synchronous": told.wait,
        **{key: value for key, value in hosts.items() if value},
    }


def _told_components(name: str, stack: StackConfig) -> Told:
    """The components of its own that a stack has."""
    told: Told = {}
    if stack.artifact_store is not None:
        told[TYPES.ARTIFACT_STORE] = "s3", _of_artifacts(name, stack.artifact_store, ACCESS_KEY in stack.secrets)
    if stack.remote:
        told[TYPES.ORCHESTRATOR] = FLAVOR, _of_kubeflow(stack)
        told[TYPES.CONTAINER_REGISTRY] = "default", {"uri": stack.container_registry}
        told[TYPES.IMAGE_BUILDER] = "local", {}
    return told


def _require_ours(name: str, stack: StackConfig, known: StackResponse | None, told: Told) -> None:
    """See that nothing is written over which others put into ZenML.

    A component of ours has a label, or is a part of a stack of ours. A secret can have none: it is ours where one of those is, or where it
    holds what this stack names and nothing else, as after a registration that broke off before its first component.
    """
    client = Client()
    parts = {one.id for of_kind in known.components.values() for one in of_kind} if known is not None else set()
    is_ours = known is not None
    for kind, (flavor, _) in told.items():
        for one in client.list_stack_components(name=name, type=kind).items:
            if one.flavor_name != flavor or (one.id not in parts and LABEL not in (one.labels or {})):
                raise _not_ours(kind.value, name)
            is_ours = True
    named = {_secret(name): set(stack.secrets), _s3_secret(name): set(S3_SECRET_KEYS.values())}
    for secret, keys in named.items() if not is_ours else ():
        with suppress(KeyError):  # there is none
            if set(client.get_secret(secret, allow_partial_name_match=False).values) - keys:
                raise _not_ours("secret", secret)


def _not_ours(kind: str, name: str) -> StackError:
    called, noun = kind.replace("_", " "), kind.replace("_", "-")
    return StackError(
        f"ZenML has {'an' if kind[0] in 'aeiou' else 'a'} {called} {name} that was not registered by Timbre: choose another name for the "
        f"stack, or, if nobody needs it, delete it with `zenml {noun} delete {name}`"
    )


def _component(name: str, kind: StackComponentType, flavor: str, configuration: dict[str, Any]) -> ComponentResponse:
    client, labels = Client(), {LABEL: name}
    if known := client.list_stack_components(name=name, type=kind).items:
        gone = {key: None for key in known[0].configuration if key not in configuration}
        return client.update_stack_component(known[0].id, kind, configuration={**configuration, **gone}, labels=labels)
    return client.create_stack_component(name, flavor, kind, configuration, labels)


def _flavor() -> None:
    client = Client()
    if not client.list_flavors(name=FLAVOR, type=TYPES.ORCHESTRATOR).items:
        client.create_flavor(FLAVOR_SOURCE, TYPES.ORCHESTRATOR)


def _changes(before: Mapping[str, Any], after: Mapping[str, str]) -> dict[str, Any]:
    """What ZenML is told to make one environment of the other: None takes a variable away."""
    return {**dict.fromkeys(before), **after}


def _secret(name: str) -> str:
    return f"timbre-{name}"


def _s3_secret(name: str) -> str:
    return f"timbre_s3-{name}"  # no stack's variables have a name like this: each may be removed without a look at the others
