"""The tagger that scores, on this machine and on every worker."""

import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from components.cluster import here
from components.errors import ClusterError
from components.memory import keep_freed
from components.places import models_root
from components.registry import Registry, far_folders, folders
from components.s3 import Remote
from components.tagger import Tagger

_opening = threading.Lock()


@dataclass(frozen=True)
class Model:
    """A tagger folder by what is in it, and where it lies.

    Args:
        key: what it is called, `name@digest8`.
        folder: on this machine, or one that all share.
        remote: `s3://` address under which folders lie by digest, if they do.
    """

    digest: str
    key: str
    folder: str
    remote: str | None = None

    @classmethod
    def find(cls, name: str) -> "Model":
        """The model that is registered as `name`, or the tagger folder at that path.

        Raises:
            RegistryError: if there is neither.
        """
        if (Path(name) / folders.TAGGER).is_file():
            sealed = folders.read(Path(name))
            return cls(sealed.digest, f"{sealed.about.get('name', 'tagger')}@{sealed.digest[:8]}", str(Path(name).absolute()))
        with Registry.look() as registry:
            found = registry.find(name, inactive=True)
            remote = registry.remote.address if registry.remote else None
            return cls(found.digest, found.key, str(registry.folder(found)), remote)

    def open(self, device: str = "auto") -> Tagger:
        """The tagger; once a process and device.

        Raises:
            ClusterError: if it does not lie here.
            TaggerError: if it is damaged.
        """
        with _opening:
            return _opened(self, device)


@lru_cache(maxsize=2)
def _opened(model: Model, device: str) -> Tagger:
    keep_freed()
    folder: Path | None = Path(model.folder)
    if folder is not None and not folder.is_dir():
        folder = far_folders.fetch(model.digest, models_root(), Remote.of(model.remote)) if model.remote else None
    if folder is None:
        raise ClusterError(
            f"{here()} does not see the tagger at {model.folder}: let all workers mount it at this path, or set TIMBRE_MODELS to s3://"
        )
    return Tagger.open(folder, device, model.digest)
