"""The page for people at /ui: hear a clip, see what plays in it. Gradio is imported where the page is opened, never before."""

from bentos.page.serve import open_page

__all__ = ["open_page"]
