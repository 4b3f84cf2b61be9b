"""Who may use which route: an API key with the right scope, or, where authentication is off, callers on this machine alone."""

import asyncio
import hashlib
import ipaddress
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

from fastapi import Security
from fastapi.security import APIKeyHeader
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import Scope

from bentos.config import ServiceConfig
from bentos.errors import Refused
from bentos.outage import LastSaid
from components.registry import ApiKey, ApiKeys, DatabaseAway
from components.registry import Scope as Right

HEADER = "X-API-Key"
KEY = Security(APIKeyHeader(name=HEADER, auto_error=False, description="Whoever runs this service makes one."))  # the gate asks
PAGE = "/ui"
LOGIN = f"{PAGE}/login"
UPLOADS = {"/model/predict-files", f"{PAGE}/gradio_api/upload"}
KEYED_PAGE = re.compile(rf"{PAGE}/(config|gradio_api/(run/.*|upload|file=.*)|heard/.*)", re.DOTALL)  # ask for a key before anything else
ASSETS = ("/assets/", "/static/", "/theme.css")  # below the page: some sixty files that are the same for everyone
ANY: Literal[""] = ""  # any key will do
DOCS, DOCS_FILES = "/docs", ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-light-32x32.png")
OPEN = {"/", "/metrics", "/openapi.json", DOCS, *(f"{DOCS}/{name}" for name in DOCS_FILES)}
RULES: tuple[tuple[str, str, Right | Literal[""]], ...] = (  # method, path, scope; the first that fits
    ("POST", r"/model/predict-.*", "predict"),
    ("POST", r"/model/test-.*", "test"),
    ("GET", r"/models|/dataset-types|/api/v1/models(/.*)?", ANY),
    (".*", r"/api/v1/models(/.*)?", "models"),
    (".*", r"/api/v1/training-jobs(/.*)?", "train"),
    (".*", r"/api/v1/(predictions(/.*)?|review-queue|performance|detection-rates)", "review"),
    (".*", r".*", "admin"),  # a route that has no rule is not open to all
)
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
OWN_SITE = {"same-origin", "none"}  # none: a person's own doing. Another port of this machine is another's page, whatever site it is of
KEY_S, KEY_THREADS = 10.0, 16
LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]"}
NO_KEY = f"this route wants an API key in the header {HEADER}: ask whoever runs this service for one"
NOT_LOCAL = "authentication is off, so only callers on the service's own machine are served: start it with TIMBRE_AUTH=required"

ANOTHER_SITE = "another site's page asked for this: open the service's own page"


@dataclass(frozen=True)
class Caller:
    """Who asks: the key's name for the audit trail, and what it may do."""

    name: str
    scopes: frozenset[str]


EVERYONE = Caller("anonymous", frozenset({"admin"}))


