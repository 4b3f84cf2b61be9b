"""The sample data: IRMAS in small, composed and rendered from a seed with free soundfonts.

Users get the rendered files with the data; only who renders them anew needs libfluidsynth and the soundfonts.
"""

from components.datasets.sample.render import render_sample

__all__ = ["render_sample"]
