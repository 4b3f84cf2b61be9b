"""Stacks: where pipelines run and what they need there. A stack is a YAML file in configs/stacks; ZenML keeps what is registered of it."""

from components.stacks.config import (
    ACCESS_KEY,
    S3,
    SECRET_KEY,
    SESSION_TOKEN,
    ZENML_KEY,
    ArtifactStoreConfig,
    PodConfig,
    StackConfig,
    load_stack,
    parse_stack,
    stack_path,
    steps,
)

__all__ = [
    "ACCESS_KEY",
    "S3",
    "SECRET_KEY",
    "SESSION_TOKEN",
    "ZENML_KEY",
    "ArtifactStoreConfig",
    "PodConfig",
    "StackConfig",
    "load_stack",
    "parse_stack",
    "stack_path",
    "steps",
]
