"""What a training job may ask for: a configuration by its name, overrides that fit it, and no paths of the server but data."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.config import Config, load_config
from components.config_texts import SOURCES, looks_like_a_path, texts_in
from components.errors import ConfigError
from components.menus import nearest
from components.overrides import as_texts
from components.places import configs_root, worker_folder
from components.registry import names

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
MOST_OVERRIDES, LONGEST_OVERRIDE = 100, 4000
NO_PATHS = ("name", "task", "labels")  # names that may be those of a file by chance


@dataclass(frozen=True)
class JobRequest:
    """What is trained: the name of a configuration and `section.key=value` texts."""

    config: str
    overrides: list[str]


def checked(
    config: str,
    overrides: Sequence[str] | Mapping[str, Any],
    folder: Path | None = None,
    check: Callable[[Config, Config], None] | None = None,
) -> JobRequest:
    """A request that training will take.

    Args:
        folder: of the configurations; TIMBRE_CONFIGS where none is given.
        check: raises where the configuration may not be trained; told it with the overrides, and as the file has it.
    Raises:
        ConfigError: if there is no such configuration, or a key or value does not fit.
        RegistryError: if the model cannot have its name.
    """
    file = config_file(config, folder)
    texts = as_texts(overrides) if isinstance(overrides, Mapping) else list(overrides)
    if len(texts) > MOST_OVERRIDES or any(len(text) > LONGEST_OVERRIDE for text in texts):
        raise ConfigError(f"a job takes {MOST_OVERRIDES} overrides of {LONGEST_OVERRIDE} characters each: write a file in configs/")
    if any("\0" in text for text in texts):
        raise ConfigError("an override holds a NUL character: leave it out")
    made = _load(file, texts)
    names.check(made.name)
    if check is not None:
        check(made, _load(file, ()))
    return JobRequest(file.stem, texts)


def _load(file: Path, texts: Sequence[str]) -> Config:
    """A configuration whose errors do not tell where the server keeps it."""
    try:
        return load_config(file, texts)
    except ConfigError as error:
        raise ConfigError(str(error).replace(str(file), f"configs/{file.name}")) from None


def config_file(name: str, folder: Path | None = None) -> Path:
    """The file of a configuration in a folder, by its name; a path is no name.

    Raises:
        ConfigError: if there is none.
    """
    folder = folder or configs_root()
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    stem = name.removesuffix(".yaml")
    if not NAME.fullmatch(name) or stem not in known:
        choice = f"choose one of {', '.join(known)}" if known else "there are none here, so start the service where configs/ is"
        raise ConfigError(f"there is no configuration {name[:100]!r}{nearest(stem[:100], known)}: {choice}")
    return folder / f"{stem}.yaml"


def refuse_foreign_paths(config: Config, roots: Sequence[Path], trusted: Config | None = None) -> None:
    """Refuse a configuration that names files outside the folders that its author may read.

    Args:
        roots: folders under which data may lie; links are followed before they are compared.
        trusted: the configuration without the author's overrides, or the defaults: what it names, whoever wrote it may name.
    Raises:
        ConfigError: if a data set, weights or a folder lies elsewhere, or a checkpoint is named at all.
    """
    known = {text for _, text in texts_in((trusted or Config()).model_dump(mode="json"))}
    for key, text in texts_in(config.model_dump(mode="json")):
        if text in known or key.split(".")[0] in NO_PATHS or (key == "model.pretrained" and text in SOURCES):
            continue
        if key == "training.ckpt":
            raise ConfigError("training.ckpt names a file of the server, which a job cannot: submit the job without it")
        path = _path_in(key, text)
        if path is not None and ("://" in path or not _lies_in(path, roots)):
            raise ConfigError(f"{key}: {text!r} is not under the data folders of the server: name data that lie there")


def _path_in(key: str, text: str) -> str | None:
    """The path that a value names, if it is one."""
    if key.startswith("data."):
        from components.datasets import parse  # pandas, which who only asks for a job's state need not load

        return parse(text)[1]
    return text if looks_like_a_path(text) or key == "model.pretrained" or _is_there(text) else None


def _is_there(text: str) -> bool:
    try:
        return bool(text) and (worker_folder() / text).exists()
    except OSError:
        return False


def _lies_in(path: str, roots: Sequence[Path]) -> bool:
    try:
        place = (worker_folder() / Path(path).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError):
        return False
    # Where a glob may climb out, its text still holds the step up that resolve() would have taken away.
    return ".." not in Path(path).parts and any(place.is_relative_to(root.resolve()) for root in roots)
