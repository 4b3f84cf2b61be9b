"""A result as HTML: what plays as bars with their thresholds, when it plays as strips under the waveform, and the sound itself.

Whatever a colour says, a word or a mark says too; the picture needs no script and takes any width.
"""

import base64
import json
from pathlib import PurePosixPath

import numpy as np

from bentos.page.door import HEARD
from bentos.page.hearing import Result
from bentos.page.marks import clock, percent, safe, sentence, strip, ticks, waveform

SHOWN = 24  # labels; a set of hundreds has the rest in its JSON
EMPTY = (
    '<section class="tb tb-empty"><p class="tb-lead">What plays will stand here.</p>'
    "<p>Drop or record a clip, or choose an example, and press <b>Hear it</b>.</p></section>"
)


def draw(result: Result) -> str:
    """The whole answer."""
    order = np.argsort(-result.scores.clip, kind="stable")[:SHOWN].tolist()
    return f'<section class="tb" aria-label="Result">{_head(result)}{_bars(result, order)}{_timeline(result, order)}</section>'


def draw_error(text: str) -> str:
    """One sentence, read aloud at once."""
    return f'<section class="tb tb-error" role="alert"><p><b>That did not work.</b></p><p>{safe(sentence(text))}</p></section>'


def draw_note(text: str) -> str:
    """Sentences that a person should know, read aloud when there is a pause."""
    return f'<section class="tb tb-note" role="status"><p>{safe(text)}</p></section>'


def _head(result: Result) -> str:
    heard = [result.names[place] for place in np.argsort(-result.scores.clip, kind="stable") if result.decisions[place]]
    lead = ", ".join(heard) if heard else "nothing that the model is sure of"
    data = base64.b64encode(json.dumps(result.document(), ensure_ascii=False).encode()).decode()
    file = safe(f"{PurePosixPath(result.clip).stem}.json")
    return (
        f'<header class="tb-head"><p class="tb-lead" role="status">Heard: <b>{safe(lead)}</b></p>'
        f'<p class="tb-muted tb-what">{safe(result.clip)} · {clock(result.duration_s, 0.1)} · {safe(result.offer.key)}</p>'
        f'<a class="tb-button" download="{file}" href="data:application/json;base64,{data}">Download JSON</a></header>'
    )


def _bars(result: Result, order: list[int]) -> str:
    multilabel = result.offer.settings.task == "multilabel"
    rows = "".join(_bar(result, place, multilabel) for place in order)
    more = len(result.names) - len(order)
    rest = f"; {more} more labels with lower scores are in the JSON" if more else ""
    rule = "the threshold: a score that reaches it is heard" if multilabel else "the label with the highest score is heard"
    tick = '<i class="tb-key-tick" aria-hidden="true"></i>' if multilabel else ""
    return (
        '<h3>What plays</h3><div class="tb-bars" role="table" aria-label="Labels by score">'
        '<div class="tb-row tb-top" role="row"><span role="columnheader">Label</span>'
        '<span role="columnheader" class="tb-scale" aria-label="Score from 0 to 1"><i>0</i><i>0.25</i><i>0.5</i><i>0.75</i><i>1</i></span>'
        '<span role="columnheader" class="tb-number">Score</span><span role="columnheader" class="tb-verdict">Decision</span></div>'
        f'{rows}</div><p class="tb-muted tb-key"><span class="tb-pair">{tick}<span>{rule}{rest}</span></span></p>'
    )


def _bar(result: Result, place: int, multilabel: bool) -> str:
    score, threshold, heard = float(result.scores.clip[place]), float(result.thresholds[place]), bool(result.decisions[place])
    mark = f'<i class="tb-threshold" style="left:{percent(threshold)}"></i>' if multilabel else ""
    said = f"{score:.2f}, threshold {threshold:.2f}" if multilabel else f"{score:.2f}"
    return (
        f'<div class="tb-row{" tb-yes" if heard else ""}" role="row">'
        f'<span role="rowheader" class="tb-name">{safe(result.names[place])}</span>'
        f'<span role="cell" class="tb-track" aria-label="{said}" title="score {said}">'
        f'<i class="tb-fill" style="width:{percent(score)}"></i>{mark}</span>'
        f'<span role="cell" class="tb-number">{score:.2f}</span>'
        f'<span role="cell" class="tb-verdict">{"✓ heard" if heard else "not heard"}</span></div>'
    )


def _timeline(result: Result, order: list[int]) -> str:
    windows = result.offer.settings.windows
    strips = "".join(_strip_row(result, place) for place in order)
    axis = "".join(f'<i style="left:{percent(share)}">{label}</i>' for share, label in ticks(result.duration_s))
    return (
        "<h3>When it plays</h3>"
        f'<audio class="tb-audio" controls preload="metadata" src="{HEARD}/{safe(result.sound)}" aria-label="Listen to the clip"></audio>'
        f'<div class="tb-time" data-duration="{result.duration_s:.3f}">'
        '<div class="tb-line tb-line-wave"><span class="tb-name">waveform</span>'
        f'<div class="tb-plot">{waveform(result.peaks)}</div></div>{strips}'
        f'<div class="tb-line tb-axis" aria-hidden="true"><span></span><div class="tb-plot">{axis}</div></div>'
        '<div class="tb-over" aria-hidden="true"><div class="tb-cursor"></div></div></div>'
        '<p class="tb-muted tb-key"><span class="tb-pair">score 0 <i class="tb-key-heat" aria-hidden="true"></i> 1</span>'
        '<span class="tb-pair"><i class="tb-key-mark" aria-hidden="true"></i>'
        f"{'reaches the threshold' if result.offer.settings.task == 'multilabel' else 'has the highest score'}</span>"
        f'<span class="tb-pair">windows of {windows.length_s:g} s, one every {windows.hop_s:g} s</span></p>'
    )


def _strip_row(result: Result, place: int) -> str:
    scores, name = result.scores.windows[:, place], result.names[place]
    reached = result.window_decisions[:, place]
    best = int(np.argmax(scores))
    said = (
        f"{name}: heard in {int(reached.sum())} of {len(scores)} windows, "
        f"strongest at {clock(result.edges_s[best][0])} with {float(scores[best]):.2f}"
    )
    heard = " tb-yes" if result.decisions[place] else ""
    return (
        f'<div class="tb-line{heard}"><span class="tb-name" aria-hidden="true">{safe(name)}</span>'
        f'<div class="tb-plot" title="{safe(said)}">{strip(scores, reached, result.edges_s, said)}</div></div>'
    )
