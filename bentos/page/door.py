"""The page's door: who comes in, and which of Gradio's many routes there are. What is not named here is not there.

Gradio neither takes uploads nor gives files: both are done here, so that no path of this machine is ever asked for or told.
"""

import json
import re
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bentos.access import ASSETS, PAGE, refuse_other_sites
from bentos.context import Context
from bentos.errors import Refused, refusal
from bentos.page.clips import Clips
from bentos.page.cookies import KEY, REVIEWER, cookies, header
from bentos.page.marks import safe, sentence
from bentos.page.shared import Shared, whole_answer
from bentos.page.turns import TOKEN
from bentos.threads import in_thread
from bentos.uploads import check_type, uploads

HERE = Path(__file__).parent
HEARD = "heard"
FORM, FIELDS = "application/x-www-form-urlencoded", 4  # how a browser sends the form
FIELD = "files"  # what Gradio's frontend calls an upload
SHARED = tuple(f"{where}{{path:path}}" if where.endswith("/") else where for where in ASSETS)
SILENT = ("/gradio_api/heartbeat/{name}", "/gradio_api/upload_progress")  # 204 tells a browser not to ask again
POLICY = "; ".join((
    "default-src 'self'", "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:", "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:", "media-src 'self' data: blob:", "connect-src 'self' data: blob:", "worker-src 'self' blob:",
    "font-src 'self' data:", "object-src 'none'", "base-uri 'self'", "form-action 'self'", "frame-ancestors 'none'",
))  # fmt: skip
HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin", "Cache-Control": "no-store"}
OUTSIDE = re.compile(rb"""<link rel="manifest"[^>]*>|<meta\s+(?:property="og:|name="twitter:)[^>]*>""")
HEAD = (
    b"""<head><title>Timbre</title><link rel="icon" href="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>"""
    b"""<path d='M2 6v4M5 3v10M8 1v14M11 4v8M14 6v4' stroke='%230072b2' stroke-width='2' stroke-linecap='round'/></svg>">"""
)
NO_SUCH_RUN = "the page has nothing that runs by this number: load it again"
NO_RUN = 'the body is no {"data": [...], "fn_index": number}: load the page again'


