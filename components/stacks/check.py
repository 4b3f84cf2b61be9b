"""What a stack lacks, said before anything runs: parts, buckets, the database, images, and paths that other machines cannot read."""

import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

from components.datasets import parse
from components.datasets.bucket import is_there
from components.errors import DataError, RegistryError, S3Error, StackError
from components.registry.database import Database
from components.s3 import Remote
from components.stacks.config import ACCESS_KEY, S3, StackConfig, steps
from components.stacks.images import State, look_for
from components.stacks.wants import Wants

STORE, MODELS, MIRROR, DATABASE = "TIMBRE_STORE", "TIMBRE_MODELS", "TIMBRE_MIRROR", "TIMBRE_DATABASE_URL"
PROBE = ".timbre-check"
MODULES = {"kubeflow": ("kfp", "kfp.kubernetes"), "s3": ("s3fs", "boto3")}


class Finding(NamedTuple):
    """One line of the table: `unsure` is what cannot be told from here."""

    state: State
    what: str
    detail: str


@dataclass(frozen=True)
class Check:
    """Looks at a stack's parts, one after the other.

    Args:
        secrets: the values of its variables, as far as they are known.
        wants: what the pipeline that is to run names.
        ask: buckets, database and registries, and not only what the YAML says.
    """

    stack: StackConfig
    secrets: Mapping[str, str]
    wants: Wants = field(default_factory=Wants)
    ask: bool = True

    def findings(self) -> Iterator[Finding]:
        """All of them, from the part that others need to those that need it."""
        values = {**self.stack.environment, **self.secrets}
        yield from self._modules()
        yield from self._secrets()
        yield from self._shell()
        with environment(values):
            yield self._artifacts()
            yield self._place("store", values.get(STORE, ""), f"environment.{STORE}")
            yield self._place("models", values.get(MODELS, ""), f"environment.{MODELS}")
            yield self._database(values.get(DATABASE, ""))
            yield from self._data()
            yield from self._paths(values)
        if self.stack.remote and self.ask:
            for image in dict.fromkeys(self.stack.pod(step).image or "" for step in steps()):
                answer = look_for(image)
                yield Finding(answer.state, "image", answer.detail)

    def require(self) -> None:
        """See that nothing is wrong.

        Raises:
            StackError: with the first that is.
        """
        for one in self.findings():
            if one.state == "wrong":
                raise StackError(f"the stack's {one.what}: {one.detail}")

    def shared(self, path: str) -> bool:
        """Whether a path lies on the volume that all pods mount."""
        volume = self.stack.volume
        return volume is not None and PurePosixPath(path).is_relative_to(volume.path)

    def _modules(self) -> Iterator[Finding]:
        wanted = [*(["kubeflow"] if self.stack.remote else []), *(["s3"] if self.stack.artifact_store else [])]
        for extra in wanted:
            lacking = [module for module in MODULES[extra] if not _found(module)]
            detail = f"lacks {', '.join(lacking)}: pip install 'timbre-audio[{extra}]'" if lacking else ", ".join(MODULES[extra])
            yield Finding("wrong" if lacking else "ok", f"extra {extra}", detail)

    def _secrets(self) -> Iterator[Finding]:
        if names := self.stack.secrets:
            lacking = [name for name in names if not self.secrets.get(name)]
            detail = f"no value is known of {', '.join(lacking)}: set it and register the stack" if lacking else ", ".join(names)
            yield Finding("wrong" if lacking else "ok", "secrets", detail)

    def _shell(self) -> Iterator[Finding]:
        """Whether commands that name no stack read the same buckets: the stack's secrets are not theirs."""
        far = any(S3 in place for place in (*self.wants.data, self.wants.out or ""))
        if self.stack.remote or not far or ACCESS_KEY not in self.stack.secrets:
            return
        if not any(os.environ.get(name) for name in (ACCESS_KEY, "AWS_PROFILE")):
            detail = f"{ACCESS_KEY} is not set here: commands without --stack, such as timbre data check, may not read what lies on S3"
            yield Finding("unsure", "shell", detail)

    def _artifacts(self) -> Finding:
        told = self.stack.artifact_store
        if told is None:
            return Finding("ok", "artifact store", "ZenML's own folder on this machine")
        of_s3 = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")  # the second has the last word, where it is set here
        where = {**dict.fromkeys(of_s3, told.endpoint_url), "AWS_DEFAULT_REGION": told.region}
        with environment({name: value for name, value in where.items() if value}):
            return self._bucket("artifact store", told.path)

    def _bucket(self, what: str, address: str) -> Finding:
        """Whether a prefix can be read and written."""
        try:
            remote = Remote.of(address)
            if self.ask:
                remote.check()
                remote.put(PROBE, b"")
                remote.remove(PROBE)
        except S3Error as error:
            return Finding("wrong", what, str(error))
        return Finding("ok", what, address)

    def _place(self, what: str, place: str, key: str) -> Finding:
        """Whether pods see a place that they write to; `key` is where it is set."""
        if place.startswith(S3):
            return self._bucket(what, place)
        if place and self.shared(place):
            return Finding("ok", what, f"{place}, on the claim that all pods mount")
        if self.stack.remote:
            told = f"{place} is a folder" if place else "it would be a folder"
            return Finding("wrong", what, f"{told} that other pods do not see: set {key} to s3://BUCKET/PREFIX")
        return Finding("ok", what, place or "on this machine")

    def _database(self, url: str) -> Finding:
        if not url or url.startswith("sqlite"):
            told = "a SQLite file, which" if url else "none is named, and a SQLite file"
            advice = f"{told} other pods do not see: set {DATABASE} to PostgreSQL's URL, and list it under secrets"
            return Finding("wrong", "database", advice) if self.stack.remote else Finding("ok", "database", "a SQLite file on this machine")
        try:
            database = Database(url)
        except RegistryError as error:  # no machine could use it
            return Finding("wrong", "database", str(error))
        try:
            if self.ask:
                database.ask()
        except RegistryError as error:
            if self.stack.remote and not _took_a_password(error):
                return Finding("unsure", "database", f"{error}; pods must reach it")
            return Finding("wrong", "database", str(error))
        finally:
            database.close()
        return Finding("ok", "database", database.where)

    def _data(self) -> Iterator[Finding]:
        try:
            paths = list(dict.fromkeys(parse(spec)[1] for spec in self.wants.data))
        except DataError as error:
            yield Finding("wrong", "data", str(error))
            return
        here = [path for path in paths if not path.startswith(S3) and not self.shared(path)]
        if self.stack.remote and here:
            yield Finding("wrong", "data", f"no pod sees {', '.join(here)}: copy it to a bucket, and name it as TYPE:s3://BUCKET/PREFIX")
            return
        buckets = [path for path in paths if path.startswith(S3)]
        for path in buckets:
            yield self._data_set(path)
        if paths and not buckets:
            yield Finding("ok", "data", ", ".join(paths))

    def _data_set(self, address: str) -> Finding:
        """Whether there is anything at an address that data are read from."""
        try:
            if self.ask and not is_there(address):
                return Finding("wrong", "data", f"nothing lies at {address}: check how it is spelt, or copy the data there")
            Remote.of(address)
        except S3Error as error:
            return Finding("wrong", "data", str(error))
        return Finding("ok", "data", address)

    def _paths(self, values: Mapping[str, str]) -> Iterator[Finding]:
        """Files and folders beside the data: no part of a training reads them from a bucket."""
        if not self.stack.remote:
            return
        advice = "put it on a claim that all pods mount (volume), and name it there"
        for key, path in self.wants.paths:
            state: State = "ok" if self.shared(path) else "wrong"
            yield Finding(state, key, path if state == "ok" else f"no pod sees {path}: {advice}")
        if self.wants.aisfx and not any(self.shared(values.get(name, "")) for name in (MODELS, MIRROR)):
            said = f"no pod sees the weights aisfx: let environment.{MIRROR} be on a claim that all pods mount, and fetch them there"
            yield Finding("wrong", "model.pretrained", said)
        if (out := self.wants.out) is not None:
            yield self._place("prediction.out", out, "prediction.out")


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """What S3's client and the registry read, for as long as this lasts; an empty value is left out."""
    values = {name: value for name, value in values.items() if value}
    before = {name: os.environ.get(name) for name in values}
    os.environ |= values
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _found(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _took_a_password(error: RegistryError) -> bool:
    """Whether the database that refused was there and asked for the password: it would refuse pods too."""
    refused = getattr(error.__cause__, "orig", None)
    return bool(getattr(getattr(refused, "pgconn", None), "used_password", False))
