"""The page's second tab: one clip at a time, its labels to tick, and on to the next."""

import json
from pathlib import PurePosixPath
from typing import Any

import gradio as gr

from bentos import reviewing
from bentos.access import EVERYONE
from bentos.budget import Budget
from bentos.catalogue import PRODUCTION
from bentos.context import Context
from bentos.errors import refusal
from bentos.page.clips import Clips
from bentos.page.cookies import KEY, REVIEWER, cookies
from bentos.page.door import HEARD
from bentos.page.drawing import draw_error, draw_note
from bentos.page.marks import percent, safe
from bentos.page.playable import Playable
from bentos.page.turns import Turn
from bentos.threads import in_thread
from components.config import Task
from components.errors import TimbreError
from components.evaluation.names import display_name, plural
from components.registry.errors import Reviewed
from components.registry.prediction import Prediction

PERIOD = "30d"
TURNS = "turns"  # below the folder of clips
KEYS = "1234567890qwertyuiofghjklzxcvbn"  # of the labels in their order; p plays, m shows the model's opinion, s skips, Enter saves
QUIET: Any = {"queue": False, "api_visibility": "private"}  # a queue lives in one process, and a request may come to another
NOTHING = (
    '<section class="tb tb-empty"><p class="tb-lead">There is nothing to review.</p><p>Clips of the last 30 days come here, '
    "where their audio is kept or still lies below a data folder.</p></section>"
)
AGAIN = "Press Skip to look again."
MEANWHILE = "Somebody reviewed that clip while it lay before you, so your answer was not kept."
WAIT = '<section class="tb tb-empty"><p class="tb-lead">The next clip to review will stand here.</p></section>'
ASK = (  # where nothing is ticked; of one label of many there is always one
    "Nothing is ticked. If none of these play, press <b>Save and next</b><span class='tb-keys'> or <kbd>Enter</kbd></span> once more.",
    "Choose the label that fits best, or skip the clip.",
)
# What a person ticked, and what was skipped on this page; a clip is sent once, however often somebody presses.
SAVE = "(model) => window.timbreReview.save(model)"
SKIP = "(model) => window.timbreReview.skip(model)"


def review_tab(context: Context, clips: Clips) -> gr.Dropdown:
    """Fill the tab; its dropdown of models, whose choices are to be set.

    Args:
        clips: where the sounds are put that people listen to.
    """
    model = gr.Dropdown(label="Whose clips", choices=[], value=None)
    card = gr.HTML(WAIT, elem_id="tb-review", js_on_load=None, padding=False)
    with gr.Row(elem_id="tb-answer"):
        save = gr.Button("Save and next", variant="primary", elem_id="tb-save", scale=2, min_width=120)
        skip = gr.Button("Skip", elem_id="tb-skip", scale=1, min_width=80)
    said, skipped = (gr.Textbox(visible="hidden", label=name, elem_id=f"tb-{name}") for name in ("said", "skipped"))

    async def step(model: Any, said: Any, skipped: Any, request: gr.Request) -> str:
        return await _step(context, clips, [one if isinstance(one, str) else "" for one in (model, said, skipped)], request)

    run: Any = {"fn": step, "inputs": [model, said, skipped], "outputs": card, "preprocess": False, **QUIET}
    save.click(js=SAVE, **run)
    skip.click(js=SKIP, **run)
    model.input(js=SKIP, **run)
    return model


async def _step(context: Context, clips: Clips, asked: list[str], request: gr.Request) -> str:
    """Keep what was said, and draw the next clip; below a sentence, where something went wrong."""
    model, told, skipped = asked
    wrong = ""
    try:
        caller = EVERYONE
        if context.config.auth == "required":
            caller = await context.access.caller(cookies(request.headers).get(KEY, ""), "review")
        try:
            if (said := _read(told)) is not None:
                await in_thread(reviewing.review, context, said, caller.name)
        except Reviewed:
            wrong = draw_note(MEANWHILE)
        except TimbreError as error:  # a review that is refused; the next clip comes all the same
            wrong = draw_error(refusal(error).detail)
        budget, reviewer = context.budget(), cookies(request.headers).get(REVIEWER, "")
        return wrong + await context.look(budget, _next, context, clips, reviewer, model or PRODUCTION, set(skipped.split()), budget)
    except Exception as error:  # a fault of ours too: `refusal` logs it, and of what escapes Gradio would tell nobody anything
        return wrong + draw_error(refusal(error).detail)


def _read(told: str) -> reviewing.Said | None:
    """What a person heard in the clip before, as the page's script tells it; None where nothing was said."""
    try:
        found = json.loads(told) if told else None
        if found is None:
            return None
        labels, shown = [str(code) for code in found["labels"]], found.get("shown")
        return reviewing.Said(str(found["id"]), labels, found["lot"], opinion_shown=shown if isinstance(shown, bool) else None)
    except (ValueError, KeyError, TypeError, RecursionError):  # no body of the page's: no JSON, too deep, a part missing, or another kind
        return None


