"""What both clients are told, and how their methods look to people and editors."""

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from components.errors import ConfigError
from timbre.client.steps import Patience

Method = TypeVar("Method", bound=Callable[..., Any])
KEY = "TIMBRE_API_KEY"
CONNECT_S = 10.0


@dataclass(frozen=True)
class Connection:
    """Where the service is, and with which key and patience it is asked."""

    url: str
    api_key: str = field(repr=False)
    timeout_s: float
    patience: Patience

    @classmethod
    def of(cls, url: str, api_key: str | None, timeout: float, retries: int, backoff_s: float) -> "Connection":
        if not _is_address(url):
            raise ConfigError(f"{url!r} is no address of a service: write http://localhost:8090 or https://host")
        if retries < 0 or backoff_s < 0 or timeout <= 0:
            raise ConfigError(f"timeout={timeout}, retries={retries}, backoff_s={backoff_s}: none may be negative, nor the timeout 0")
        key = (os.environ.get(KEY, "") if api_key is None else api_key).strip()  # a file of secrets ends with a line's end
        if not (key.isascii() and key.isprintable()):
            raise ConfigError(f"the API key holds characters that no key has: give what `timbre keys create` printed, or set {KEY}")
        return cls(url.rstrip("/"), key, timeout, Patience(retries, backoff_s))

    def options(self) -> dict[str, Any]:
        """As httpx's clients take them."""
        headers = {"Accept": "application/json, application/x-ndjson", "User-Agent": "timbre-client"}
        if self.api_key:
            headers["X-API-Key"] = self.api_key
        timeout = httpx.Timeout(self.timeout_s, connect=min(CONNECT_S, self.timeout_s))
        return {"base_url": self.url, "headers": headers, "timeout": timeout}


def _is_address(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        return False
    return parsed.scheme in ("http", "https") and bool(parsed.host) and not set(url) & set(" ?#\\")


def signed(method: Method, describe: Callable[..., Any]) -> Method:
    """The method with the description's parameters after `self`, so that help() and notebooks show them."""
    told = inspect.signature(describe)
    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    shown = told.replace(parameters=[first, *told.parameters.values()], return_annotation=inspect.Signature.empty)
    method.__signature__ = shown  # type: ignore[attr-defined]
    return method
