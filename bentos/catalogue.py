"""Which models a request may name: the registry's, and the tagger folders of --model-dir. A key is never opened as a path."""

import contextlib
import functools
import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bentos.outage import LastSaid
from components.errors import TaggerError, TimbreError
from components.registry import ArchivedModel, InactiveModel, Registry, UnknownModel
from components.tagger.folder import JSON
from components.tagger.settings import TaggerJson, read_json

PRODUCTION = "production"
FRESH_S = 1.0


@dataclass(frozen=True)
class Offer:
    """A model that may be used now: its key `name@digest8`, and what its tagger.json says."""

    key: str
    digest: str
    settings: TaggerJson


@dataclass(frozen=True)
class _Beside:
    """A tagger folder of --model-dir, and its digest when the service started."""

    folder: Path
    digest: str


class Catalogue:
    """The models on offer. What the registry says holds for a second, so that a busy service does not ask it at each request."""

    def __init__(self, registry: Registry, model_dir: Path | None) -> None:
        self._registry = registry
        self._beside = _read_folder(model_dir) if model_dir else {}
        self._last_said = LastSaid[tuple[Offer, _Beside | None]](FRESH_S)

    def keys(self) -> list[str]:
        """What `find` takes, aliases first."""
        registered = list(self._registry.choices()) if self._registry.database.is_there else []
        beside = [key for key, one in self._beside.items() if key not in registered and self._may_serve(one.digest)]
        alias = [PRODUCTION] if PRODUCTION not in registered and len(self._beside) == len(beside) == 1 else []
        return alias + registered + beside

    def find(self, key: str) -> Offer:
        """The model of a key; what it last was while the database is away.

        Raises:
            UnknownModel, InactiveModel, ArchivedModel: if there is none that may be served.
            TaggerError: if its folder is not there or damaged.
        """
        offer, beside = self._last_said.ask(key, partial(self._find, key))
        if beside is not None:
            _check_intact(beside)
        return offer

    def _find(self, key: str) -> tuple[Offer, _Beside | None]:
        """The model, and the folder beside the registry that it is taken from."""
        if key in self._beside:
            return self._offer_beside(key)
        if not self._registry.database.is_there:
            return self._fall_back(key, UnknownModel("no models are registered here: train and register one first"))
        try:
            model = self._registry.find(key)
        except UnknownModel as error:
            return self._fall_back(key, error)
        return Offer(model.key, model.digest, settings_of(str(self._registry.folder_of(model.digest)), model.digest)), None

    def note_change(self) -> None:
        """A promotion or the like through this process holds from the next request on."""
        self._last_said.note_change()

    def folder(self, digest: str) -> Path:
        """Where the tagger of a digest lies."""
        for one in self._beside.values():
            with contextlib.suppress(TaggerError):
                if one.digest == digest:
                    _check_intact(one)
                    return one.folder
        return self._registry.folder_of(digest)

    def _fall_back(self, key: str, error: UnknownModel) -> tuple[Offer, _Beside]:
        """`production` is the one tagger of --model-dir where the registry has none."""
        if key == PRODUCTION and len(self._beside) == 1:
            return self._offer_beside(next(iter(self._beside)))
        raise error

    def _offer_beside(self, key: str) -> tuple[Offer, _Beside]:
        one = self._beside[key]
        self._ask_registry(one.digest)
        return Offer(key, one.digest, settings_of(str(one.folder), one.digest)), one

    def _ask_registry(self, digest: str) -> None:
        """InactiveModel or ArchivedModel where the registry knows the digest and has taken it out of use."""
        if self._registry.database.is_there:
            with contextlib.suppress(UnknownModel):
                self._registry.find(digest)

    def _may_serve(self, digest: str) -> bool:
        try:
            self._ask_registry(digest)
        except (ArchivedModel, InactiveModel):
            return False
        return True


@functools.lru_cache(maxsize=64)
def settings_of(folder: str, digest: str) -> TaggerJson:
    """What the tagger.json of a digest says.

    Raises:
        TaggerError: if it is not there or another.
    """
    data = _read(Path(folder))
    if hashlib.sha256(data).hexdigest() != digest:
        raise TaggerError(f"{folder} holds another tagger than {digest[:8]}: run `timbre doctor`")
    return read_json(data, folder)


def _check_intact(one: _Beside) -> None:
    """TaggerError where the folder does not hold the tagger that it held."""
    if hashlib.sha256(_read(one.folder)).hexdigest() != one.digest:
        raise TaggerError(f"{one.folder} holds another tagger than it did: start the service anew")


def _read(folder: Path) -> bytes:
    try:
        return (folder / JSON).read_bytes()
    except OSError as error:
        raise TaggerError(f"the tagger folder {folder} is not there ({error.strerror}): run `timbre doctor`") from None


def _read_folder(folder: Path) -> dict[str, _Beside]:
    """key -> tagger folder, of those at the folder, one or two levels below it."""
    if not folder.is_dir():
        raise TaggerError(f"--model-dir {folder} is no folder: name one that holds tagger folders")
    found: dict[str, _Beside] = {}
    for path in sorted({file.parent for depth in ("", "*/", "*/*/") for file in folder.glob(f"{depth}{JSON}")}):
        try:
            data = _read(path)
            digest = hashlib.sha256(data).hexdigest()
            found[f"{read_json(data, str(path)).name}@{digest[:8]}"] = _Beside(path, digest)
        except TimbreError as error:
            raise TaggerError(f"--model-dir: {error}") from None
    return found