def _next(context: Context, clips: Clips, reviewer: str, model: str, skipped: set[str], budget: Budget) -> str:
    rate = context.catalogue.find(model).settings.sample_rate
    playable, turn = Playable(context, clips, rate, budget.check), Turn(clips.folder / TURNS, reviewer)

    def is_there(about: Prediction) -> bool:
        return playable.is_there(about) and turn.take(about.content or "")

    turn.leave()
    held = turn.others()
    asked = reviewing.ask(context, model, PERIOD, 1, budget.check, skipped | held, is_there)
    away = f"The audio of {plural(playable.away, 'clip')} cannot be read at the moment" if playable.away else ""
    if asked.candidates:
        return (draw_note(f"{away}: others come first.") if away else "") + _card(asked, playable.sound)
    late = "No clip could be read in time" if playable.late else ""
    busy = "The clips that are left lie before other people" if asked.waiting and (held - skipped).intersection(asked.pool.contents) else ""
    why = ". ".join(filter(None, (away, late, busy)))
    return draw_note(f"{why}. {AGAIN}") if why else NOTHING


def _card(asked: reviewing.Asked, sound: str) -> str:
    """A clip, its labels unticked: what the model thinks stands there unseen until a person asks for it, or ticks would follow it."""
    (item,), one, settings = asked.items(), asked.candidates[0], asked.offer.settings
    names = {code: display_name(name) for code, name in zip(settings.label_set.codes, settings.label_set.full_names, strict=True)}
    about = (PurePosixPath(asked.logged[one.row].source or "an upload").name, asked.offer.key, f"{asked.waiting} wait")
    why = "drawn by lot" if one.label is None or one.sampled_p is not None else f"chosen because the model is unsure of {names[one.label]}"
    heard = ", ".join(names[code] for code in item["decisions"]) or "nothing that it is sure of"
    lot = "" if one.sampled_p is None else repr(one.sampled_p)
    fresh = f"tb-clip-{safe(item['content'])}"  # Gradio keeps elements of the same name, and what was ticked of the clip before with them
    boxes = "".join(
        _box(place, (code, names[code]), item["scores"][code], threshold, code in item["decisions"], settings.task)
        for place, (code, threshold) in enumerate(zip(names, settings.thresholds, strict=True))
    )
    return (
        f'<{fresh}><section class="tb tb-card" '
        f'data-id="{safe(item["prediction_id"])}" data-content="{safe(item["content"])}" data-lot="{lot}">'
        f'<p class="tb-lead" role="status">Which of these play?</p><p class="tb-muted">{safe(" · ".join(about))}</p>'
        f'<audio class="tb-sound" controls preload="auto" src="{HEARD}/{safe(sound)}" aria-label="Listen to the clip"></audio>'
        f'<fieldset class="tb-boxes"><legend class="tb-muted">Tick what you hear</legend>{boxes}</fieldset>'
        f'<p class="tb-ask" role="alert" hidden>{ASK[settings.task != "multilabel"]}</p>'
        '<button type="button" class="tb-button tb-reveal">Show what the model heard <kbd>m</kbd></button>'
        f'<p class="tb-muted tb-opinion" tabindex="-1">The model heard: <b>{safe(heard)}</b>. The clip was {safe(why)}.</p>'
        '<p class="tb-muted tb-keys">Keys: those at the labels tick them, <kbd>p</kbd> plays, <kbd>m</kbd> shows what the model heard, '
        f"<kbd>s</kbd> skips, <kbd>Enter</kbd> saves.</p></section></{fresh}>"
    )


def _box(place: int, label: tuple[str, str], score: float | None, threshold: float, heard: bool, task: Task) -> str:
    key, (code, name), shown = KEYS[place : place + 1], label, "–" if score is None else f"{score:.2f}"
    kind, mark = ("checkbox", f'<i class="tb-threshold" style="left:{percent(threshold)}"></i>') if task == "multilabel" else ("radio", "")
    return (
        f'<label class="tb-box{" tb-yes" if heard else ""}" data-key="{key}"><input type="{kind}" name="tb-label" value="{safe(code)}">'
        f"{f'<kbd>{key}</kbd>' if key else '<span></span>'}<span>{safe(name)}</span>"
        f'<span class="tb-opinion tb-track" title="score {shown}"><i class="tb-fill" style="width:{percent(score or 0)}"></i>{mark}</span>'
        f'<span class="tb-opinion tb-number">{shown}</span>'
        f'<span class="tb-opinion tb-verdict">{"✓ heard" if heard else "not heard"}</span></label>'
    )
