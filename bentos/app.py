"""The web app: routes behind the gate. It knows no BentoML."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from fastapi import FastAPI
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bentos import examples, metrics
from bentos.config import ServiceConfig
from bentos.context import Context
from bentos.errors import add_handlers
from bentos.gate import Gate
from bentos.page import open_page
from bentos.processes import settle
from bentos.ready import Readiness
from bentos.retention import keep_short
from bentos.routes import catalogue, docs, jobs, models, predict, reviews, try_out
from bentos.scorer import Scorer
from bentos.threads import in_thread
from components.cores import multiply_alone
from components.errors import RegistryError
from components.monitoring.kept_audio import place_of
from components.registry.predictions import Predictions

log = logging.getLogger("timbre.service")
HEALTH = frozenset({"/livez", "/readyz", "/healthz"})


def create_app(config: ServiceConfig, scorer: Scorer | None = None) -> FastAPI:
    """The app; what its routes share is made when it starts, but for a scorer that was started before."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        multiply_alone()
        context = Context.build(config, scorer or Scorer(config))
        app.state.context = context
        app.state.readiness = readiness = Readiness(context.registry.database, context.scorer)
        await in_thread(_say_what_is_missing, context)
        sweeper = None
        if config.prediction_log:
            predictions, place = Predictions(context.registry.database), place_of(config.log_audio)
            sweeper = asyncio.create_task(keep_short(predictions, config.log_retention_days, place))
        try:
            async with open_page(app, context) if config.page else nullcontext():
                settle()
                yield
        finally:
            readiness.close()
            if sweeper is not None:
                sweeper.cancel()
            context.close()

    app = FastAPI(title="Timbre", version="1.0.0", description=examples.DESCRIPTION, openapi_url=None, lifespan=lifespan)
    app.add_middleware(Gate, access=lambda: app.state.context.access, config=config)
    add_handlers(app)
    for router in (predict.router, try_out.router, catalogue.router, models.router, jobs.router, reviews.router, docs.router):
        app.include_router(router)

    @app.get("/", include_in_schema=False)
    async def home() -> RedirectResponse:
        return RedirectResponse("/ui/" if config.page else "/docs")

    @app.get("/metrics", include_in_schema=False)
    async def figures() -> Response:
        return await in_thread(metrics.answer, app.state.context.drift_figures)

    return app


def _say_what_is_missing(context: Context) -> None:
    for root in context.config.data_roots:
        if not root.is_dir():
            log.warning("the data root %s is not there, so no path below it can be predicted: make it, or set TIMBRE_DATA_ROOTS", root)
    try:
        if context.config.auth == "required" and not (context.registry.database.is_there and context.keys.any_active()):
            log.warning("there is no API key yet, so nobody can use this service: `timbre keys create NAME --scope predict` makes one")
        if not context.catalogue.keys():
            log.warning("there is no model yet, so there is nothing to predict with: `timbre train` registers one, to be served at once")
    except RegistryError as error:  # its database may start after it
        log.warning("%s", error)


class Straight:
    """Takes every request to the app but those for BentoML's health checks, as ASGI middleware of the service.

    BentoML's own routing asks it last: it has routes of its own, and paths that it cannot match (they hold a newline) it answers itself,
    past the gate.
    """

    def __init__(self, app: ASGIApp, ours: ASGIApp) -> None:
        self._app, self._ours = app, ours

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        theirs = scope["type"] == "lifespan" or scope["path"] in HEALTH
        await (self._app if theirs else self._ours)(scope, receive, send)
