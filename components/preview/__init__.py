"""A page that shows and plays what each augmentation does to a clip."""

from components.preview.page import Example, all_sections, examples, page
from components.preview.sounds import beside_it, window_of

__all__ = ["Example", "all_sections", "beside_it", "examples", "page", "window_of"]
