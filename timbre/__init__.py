"""Labelled recordings in; a tagger that is trained, judged, registered, served and watched out.

>>> from timbre import Tagger
>>> tagger = Tagger.open("production")
>>> tagger.score(waveform, sample_rate)  # one probability a label
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.config import Config, load_config
    from components.training import fit
    from timbre.client import AsyncClient, Client, ServiceError
    from timbre.face import Tagger

__all__ = ["AsyncClient", "Client", "Config", "ServiceError", "Tagger", "fit", "load_config"]

_HOMES = {
    "AsyncClient": "timbre.client",
    "Client": "timbre.client",
    "Config": "components.config",
    "ServiceError": "timbre.client",
    "Tagger": "timbre.face",
    "fit": "components.training",
    "load_config": "components.config",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: torch takes seconds."""
    if name not in _HOMES:
        raise AttributeError(f"module 'timbre' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
