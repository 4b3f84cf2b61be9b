"""What the page is made of. Gradio is imported here, so only the process that opens the page imports this module."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from bentos.access import EVERYONE
from bentos.catalogue import PRODUCTION
from bentos.context import Context
from bentos.errors import Refused, refusal
from bentos.page.clips import Clips
from bentos.page.cookies import KEY, cookies
from bentos.page.drawing import EMPTY, draw, draw_error
from bentos.page.hearing import Wish, hear
from bentos.page.marks import safe
from bentos.page.reviewer import QUIET, review_tab
from bentos.threads import in_thread
from components.errors import TimbreError
from components.labels import IRMAS

HERE = Path(__file__).parent
EXAMPLES_AT = "sample/test"
MOST_EXAMPLES = 4
SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif"]
BLUE = gr.themes.Color(
    c50="#eef6fb", c100="#d6eaf5", c200="#aed5ea", c300="#7dbadd", c400="#3d98cc", c500="#0072b2", c600="#0065a0", c700="#00547f",
    c800="#004466", c900="#00354f", c950="#00243a",
)  # fmt: skip
FEATURES: dict[str, Any] = {
    "theme": gr.themes.Base(primary_hue=BLUE, neutral_hue="slate", font=SANS, font_mono=["ui-monospace", "monospace"]).set(
        button_primary_background_fill="*primary_500",
        button_primary_background_fill_dark="*primary_500",
        button_primary_background_fill_hover="*primary_600",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
    ),
    "css_paths": [HERE / "page.css"],
    "head": f"<script>{(HERE / 'page.js').read_text()}</script>",
}
TITLE = """<div class="tb-title"><h1>Timbre</h1><p>Hear which instruments play in a recording, and when.</p>
<nav aria-label="Links">{drift}<a href="../docs">API docs</a>{leave}</nav></div>"""
LEAVE = """<form method="post" action="logout"><button type="submit">Log out</button></form>"""
TAKE_CLIP = "(clip) => clip ? [clip.path, clip.orig_name || 'recording'] : ['', '']"
SHOW = """() => { const found = document.querySelector("#tb-result");
if (found.getBoundingClientRect().top > innerHeight * 0.7) found.scrollIntoView({ block: "start" }); }"""


def build(context: Context, clips: Clips) -> gr.Blocks:
    """The page.

    Args:
        clips: where uploads lie.
    """
    examples = _examples(context)
    page = gr.Blocks(title="Timbre", analytics_enabled=False)
    with page:
        drift = f'<a href="{safe(context.config.dashboard_url)}">Drift</a>' if context.config.dashboard_url else ""
        leave = LEAVE if context.config.auth == "required" else ""
        gr.HTML(TITLE.replace("{drift}", drift).replace("{leave}", leave), padding=False)
        with gr.Tabs():
            with gr.Tab("Hear"), gr.Row():
                with gr.Column(scale=2, min_width=300):
                    clip = gr.Audio(label="Clip", sources=["upload", "microphone"], editable=False, buttons=[], elem_id="tb-clip")
                    path = gr.Textbox(
                        label=f"Or a path{' or an S3 key' if context.config.s3_buckets else ''}",
                        placeholder=_hint(context),
                        max_lines=1,
                        max_length=4096,
                    )
                    model = gr.Dropdown(label="Model", choices=[], value=None)
                    go = gr.Button("Hear it", variant="primary", size="lg")
                    buttons = []
                    if examples:
                        with gr.Column(elem_id="tb-examples"):
                            gr.HTML('<h2 class="tb-examples-title">Examples</h2>', padding=False)
                            buttons = [gr.Button(label, size="sm") for label, _ in examples]
                with gr.Column(scale=3, min_width=300):
                    result = gr.HTML(EMPTY, elem_id="tb-result", js_on_load=None, padding=False)
            with gr.Tab("Review") as review:
                reviewed = review_tab(context, clips)
        upload, name = (gr.Textbox(visible="hidden", label=label, elem_id=f"tb-{label}") for label in ("upload", "name"))

        async def listen(model: Any, upload: Any, name: Any, path: Any, request: gr.Request) -> str:
            with _may_leave():
                return await _listen(context, clips, [model, upload, name, path], request)

        async def models() -> Any:
            with _may_leave():
                found = await in_thread(_choices, context)
            return gr.update(choices=found, value=next((key for _, key in found), None))

        run: Any = {"fn": listen, "inputs": [model, upload, name, path], "outputs": result, "preprocess": False, **QUIET}
        page.load(models, None, model, show_progress="hidden", **QUIET)
        review.select(models, None, reviewed, show_progress="hidden", **QUIET)  # before, the tab is not there to take them
        clip.change(None, clip, [upload, name], js=TAKE_CLIP, queue=False)
        for taken in (clip.upload, clip.stop_recording):
            taken(None, None, path, js="() => ''", queue=False)
        path.input(None, None, clip, js="() => null", queue=False)
        for pressed in (go.click, path.submit):
            pressed(**run).then(None, None, None, js=SHOW)
        for button, (_, where) in zip(buttons, examples, strict=True):
            chosen = button.click(None, None, [path, clip, upload, name], js=f"() => [{json.dumps(where)}, null, '', '']", queue=False)
            chosen.then(**run).then(None, None, None, js=SHOW)
    return page


@contextlib.contextmanager
def _may_leave() -> Iterator[None]:
    """Who closes the page ends its work; Gradio would print a traceback of it."""
    try:
        yield
    except asyncio.CancelledError:
        raise gr.Error("the page was left", print_exception=False) from None


async def _listen(context: Context, clips: Clips, asked: list[Any], request: gr.Request) -> str:
    """The picture of a result, or the sentence of what went wrong."""
    try:
        model, upload, name, path = (one if isinstance(one, str) else "" for one in asked)
        caller = EVERYONE
        if context.config.auth == "required":
            caller = await context.access.caller(cookies(request.headers).get(KEY, ""), "predict")
        heard = await hear(context, clips, Wish(model or PRODUCTION, upload, name, path), caller.name)
        return await in_thread(draw, heard)  # some 20 ms for ten minutes, in which other requests go on
    except TimeoutError:
        return draw_error(f"the answer took longer than {context.config.time_limit_s:g} s: send a shorter clip")
    except Exception as error:
        return draw_error(refusal(error).detail)


def _choices(context: Context) -> list[tuple[str, str]]:
    """(what is shown, key), production first; an alias tells whose it is."""
    found = []
    for key in sorted(context.catalogue.keys(), key=lambda key: key != PRODUCTION):
        shown = key
        if "@" not in key:
            with contextlib.suppress(TimbreError):
                shown = f"{key} ({context.catalogue.find(key).key})"
        found.append((shown, key))
    return found


def _hint(context: Context) -> str:
    return f"folder/clip.wav{' or s3://bucket/key' if context.config.s3_buckets else ''}"


def _examples(context: Context) -> list[tuple[str, str]]:
    """(what the button says, path) of a few clips of the sample's test split, each with other labels."""
    try:
        files = context.sources.files(EXAMPLES_AT)
    except (TimbreError, Refused):
        return []
    found: dict[tuple[str, ...], tuple[str, str]] = {}
    for file in files:
        if len(found) == MOST_EXAMPLES:
            break
        if labels := _labels(context, file.shown):
            found.setdefault(labels, (f"{file.stem} ({', '.join(labels)})", file.shown))
    return list(found.values())


def _labels(context: Context, clip: str) -> tuple[str, ...]:
    """What really plays, as the file beside the clip says."""
    try:
        text = context.sources.roots.find(str(Path(clip).with_suffix(".txt"))).read_text()
    except (TimbreError, OSError, ValueError):
        return ()
    names = dict(zip(IRMAS.codes, IRMAS.full_names, strict=True))
    return tuple(names.get(code, code).replace("_", " ") for code in text.split())
