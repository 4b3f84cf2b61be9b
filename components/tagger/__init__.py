"""The tagger: a folder that scores waveforms, and how it is sealed, opened and asked."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.tagger.engine_choice import ENGINES, EngineTable, choose_engine, read_engines
    from components.tagger.folder import attach, seal
    from components.tagger.onnx_export import export_onnx
    from components.tagger.settings import TaggerSettings
    from components.tagger.tables import ClipScores, decide
    from components.tagger.tagger import Tagger

__all__ = [
    "ENGINES",
    "ClipScores",
    "EngineTable",
    "Tagger",
    "TaggerSettings",
    "attach",
    "choose_engine",
    "decide",
    "export_onnx",
    "read_engines",
    "seal",
]
_HOMES = {
    "engine_choice": ("ENGINES", "EngineTable", "choose_engine", "read_engines"),
    "folder": ("attach", "seal"),
    "onnx_export": ("export_onnx",),
    "settings": ("TaggerSettings",),
    "tables": ("ClipScores", "decide"),
    "tagger": ("Tagger",),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: torch takes seconds, and who looks at a folder or a score needs none."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"components.tagger.{module}"), name)
    raise AttributeError(f"module 'components.tagger' has no attribute {name!r}")
