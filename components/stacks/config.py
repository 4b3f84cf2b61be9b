"""A stack as YAML tells it: which parts run the pipelines, what a step's pod gets, and which variables are secrets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AliasChoices, Field, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError, model_validator

from components.config import Section
from components.errors import ConfigError
from components.menus import nearest
from components.places import configs_root
from components.stacks.hidden import is_hidden
from components.yaml_text import pairs_of, put, read_yaml

Pairs = dict[str, str]
S3 = "s3://"
ACCESS_KEY, SECRET_KEY, SESSION_TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
ZENML_KEY = "ZENML_STORE_API_KEY"


def _bucket(value: str) -> str:
    if not value.startswith(S3) or not value.removeprefix(S3).split("/")[0]:
        raise ValueError("write s3://BUCKET/PREFIX")
    return value.rstrip("/")


BucketPath = Annotated[str, AfterValidator(_bucket)]


class KubeflowConfig(Section):
    """Where Kubeflow Pipelines answers, and as whom the steps run."""

    host: str | None = None  # of the API, as https://kubeflow.example.org/pipeline; or a context of kubectl's configuration
    context: str | None = None
    namespace: str = "kubeflow"  # where Kubeflow Pipelines is installed
    user_namespace: str | None = None  # where runs go, in an installation of many users
    service_account: str | None = None  # of the steps' pods
    zenml_url: str | None = None  # by which pods reach ZenML's server, where it is another than from here
    zenml_secret: str | None = None  # the Kubernetes Secret with ZENML_STORE_API_KEY; without it the compiled pipeline carries a token
    image_pull_secrets: tuple[str, ...] = ()
    start_timeout_s: PositiveInt = 1800  # for a step's pod to start, once the steps before it are done
    timeout_s: PositiveInt = 7 * 24 * 3600  # for the whole run
    wait: bool = True  # for the run to end

    @model_validator(mode="after")
    def _is_reached(self) -> Self:
        if (self.host is None) == (self.context is None):
            raise ValueError("name a host or a context, and not both")
        return self


class ArtifactStoreConfig(Section):
    """The bucket that steps hand artifacts over by, and where it answers."""

    path: BucketPath
    endpoint_url: str | None = None  # another S3 than Amazon's
    region: str | None = None


class VolumeConfig(Section):
    """A claim that all pods mount, and where: folders below it are the same for all."""

    claim: str
    path: str


class TolerationConfig(Section):
    """A taint that does not keep a pod away from a node, as Kubernetes tells it; what is empty says nothing."""

    key: str = ""  # of the taint; any where none
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str = ""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None  # any where none
    toleration_seconds: int | None = Field(None, validation_alias=AliasChoices("toleration_seconds", "tolerationSeconds"))

    @model_validator(mode="before")
    @classmethod
    def _empty_says_nothing(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {key: value for key, value in values.items() if key not in cls.model_fields or value not in ("", None)}

    @model_validator(mode="after")
    def _kubernetes_takes_it(self) -> Self:
        if self.operator == "Exists" and self.value:
            raise ValueError(f"operator Exists goes with no value: leave {self.value} out, or write operator Equal")
        if self.operator != "Exists" and not self.key:
            raise ValueError("operator Equal needs a key: name the taint's key, or write operator Exists for every taint")
        if self.toleration_seconds is not None and self.effect != "NoExecute":
            raise ValueError("toleration_seconds goes with effect NoExecute alone: write that effect, or leave the seconds out")
        return self


class PodConfig(Section):
    """What a step's pod gets."""

    image: str | None = None
    cpus: PositiveFloat = 2.0
    memory_gib: PositiveFloat = 4.0
    gpus: NonNegativeInt = 0
    gpu_resource: str = "nvidia.com/gpu"
    node_selector: Pairs = Field(default_factory=dict)
    tolerations: tuple[TolerationConfig, ...] = ()
    shared_memory_gib: float = Field(0.0, ge=0)  # at /dev/shm, counted as memory
    retries: NonNegativeInt = 0  # where its pod fails or is evicted
    timeout_s: PositiveInt | None = None


class PodsConfig(Section):
    """What `all` say holds for each step that says nothing else."""

    all: PodConfig = PodConfig()
    validate_: PodConfig = Field(PodConfig(), alias="validate")
    featurize: PodConfig = PodConfig()
    train: PodConfig = PodConfig()
    evaluate: PodConfig = PodConfig()
    register_: PodConfig = Field(PodConfig(), alias="register")
    drift: PodConfig = PodConfig()
    alert: PodConfig = PodConfig()
    retrain: PodConfig = PodConfig()
    shadow: PodConfig = PodConfig()
    score: PodConfig = PodConfig()


