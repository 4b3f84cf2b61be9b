"""What steps hand to each other instead of bytes: small, hashed by ZenML, the same on every machine."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from components.datasets import Manifest
from components.places import store_remote, store_root
from components.s3 import Remote


class ManifestRef(BaseModel):
    """A manifest kept under the store by its digest."""

    model_config = ConfigDict(frozen=True)

    digest: str

    @classmethod
    def keep(cls, manifest: Manifest) -> "ManifestRef":
        """Write the manifest under the store; the paths in it are those of this run."""
        ref = cls(digest=manifest.digest)
        path = manifest.write(ref._path)
        if address := store_remote():
            Remote.of(address).put(f"manifests/{path.name}", path)
        return ref

    def open(self) -> Manifest:
        """Read the manifest back."""
        if (address := store_remote()) and not self._path.exists():
            Remote.of(address).fetch(f"manifests/{self._path.name}", self._path)
        return Manifest.read(self._path)

    @property
    def _path(self) -> Path:
        return store_root() / "manifests" / f"{self.digest}.parquet"
