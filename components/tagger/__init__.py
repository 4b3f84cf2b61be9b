"""The tagger: a folder that scores waveforms, and how it is sealed, opened and asked."""

from components.tagger.folder import attach, seal
from components.tagger.onnx_export import export_onnx
from components.tagger.settings import TaggerSettings
from components.tagger.tables import ClipScores, decide
from components.tagger.tagger import Tagger

__all__ = ["ClipScores", "Tagger", "TaggerSettings", "attach", "decide", "export_onnx", "seal"]
