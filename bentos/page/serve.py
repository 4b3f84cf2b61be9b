"""Opens the page in the process that takes requests. Gradio makes the form; what it may be asked for is the door's to say."""

import asyncio
import contextlib
import importlib
import os
import time
from collections.abc import AsyncIterator

from fastapi import FastAPI
from starlette.routing import Mount

from bentos.access import PAGE
from bentos.context import Context
from bentos.page.clips import KEPT_S, Clips, private_folder
from bentos.page.door import Door

SWEEP_S = 300
SETTINGS = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1", "GRADIO_SSR_MODE": "False", "GRADIO_RUN_HISTORY": "False"}


@contextlib.asynccontextmanager
async def open_page(app: FastAPI, context: Context) -> AsyncIterator[None]:
    """Have the app answer below /ui for as long as this context lasts."""
    clips = Clips(await asyncio.to_thread(private_folder), context.config.max_body_bytes)
    os.environ.update({**SETTINGS, "GRADIO_TEMP_DIR": str(clips.folder / "gradio")})
    await asyncio.to_thread(importlib.import_module, "bentos.page.layout")  # seconds, for Gradio comes with it
    gradio_app, runs = _build(context, clips)
    routes = Door(gradio_app, runs, context, clips).routes()
    app.router.routes.extend(routes)
    sweeper = asyncio.create_task(_keep_small(clips))
    try:
        async with gradio_app.router.lifespan_context(gradio_app):
            yield
    finally:
        sweeper.cancel()
        for route in routes:
            app.router.routes.remove(route)  # the clips stay, for other processes of the service share them


def _build(context: Context, clips: Clips) -> tuple[FastAPI, list[int]]:
    """Gradio's app, and the numbers of what it runs here.

    Outside of a running loop Gradio would make loops of its own and never close them.
    """
    import gradio

    from bentos.page.layout import FEATURES, build

    outer, blocks = FastAPI(), build(context, clips)
    gradio.mount_gradio_app(
        outer,
        blocks,
        PAGE,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
        show_error=False,
        **FEATURES,
    )
    app = next(route.app for route in outer.routes if isinstance(route, Mount) and isinstance(route.app, FastAPI))
    return app, [number for number, one in blocks.fns.items() if one.fn is not None]


async def _keep_small(clips: Clips) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        await asyncio.to_thread(clips.sweep, time.time() - KEPT_S)
