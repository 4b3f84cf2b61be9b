"""Who may use which route: an API key with the right scope, or, where authentication is off, callers on this machine alone."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

from fastapi import Security
from fastapi.security import APIKeyHeader
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import Scope

from bentos.config import ServiceConfig
from bentos.errors import Refused
from components.registry import ApiKey, ApiKeys
from components.registry import Scope as Right

HEADER = "X-API-Key"
KEY = Security(
    APIKeyHeader(name=HEADER, auto_error=False, description="`timbre keys create NAME --scope predict` makes one.")
)  # the gate asks
PAGE = "/ui"
ANY: Literal[""] = ""  # any key will do
OPEN = {"/", "/metrics", "/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"}
RULES: tuple[tuple[str, str, Right | Literal[""]], ...] = (  # method, path, scope; the first that fits
    ("POST", r"/model/predict-.*", "predict"),
    ("POST", r"/model/test-.*", "test"),
    ("GET", r"/models|/dataset-types|/api/v1/models(/.*)?", ANY),
    (".*", r"/api/v1/models(/.*)?", "models"),
    (".*", r"/api/v1/training-jobs(/.*)?", "train"),
    (".*", r".*", "admin"),  # a route that has no rule is not open to all
)
LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]"}
NO_KEY = f"this route wants an API key in the header {HEADER}: `timbre keys create NAME --scope predict` makes one"
NOT_LOCAL = "authentication is off, so only callers on the service's own machine are served: start it with TIMBRE_AUTH=required"


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
        """Who the key belongs to, if it may do what is wanted; a counted request is one of those that the key has a minute."""
        key = await self._key(secret, counted)
        if not key.may(wanted):
            raise _lacks(key, wanted)
        return Caller(key.name, frozenset(key.scopes))

    async def _key(self, secret: str, counted: bool = True) -> ApiKey:
        if not secret:
            raise Refused(401, NO_KEY, {"WWW-Authenticate": "ApiKey"})
        return await run_in_threadpool(self._check, secret, counted)

    def _check(self, secret: str, counted: bool) -> ApiKey:
        key = self._keys.check(secret)
        if counted:
            self._keys.spend(key)
        return key


def is_page(path: str) -> bool:
    """The page has a login of its own."""
    return path == PAGE or path.startswith(f"{PAGE}/")


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
