"""Pictures inside a page."""

import re
from typing import Any

from components.evaluation.pictures import Picture


def inline(picture: Picture) -> Any:
    """The picture as SVG that can lie inside a page: no prologue or metadata, ids of its own, and the page's colours."""
    from markupsafe import Markup

    from components.evaluation.plots import theme

    drawn = picture.svg().decode()
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn[drawn.index("<svg") :], flags=re.DOTALL)
    drawn = re.sub(r"<!--.*?-->", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{picture.name}-", drawn)
    drawn = re.sub(r' (width|height)="[\d.]+pt"', "", drawn, count=2)
    for colour, variable in ((theme.INK, "ink"), (theme.MUTED, "muted"), (theme.LINE, "line"), (theme.PAPER, "paper"), (theme.MAIN, "main"),
                             (theme.SOFT, "soft")):  # fmt: skip
        drawn = drawn.replace(colour, f"var(--{variable})")
    alt = Markup.escape(picture.alt)
    return Markup(drawn.replace("<svg ", f'<svg role="img" aria-label="{alt}" ', 1))  # noqa: S704 - our own drawing