class Door:
    """The routes below /ui.

    Args:
        gradio_app: what shows the form.
        runs: numbers of what the form has run here; the others are for browsers alone.
        clips: where uploads lie.
    """

    def __init__(self, gradio_app: ASGIApp, runs: Collection[int], context: Context, clips: Clips) -> None:
        self._gradio, self._shared = _with_our_cookies(gradio_app), Shared(gradio_app)
        self._runs, self._context, self._clips = frozenset(runs), context, clips
        self._wants_key = context.config.auth == "required"

    def routes(self) -> list[BaseRoute]:
        """What the service's app is to have."""
        inside: list[BaseRoute] = [
            Route("/", self._home, methods=["GET"]),
            Route("/login", self._login, methods=["POST"]),
            Route("/logout", self._logout, methods=["POST"]),
            Route("/gradio_api/upload", self._upload, methods=["POST"]),
            Route("/gradio_api/file={token:path}", self._file, methods=["GET"]),
            Route(f"/{HEARD}/{{token}}", self._file, methods=["GET"]),
            *(Route(path, _nothing, methods=["GET"]) for path in SILENT),
            *(Route(path, self._shared) for path in SHARED),
            Route("/config", self._config, methods=["GET"]),
            Route("/gradio_api/run/{name}", self._run, methods=["POST"]),
        ]
        return [Route(PAGE, _to_home), Mount(PAGE, routes=inside)]

    async def check(self, request: Request, counted: bool = False) -> None:
        """Let nobody in without a key, where one is wanted, and no other site's page.

        Raises:
            Refused: 401, 403 or 429.
        """
        self._refuse_other_sites(request)
        if self._wants_key:
            caller = await self._context.access.caller(cookies(request.headers).get(KEY, ""), "predict", counted)
            request.scope.setdefault("state", {})["caller"] = caller

    def _refuse_other_sites(self, request: Request) -> None:
        refuse_other_sites(request.method, request.headers, self._context.config.public_url)

    async def _home(self, request: Request) -> Response:
        try:
            await self.check(request)
        except Exception as error:
            return _login_page(refusal(error), said=KEY in cookies(request.headers))
        page = await _page(self._gradio, request)
        if not TOKEN.fullmatch(cookies(request.headers).get(REVIEWER, "")):
            self._set(page, request, REVIEWER, uuid.uuid4().hex)
        return page

    async def _config(self, request: Request) -> Response:
        await self.check(request)
        return _Passed(self._gradio)

    async def _run(self, request: Request) -> Response:
        """Have Gradio run what the form asks for. It gets texts alone: of anything else Gradio may fetch an address that stands in it."""
        await self.check(request)
        number, data, session = _asked(await request.body())
        if number not in self._runs:
            raise Refused(404, NO_SUCH_RUN)
        texts = [one if isinstance(one, str) else None for one in data]
        return _Passed(self._gradio, json.dumps({"fn_index": number, "data": texts, "session_hash": session}).encode())

    async def _login(self, request: Request) -> Response:
        """Take a key into a cookie."""
        self._refuse_other_sites(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            raise Refused(415, f"send the key as {FORM}, as the page's form does")
        try:
            secret = dict(parse_qsl((await request.body()).decode("ascii", "replace"), max_num_fields=FIELDS)).get("key", "").strip()
        except ValueError:
            raise Refused(422, "the form has one field, key") from None
        try:
            await self._context.access.caller(secret, "predict")
        except Exception as error:
            return _login_page(refusal(error), said=True)
        home = _to_home(request)
        self._set(home, request, KEY, secret)
        return home

    def _set(self, answer: Response, request: Request, cookie: str, value: str) -> None:
        """A cookie that no script reads and no other site sends."""
        secure = urlsplit(self._context.config.public_url or str(request.url)).scheme == "https"
        answer.set_cookie(cookie, value, path=PAGE, secure=secure, httponly=True, samesite="strict")

    async def _logout(self, request: Request) -> Response:
        self._refuse_other_sites(request)
        home = _to_home(request)
        home.delete_cookie(KEY, path=PAGE)
        return home

    async def _upload(self, request: Request) -> Response:
        """Keep one clip; its token, where Gradio would tell a path."""
        await self.check(request, counted=True)
        check_type(request)
        tokens = []
        async for file in uploads(request, self._context.scratch, 1, FIELD):
            try:
                tokens.append(await in_thread(self._clips.keep, file.name, file))
            finally:
                file.close()
        return JSONResponse(tokens)

    async def _file(self, request: Request) -> Response:
        """A clip that was brought or heard."""
        await self.check(request)
        try:
            path = await in_thread(self._clips.find, request.path_params["token"])
        except Refused as refused:
            raise Refused(403, refused.detail) from None  # whether any other file is there is nobody's to know
        return FileResponse(path, headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=1800"})


def _with_our_cookies(app: ASGIApp) -> ASGIApp:
    """The app, which gets no cookies but ours: it would read them as Python does."""

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        kept = [pair for pair in scope["headers"] if pair[0] != b"cookie"]
        if ours := cookies(Headers(scope=scope)):
            kept.append((b"cookie", header(ours)))
        await app({**scope, "headers": kept}, receive, send)

    return asked


class _Passed(Response):
    """Gradio's own answer, to another body where one is given."""

    def __init__(self, app: ASGIApp, body: bytes | None = None) -> None:
        super().__init__()
        self._app, self._body = app, body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._body is None:
            await self._app(scope, receive, send)
            return
        parts: list[Message] = [{"type": "http.request", "body": self._body, "more_body": False}]
        headers = [(name, value) for name, value in scope["headers"] if name not in (b"content-length", b"transfer-encoding")]
        scope = {**scope, "headers": [*headers, (b"content-length", str(len(self._body)).encode())]}

        async def give() -> Message:
            return parts.pop() if parts else await receive()

        await self._app(scope, give, send)


def _asked(body: bytes) -> tuple[int, list[object], str | None]:
    """The number, the data and the session of a run.

    Raises:
        Refused: 422 if the body is none.
    """
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        asked = None
    if isinstance(asked, dict):
        number, data, session = (asked.get(name) for name in ("fn_index", "data", "session_hash"))
        if type(number) is int and isinstance(data, list) and isinstance(session, str | None):
            return number, data, session
    raise Refused(422, NO_RUN)


async def _nothing(_: Request) -> Response:
    return Response(status_code=204)


def _to_home(_: Request) -> RedirectResponse:
    return RedirectResponse(f"{PAGE}/", 303)


async def _page(app: ASGIApp, request: Request) -> Response:
    """Gradio's page without what it says of itself to other sites, and with a title before its script runs."""
    status, _, body = await whole_answer(app, request.scope, request.receive)
    return HTMLResponse(OUTSIDE.sub(b"", body).replace(b"<head>", HEAD, 1), status, HEADERS)


def _login_page(refused: Refused, said: bool) -> Response:
    """The form that asks for a key, with the sentence of what was wrong with the last one."""
    why = f'<p class="wrong" role="alert" id="why">{safe(sentence(refused.detail))}</p>' if said else ""
    page = (HERE / "login.html").read_text().replace("{why}", why).replace("{described}", "why" if said else "hint")
    headers: Mapping[str, str] = {**HEADERS, **{name: value for name, value in (refused.headers or {}).items() if name == "Retry-After"}}
    return HTMLResponse(page, refused.status_code if said else 200, headers)
