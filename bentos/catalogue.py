"""Which models a request may name: the registry's, and the tagger folders of --model-dir. A key is never opened as a path."""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from components.errors import TaggerError, TimbreError
from components.registry import Registry, UnknownModel
from components.tagger.folder import JSON
from components.tagger.settings import TaggerJson, read_json

PRODUCTION = "production"


@dataclass(frozen=True)
class Offer:
    """A model that may be used now: its key `name@digest8`, and what its tagger.json says."""

    key: str
    digest: str
    settings: TaggerJson


class Catalogue:
    """The models on offer, looked up anew at each request, so that a promotion holds from the next one on."""

    def __init__(self, registry: Registry, model_dir: Path | None) -> None:
        self._registry = registry
        self._folder_models = _read_folder(model_dir) if model_dir else {}

    def keys(self) -> list[str]:
        """What `find` takes, aliases first."""
        registered = list(self._registry.choices()) if self._registry.database.is_there else []
        beside = [key for key in self._folder_models if key not in registered]
        alias = [PRODUCTION] if PRODUCTION not in registered and len(self._folder_models) == 1 else []
        return alias + registered + beside

    def find(self, key: str) -> Offer:
        """The model of a key.

        Raises:
            UnknownModel, InactiveModel, ArchivedModel: if there is none that may be served.
            TaggerError: if its folder is not there or damaged.
        """
        if key in self._folder_models:
            return self._offer_beside(key)
        if not self._registry.database.is_there:
            return self._fall_back(key, UnknownModel("no models are registered here: train and register one first"))
        try:
            model = self._registry.find(key)
        except UnknownModel as error:
            return self._fall_back(key, error)
        return Offer(model.key, model.digest, settings_of(str(self._registry.root / model.digest), model.digest))

    def folder(self, digest: str) -> Path:
        """Where the tagger of a digest lies."""
        for path in self._folder_models.values():
            if _digest(path) == digest:
                return path
        return self._registry.root / digest

    def _fall_back(self, key: str, error: UnknownModel) -> Offer:
        """`production` is the one tagger of --model-dir where the registry has none."""
        if key == PRODUCTION and len(self._folder_models) == 1:
            return self._offer_beside(next(iter(self._folder_models)))
        raise error

    def _offer_beside(self, key: str) -> Offer:
        path = self._folder_models[key]
        digest = _digest(path)
        return Offer(key, digest, settings_of(str(path), digest))


@functools.lru_cache(maxsize=64)
def settings_of(folder: str, digest: str) -> TaggerJson:
    """What the tagger.json of a digest says.

    Raises:
        TaggerError: if it is not there or another.
    """
    try:
        data = (Path(folder) / JSON).read_bytes()
    except OSError:
        raise TaggerError(f"the tagger folder {folder} is not there: run `timbre doctor`") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise TaggerError(f"{folder} holds another tagger than {digest[:8]}: run `timbre doctor`")
    return read_json(data, folder)


def _digest(folder: Path) -> str:
    return hashlib.sha256((folder / JSON).read_bytes()).hexdigest()


def _read_folder(folder: Path) -> dict[str, Path]:
    """key -> tagger folder, of those at the folder, one or two levels below it."""
    if not folder.is_dir():
        raise TaggerError(f"--model-dir {folder} is no folder: name one that holds tagger folders")
    found: dict[str, Path] = {}
    for path in sorted({file.parent for depth in ("", "*/", "*/*/") for file in folder.glob(f"{depth}{JSON}")}):
        data = (path / JSON).read_bytes()
        try:
            found[f"{read_json(data, str(path)).name}@{hashlib.sha256(data).hexdigest()[:8]}"] = path
        except TimbreError as error:
            raise TaggerError(f"--model-dir: {error}") from None
    return found


Finder = Callable[[str], Offer]