class StackConfig(Section):
    """A stack: `local` runs steps in the process that asks for them, `kubeflow` each in a pod of its own."""

    orchestrator: Literal["local", "kubeflow"] = "local"
    kubeflow: KubeflowConfig | None = None
    artifact_store: ArtifactStoreConfig | None = None  # without it ZenML's own folder
    container_registry: str | None = None
    volume: VolumeConfig | None = None
    environment: Pairs = Field(default_factory=dict)  # of each step
    secrets: tuple[str, ...] = ()  # variables whose values ZenML keeps; `timbre stack register` takes them from its environment
    pods: PodsConfig = PodsConfig()

    @property
    def remote(self) -> bool:
        """Whether steps run on other machines."""
        return self.orchestrator == "kubeflow"

    @property
    def cluster(self) -> KubeflowConfig:
        """Where it runs on Kubeflow.

        Raises:
            ConfigError: if it does not.
        """
        if self.kubeflow is None:
            raise ConfigError("this stack runs nothing on Kubeflow: name one that does")
        return self.kubeflow

    def pod(self, step: str) -> PodConfig:
        """What a step's pod gets, with what `all` say where it says nothing."""
        names = {field.alias or name: name for name, field in PodsConfig.model_fields.items()}
        own: PodConfig = getattr(self.pods, names[step])
        return self.pods.all.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})

    @model_validator(mode="after")
    def _kubeflow_has_its_parts(self) -> Self:
        if not self.remote:
            return self
        lacking = [name for name in ("kubeflow", "artifact_store", "container_registry") if getattr(self, name) is None]
        if lacking:
            raise ValueError(f"a stack with Kubeflow lacks {', '.join(lacking)}: add it")
        return self

    @model_validator(mode="after")
    def _pods_have_images(self) -> Self:
        if self.remote and (lacking := [step for step in steps() if self.pod(step).image is None]):
            raise ValueError(f"no image is named for {', '.join(lacking)}: set pods.all.image")
        return self

    @model_validator(mode="after")
    def _secrets_stay_out(self) -> Self:
        open_ones = [name for name, value in self.environment.items() if name in self.secrets or is_hidden(name, value)]
        if open_ones:
            raise ValueError(
                f"environment holds {', '.join(open_ones)}, which others would read: name it under secrets instead, and `timbre stack "
                "register` takes its value from the environment into ZenML's secrets"
            )
        return self

    @model_validator(mode="after")
    def _addresses_hold_no_password(self) -> Self:
        told = {
            "kubeflow.host": self.kubeflow and self.kubeflow.host,
            "kubeflow.zenml_url": self.kubeflow and self.kubeflow.zenml_url,
            "artifact_store.endpoint_url": self.artifact_store and self.artifact_store.endpoint_url,
        }
        if open_ones := [key for key, value in told.items() if value and is_hidden("", value)]:
            raise ValueError(
                f"{', '.join(open_ones)} holds a password, which others would read: leave it out, and name KUBEFLOW_TOKEN, or AWS's keys, "
                "under secrets instead"
            )
        return self


def steps() -> list[str]:
    """The steps that a stack may tell pods of."""
    return [field.alias or name for name, field in PodsConfig.model_fields.items() if name != "all"]


def stack_path(name: str) -> Path:
    """The file of a stack: one that is named by its path, or NAME.yaml in configs/stacks.

    Raises:
        ConfigError: if there is none.
    """
    if (path := Path(name)).suffix in (".yaml", ".yml"):
        return path
    folder = configs_root() / "stacks"
    if not (path := folder / f"{name}.yaml").is_file():
        known = sorted(file.stem for file in folder.glob("*.yaml"))
        raise ConfigError(f"no stack {name!r} in {folder}{nearest(name, known)}; there are: {', '.join(known) or 'none'}")
    return path


def load_stack(name: str, overrides: Sequence[str] = ()) -> StackConfig:
    """Read a stack and apply overrides.

    Args:
        name: of a file in configs/stacks, or a path.
        overrides: `section.key=value` strings, whose values are YAML.
    Raises:
        ConfigError: if there is none, or a key or value does not fit.
    """
    path = stack_path(name)
    values = read_yaml(path)
    for key, value in pairs_of(overrides):
        put(values, key, value)
    return parse_stack(values, str(path))


def parse_stack(values: dict[str, Any], where: str) -> StackConfig:
    """The stack that nested values describe.

    Raises:
        ConfigError: if a key or value does not fit.
    """
    try:
        return StackConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"{where}: unknown key {key}") from None
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{where}: {key}: {message[0].lower()}{message[1:]}" if key else f"{where}: {message}") from None
