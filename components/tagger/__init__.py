"""The tagger: a folder that scores waveforms, and how it is sealed, opened and asked."""

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
