"""Ways to tell people: a webhook that takes Slack's JSON, and email by SMTP. No address with a secret is ever shown or logged."""

import contextlib
import http.client
import json
import logging
import os
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from components.errors import ConfigError, TimbreError
from components.watch_config import AlertConfig

log = logging.getLogger(__name__)
WEBHOOK, SMTP = "TIMBRE_ALERT_WEBHOOK", "TIMBRE_SMTP_URL"
LONGEST_TITLE, LONGEST_TEXT = 150, 2900  # Slack takes 150 and 3000
PORTS = {"smtp": 587, "smtps": 465}
HERE = ("localhost", "127.0.0.1", "::1")
HIDDEN = "write smtp://user:password@host:587 or smtps://user:password@host"


class Unsent(TimbreError):  # noqa: N818 - a state of the message
    """A message that could not be sent; the sentence says where to and why, without a secret."""


@dataclass(frozen=True)
class Message:
    """What people are told: a title, a text, and small print, each in one paragraph."""

    title: str
    text: str
    small: str = ""


class Channel(Protocol):
    """A way to tell people; its name is kept with what was told."""

    @property
    def name(self) -> str: ...

    def send(self, message: Message) -> None:
        """Raises Unsent where it cannot."""


def channels_of(config: AlertConfig, environment: Mapping[str, str] = os.environ) -> list[Channel]:
    """The channels that are set up.

    Raises:
        ConfigError: if an address is none, or email has no server.
    """
    channels: list[Channel] = []
    if url := environment.get(WEBHOOK) or config.webhook:
        channels.append(Webhook(url, config.timeout_s))
    if config.email_to:
        if not (server := environment.get(SMTP)):
            raise ConfigError(f"watch.alerts.email_to needs a mail server: set {SMTP}, {HIDDEN}")
        channels.append(Email(server, config.email_from, config.email_to, config.timeout_s))
    return channels


class Webhook:
    """Posts `{"text": ..., "blocks": [...]}`, as Slack, Mattermost and others take it; a redirect is not followed.

    Raises:
        ConfigError: if the URL is none.
    """

    name = "webhook"

    def __init__(self, url: str, timeout_s: float) -> None:
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and url.isascii() and url.isprintable() and " " not in url
            self._where = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        except ValueError:
            usable = False
        if not usable:
            raise ConfigError(f"the alerts' webhook is no address: write https://... into {WEBHOOK}")
        self._url, self._timeout_s = url, timeout_s

    def send(self, message: Message) -> None:
        """Raises Unsent where it cannot."""
        body = json.dumps(slack(message), ensure_ascii=False).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json; charset=utf-8"}, method="POST")  # noqa: S310 - http(s), see above
        try:
            with urllib.request.build_opener(_Straight).open(request, timeout=self._timeout_s):
                return
        except urllib.error.HTTPError as error:
            with error:
                raise Unsent(f"the webhook at {self._where} answered {error.code}") from None
        except (OSError, http.client.HTTPException, UnicodeError) as error:  # UnicodeError: a host that no name server could know
            raise Unsent(f"the webhook at {self._where} cannot be reached: {_why(error)}") from None


class _Straight(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """An answer that sends us elsewhere is a failure."""


def slack(message: Message) -> dict[str, Any]:
    """Slack's JSON."""
    text = _escaped(message.text)[:LONGEST_TEXT]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": message.title[:LONGEST_TITLE]}},
        {"type": "section", "text": {"type": "mrkdwn", "text": text}},
    ]
    if message.small:
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": _escaped(message.small)[:LONGEST_TEXT]}]})
    return {"text": f"{_escaped(message.title)}. {text}", "blocks": blocks}


def _escaped(text: str) -> str:
    """Slack's own marks, so that no label or name can mention a channel or make a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Email:
    """Sends plain text; TLS by `smtps://`, else STARTTLS where the server has it. A password goes over TLS, or to this machine, only.

    Raises:
        ConfigError: if the server's URL is none.
    """

    name = "email"

    def __init__(self, url: str, sender: str, to: tuple[str, ...], timeout_s: float) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port or PORTS.get(parts.scheme, 0)
        except ValueError:
            raise ConfigError(f"{SMTP} is no mail server's address: {HIDDEN}") from None
        if not parts.hostname or parts.scheme not in PORTS or parts.path not in ("", "/"):
            raise ConfigError(f"{SMTP} is no mail server's address: {HIDDEN}")
        self._host, self._port, self._tls = parts.hostname, port, parts.scheme == "smtps"
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        if not f"{self._user}{self._password}".isascii():
            raise ConfigError(f"{SMTP} has a user or a password with other signs than ASCII's, which a login cannot send: choose others")
        self._sender, self._to, self._timeout_s = sender, to, timeout_s

    def send(self, message: Message) -> None:
        """Raises Unsent where it cannot, or where the server refuses every recipient."""
        where = f"the mail server {self._host}:{self._port}"
        try:
            with self._connected() as server:
                refused = server.send_message(self._letter(message), self._sender, list(self._to))
        except smtplib.SMTPAuthenticationError as error:
            raise Unsent(f"{where} refuses the login ({error.smtp_code})") from None
        except smtplib.SMTPRecipientsRefused:
            raise Unsent(f"{where} takes no mail for {', '.join(self._to)}") from None
        except smtplib.SMTPResponseException as error:
            raise Unsent(f"{where} answered {error.smtp_code}") from None
        except (OSError, smtplib.SMTPException, UnicodeError) as error:  # UnicodeError: as above
            raise Unsent(f"{where} cannot be used: {_why(error)}") from None
        if refused:  # the others have it
            log.warning("%s takes no mail for %s", where, ", ".join(sorted(refused)))

    @contextlib.contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        secure = ssl.create_default_context()
        # A name of our own: looking this machine's up may take long.
        given: dict[str, Any] = {"local_hostname": "timbre.localhost", "timeout": self._timeout_s}
        made = (
            smtplib.SMTP_SSL(self._host, self._port, context=secure, **given)
            if self._tls
            else smtplib.SMTP(self._host, self._port, **given)
        )
        try:
            made.ehlo()
            if not self._tls and made.has_extn("starttls"):
                made.starttls(context=secure)
                made.ehlo()
            elif self._user and not self._tls and self._host not in HERE:
                raise Unsent(f"the mail server {self._host}:{self._port} has no TLS, so it gets no password: use smtps://")
            if self._user:
                made.login(self._user, self._password)
            yield made
            with contextlib.suppress(OSError, smtplib.SMTPException):  # it has the letter already
                made.quit()
        finally:
            made.close()

    def _letter(self, message: Message) -> EmailMessage:
        letter = EmailMessage()
        letter["Subject"] = " ".join(message.title.split())[:LONGEST_TITLE]
        letter["From"], letter["To"], letter["Date"] = self._sender, ", ".join(self._to), formatdate()
        letter["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2])
        letter["Auto-Submitted"] = "auto-generated"  # so that no holiday notice answers
        letter.set_content("\n\n".join(part for part in (message.text, message.small) if part) + "\n")
        return letter


def _why(error: Exception) -> str:
    """An error's reason without what might hold a secret."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    return str(getattr(reason, "strerror", None) or type(reason).__name__)
