"""Training: `fit` turns stored clips into a sealed tagger. Lightning is loaded when it is called, and nowhere else in Timbre."""

from components.training.fit import fit
from components.training.interrupt import NOTE
from components.training.run_folder import LAST, new_run_folder

__all__ = ["LAST", "NOTE", "fit", "new_run_folder"]
