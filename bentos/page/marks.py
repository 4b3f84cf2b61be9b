"""Small pieces of HTML and SVG: safe text, times, ticks, strips."""

import html
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LEVELS = 10  # shades of a strip
TEMPLATE = str.maketrans({"$": "&#36;", "{": "&#123;", "}": "&#125;", "`": "&#96;"})  # Gradio's HTML is a template to its frontend
STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


def safe(text: object) -> str:
    """Text that stays text in the page, in attributes too."""
    return html.escape(str(text)).translate(TEMPLATE)


def sentence(text: str) -> str:
    """An error's words as a sentence; a file's name at its start stays as it is."""
    return f"{text[:1].upper() if text.partition(' ')[0].isalpha() else text[:1]}{text[1:].rstrip('.')}."


def percent(share: float) -> str:
    return f"{100 * min(1.0, max(0.0, share)):.2f}%"


def clock(seconds: float, step_s: float = 1.0) -> str:
    """0:05, or 0:00.5 where steps are finer than a second."""
    whole = round(seconds * 10) / 10 if step_s < 1 else round(seconds)
    minutes, rest = divmod(whole, 60)
    return f"{int(minutes)}:{rest:04.1f}" if step_s < 1 else f"{int(minutes)}:{int(rest):02d}"


def ticks(duration_s: float, most: int = 6) -> list[tuple[float, str]]:
    """(share of the duration, its label) of at most `most` + 1 round times from 0 on."""
    step = next((step for step in STEPS_S if duration_s / step <= most), STEPS_S[-1])
    times = [place * step for place in range(int(duration_s / step + 1e-9) + 1)]
    return [(time / duration_s, clock(time, step)) for time in times]


def waveform(peaks: npt.NDArray[np.float32]) -> str:
    """The clip's outline as an SVG that takes any width."""
    count = len(peaks)
    top = " ".join(f"L{place} {50 - 48 * peak:.1f}" for place, peak in enumerate(peaks))
    below = " ".join(f"L{place} {50 + 48 * peaks[place]:.1f}" for place in range(count - 1, -1, -1))
    return (
        f'<svg class="tb-wave" viewBox="0 0 {max(1, count - 1)} 100" preserveAspectRatio="none" role="img" aria-label="Waveform">'
        f'<path class="tb-ink" d="M0 50 {top} {below} Z"/><path class="tb-zero" d="M0 50H{count}"/></svg>'
    )


def strip(scores: npt.NDArray[np.float32], reached: npt.NDArray[np.bool_], edges_s: Sequence[tuple[float, float]], said: str) -> str:
    """A label's scores over time: darker is higher, and a line below marks the windows that reach the threshold.

    Args:
        scores: [window], 0 to 1.
        reached: [window].
        edges_s: begin and end of each window's share of the time.
        said: what it shows, for those who do not see it.
    """
    total_ms = max(1, round(1000 * edges_s[-1][1]))
    shades: dict[int, list[str]] = {}
    for score, (begin, end) in zip(scores, edges_s, strict=True):
        shades.setdefault(round(float(score) * LEVELS), []).append(_box(begin, end, 0, 20))
    heat = "".join(f'<path class="tb-heat" fill-opacity="{level / LEVELS:g}" d="{"".join(boxes)}"/>' for level, boxes in shades.items())
    marks = "".join(_box(begin, end, 16, 4) for yes, (begin, end) in zip(reached, edges_s, strict=True) if yes)
    return (
        f'<svg class="tb-strip" viewBox="0 0 {total_ms} 20" preserveAspectRatio="none" role="img" aria-label="{safe(said)}">'
        f'{heat}<path class="tb-mark" d="{marks}"/></svg>'
    )


def _box(begin_s: float, end_s: float, top: int, height: int) -> str:
    begin, end = round(1000 * begin_s), round(1000 * end_s)
    return f"M{begin} {top}h{end - begin}v{height}h{begin - end}z"
