"""A tagger tried on data sets: what it says of each clip and, where labels are known, how good that is."""

from components.testing.kept import kept_in
from components.testing.run import Tested, run
from components.testing.write import Wanted, write_test

__all__ = ["Tested", "Wanted", "kept_in", "run", "write_test"]