class Access:
    """The door's rules.

    Args:
        keys: the API keys.
        config: whether they are wanted.
    """

    def __init__(self, keys: ApiKeys, config: ServiceConfig) -> None:
        self._keys, self._config = keys, config
        # Of their own, so that no request under way keeps others from being let in, or refused.
        self._threads = ThreadPoolExecutor(KEY_THREADS, thread_name_prefix="timbre-key")
        self._last_said = LastSaid[ApiKey]()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def check(self, scope: Scope, headers: Headers) -> Caller | None:
        """The caller; None on routes that are open to all, and on the page, which asks for a key itself.

        Raises:
            Refused: 401, 403 or 429.
            RegistryError: if the database is away.
        """
        if scope["path"] in OPEN:
            return None
        if self._config.auth == "off":
            _refuse_strangers(scope, headers)
            return EVERYONE
        if is_page(scope["path"]):
            return None
        key = await self._key(headers.get(HEADER, ""))
        wanted = _scope_of(scope["method"], scope["path"])
        if wanted and not key.may(wanted) and _leads_to_a_route(scope):
            raise _lacks(key, wanted)
        return Caller(key.name, frozenset(key.scopes))

    async def caller(self, secret: str, wanted: Right, counted: bool = True) -> Caller:
        """Who the key belongs to, if it may do what is wanted; a counted request is one of those that the key has a minute.

        Raises:
            Refused: 401, 403 or 429.
            RegistryError: if the database is away or takes too long.
        """
        key = await self._key(secret, counted)
        if not key.may(wanted):
            raise _lacks(key, wanted)
        return Caller(key.name, frozenset(key.scopes))

    async def _key(self, secret: str, counted: bool = True) -> ApiKey:
        if not secret:
            raise Refused(401, NO_KEY, {"WWW-Authenticate": "ApiKey"})
        try:
            async with asyncio.timeout(KEY_S):
                return await asyncio.get_running_loop().run_in_executor(self._threads, self._check, secret, counted)
        except TimeoutError:
            error = DatabaseAway(f"a key could not be looked up within {KEY_S:g} s")
            self._last_said.note_away(error)
            if (key := self._last_said.last(_name(secret))) is None:
                raise error from None
            return key

    def _check(self, secret: str, counted: bool) -> ApiKey:
        """While the database is away, keys that it knew lately are let in, and their requests are not counted."""
        key = self._last_said.ask(_name(secret), partial(self._keys.check, secret))
        if counted and not self._last_said.is_away:
            try:
                self._keys.spend(key)
            except DatabaseAway as error:
                self._last_said.note_away(error)
        return key


def _name(secret: str) -> str:
    """By which a key is remembered, in place of its secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_page(path: str) -> bool:
    """The page has a login of its own."""
    return path == PAGE or path.startswith(f"{PAGE}/")


def asks_no_key(path: str, config: ServiceConfig) -> bool:
    """Whether strangers are served there."""
    return path in OPEN or (config.auth == "required" and is_page(path) and not KEYED_PAGE.fullmatch(path))


def is_asset(path: str) -> bool:
    """Whether a path is that of a page's own scripts, styles and fonts."""
    return path.startswith((f"{DOCS}/", *(f"{PAGE}{where}" for where in ASSETS)))


def _scope_of(method: str, path: str) -> Right | Literal[""]:
    return next(scope for verb, where, scope in RULES if re.fullmatch(verb, method) and re.fullmatch(where, path, re.DOTALL))


def _leads_to_a_route(scope: Scope) -> bool:
    """Whether something takes the request, by the router's own word; the rest is 404 or 405, which any key may learn."""
    return any(route.matches(scope)[0] is Match.FULL for route in scope["app"].routes)


def _lacks(key: ApiKey, wanted: Right) -> Refused:
    return Refused(403, f"this key may {', '.join(key.scopes)}, and this route wants the scope {wanted}: ask for another key")


def _refuse_strangers(scope: Scope, headers: Headers) -> None:
    """Another site's page may reach a service on its reader's machine under a name of its own: the Host header tells."""
    host = headers.get("host", "").rsplit(":", 1)[0] if not headers.get("host", "").endswith("]") else headers.get("host", "")
    client = scope.get("client")
    try:
        here = client is None or ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        here = False
    if not here or host.lower() not in LOCAL_HOSTS:
        raise Refused(403, NOT_LOCAL)
    refuse_other_sites(scope["method"], headers)


def refuse_other_sites(method: str, headers: Headers, own: str | None = None) -> None:
    """Refuse what another site's page has its reader's browser ask for, where that would change something.

    Browsers say whose page asks: in Sec-Fetch-Site, or, where they reach the service by plain HTTP, in Origin. Other programs say nothing.

    Args:
        own: the URL by which people reach the service, where a proxy asks under another name.
    Raises:
        Refused: 403.
    """
    if method in SAFE_METHODS:
        return
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if not (site in OWN_SITE if site is not None else origin is None or _is_own(origin, headers, own)):
        raise Refused(403, ANOTHER_SITE)


def _is_own(origin: str, headers: Headers, own: str | None) -> bool:
    return _place(origin) in {headers.get("host", "").lower(), _place(own or "")} - {""}


def _place(url: str) -> str:
    """host:port, as the Host header has it."""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""
