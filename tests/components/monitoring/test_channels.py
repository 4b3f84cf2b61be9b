"""What a webhook and a mail server really get, and what is said where they get nothing."""

import logging
import socket
import time
from pathlib import Path

import pytest

from components.config import load_config
from components.errors import ConfigError
from components.monitoring.channels import LONGEST_TITLE, Email, Message, Unsent, Webhook, channels_of, slack
from components.watch_config import AlertConfig
from tests.fixtures.listeners import certificate_of, mail_server, webhook

DRIFTS = Message("Drift: timbre@0a1b2c3d", "Loudness went from -20.0 to -31.0 LUFS (median).", "Watched as production")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


def test_a_webhook_gets_slacks_json() -> None:
    with webhook() as hook:
        Webhook(hook.url, 30).send(DRIFTS)
    assert hook.got == [
        {
            "text": "Drift: timbre@0a1b2c3d. Loudness went from -20.0 to -31.0 LUFS (median).",
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": "Drift: timbre@0a1b2c3d"}},
                {"type": "section", "text": {"type": "mrkdwn", "text": "Loudness went from -20.0 to -31.0 LUFS (median)."}},
                {"type": "context", "elements": [{"type": "mrkdwn", "text": "Watched as production"}]},
            ],
        }
    ]


def test_no_name_can_mention_a_channel_or_pass_slacks_limits() -> None:
    said = slack(Message("t" * 999, "<!channel> & " + "x" * 9000))
    assert said["blocks"][1]["text"]["text"].startswith("&lt;!channel&gt; &amp; x")
    assert len(said["blocks"][0]["text"]["text"]) == LONGEST_TITLE
    assert len(said["blocks"][1]["text"]["text"]) <= 3000


@pytest.mark.parametrize("status", [302, 403, 500])
def test_a_webhook_that_refuses_is_told_without_its_secret(status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with webhook() as hook:
        hook.answers = [status]
        with pytest.raises(Unsent, match=f"the webhook at 127.0.0.1:[0-9]+ answered {status}") as refused:
            Webhook(hook.url, 30).send(DRIFTS)
    assert hook.got == []
    assert "secret" not in str(refused.value) + caplog.text


def test_a_webhook_that_says_nothing_is_not_waited_for() -> None:
    with webhook() as hook:
        hook.waits_s = 30
        begun = time.monotonic()
        with pytest.raises(Unsent, match="no answer in time"):
            Webhook(hook.url, 0.3).send(DRIFTS)
        assert time.monotonic() - begun < 5


def test_a_webhook_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Unsent, match="cannot be reached: Connection refused"):
        Webhook(f"http://127.0.0.1:{port}/secret", 30).send(DRIFTS)


@pytest.mark.parametrize(
    "url", ["hooks.example.org/secret", "file:///etc/secret", "https:///secret", "http://a b/secret", "http://[secret"]
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match="TIMBRE_ALERT_WEBHOOK") as refused:
        Webhook(url, 30)
    assert "secret" not in str(refused.value)


def test_a_letter_arrives() -> None:
    with mail_server() as post:
        Email(f"smtp://127.0.0.1:{post.port}", "timbre@example.org", ("ann@example.org", "bob@example.org"), 30).send(DRIFTS)
    (letter,) = post.letters
    assert (letter["Subject"], letter["From"], letter["To"]) == (
        "Drift: timbre@0a1b2c3d",
        "timbre@example.org",
        "ann@example.org, bob@example.org",
    )
    assert letter.get_content() == "Loudness went from -20.0 to -31.0 LUFS (median).\n\nWatched as production\n"  # type: ignore[attr-defined]
    assert post.recipients == ["ann@example.org", "bob@example.org"]
    assert letter["Message-ID"].endswith("@example.org>")
    assert post.logins == []


def test_a_title_cannot_add_a_header() -> None:
    with mail_server() as post:
        Email(f"smtp://127.0.0.1:{post.port}", "a@b.c", ("ann@b.c",), 30).send(Message("x\r\nBcc: eve@b.c", "ü"))
    (letter,) = post.letters
    assert letter["Subject"] == "x Bcc: eve@b.c"
    assert letter["Bcc"] is None
    assert letter.get_content() == "ü\n"  # type: ignore[attr-defined]


def test_a_password_goes_over_tls_that_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        certificate = certificate_of(tmp_path)
    except LookupError as error:
        pytest.skip(str(error))
    with mail_server(certificate, right="p@ss") as post:
        url = f"smtp://ann:p%40ss@localhost:{post.port}"
        with pytest.raises(Unsent, match=r"cannot be used: .*certificate") as refused:
            Email(url, "a@b.c", ("ann@b.c",), 30).send(DRIFTS)
        assert post.logins == []
        assert "p@ss" not in str(refused.value)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        Email(url, "a@b.c", ("ann@b.c",), 30).send(DRIFTS)
    assert post.logins == [("ann", "p@ss", True)]
    assert len(post.letters) == 1


def test_a_wrong_password_is_not_repeated() -> None:
    with mail_server(right="other") as post, pytest.raises(Unsent, match=r"refuses the login \(535\)") as refused:
        Email(f"smtp://ann:hunter2@127.0.0.1:{post.port}", "a@b.c", ("ann@b.c",), 30).send(DRIFTS)
    assert "hunter2" not in str(refused.value)
    assert post.letters == []


def test_a_password_stays_here_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.monitoring.channels.HERE", ())
    with mail_server(right="p") as post, pytest.raises(Unsent, match="has no TLS, so it gets no password"):
        Email(f"smtp://ann:p@127.0.0.1:{post.port}", "a@b.c", ("ann@b.c",), 30).send(DRIFTS)
    assert post.logins == []


def test_some_recipients_are_better_than_none() -> None:
    with mail_server() as post:
        post.refuses = ("bob@b.c",)
        Email(f"smtp://127.0.0.1:{post.port}", "a@b.c", ("ann@b.c", "bob@b.c"), 30).send(DRIFTS)
        assert post.recipients == ["ann@b.c"]
        with pytest.raises(Unsent, match=r"takes no mail for bob@b\.c"):
            Email(f"smtp://127.0.0.1:{post.port}", "a@b.c", ("bob@b.c",), 30).send(DRIFTS)
    assert len(post.letters) == 1


@pytest.mark.parametrize(
    "url", ["mail.example.org", "http://u:secret@h", "smtp://u:secret@", "smtp://u:secret@h:port", "smtp://u:secret@h/x"]
)
def test_what_is_no_mail_server_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match="TIMBRE_SMTP_URL") as refused:
        Email(url, "a@b.c", ("ann@b.c",), 30)
    assert "secret" not in str(refused.value)


def test_what_a_login_cannot_send_is_refused_and_not_repeated() -> None:
    for url in ("smtp://ann:s%C3%A4cret@h", "smtp://%C3%A4nn:p@h"):
        with pytest.raises(ConfigError, match="with other signs than ASCII's") as refused:
            Email(url, "a@b.c", ("ann@b.c",), 30)
        assert "ä" not in str(refused.value)


def test_a_host_that_nobody_could_know_is_unsent() -> None:
    for channel in (Webhook("http://a..b/secret", 30), Email("smtp://ann:secret@a..b", "a@b.c", ("ann@b.c",), 30)):
        with pytest.raises(Unsent, match=r"a\.\.b.*: UnicodeError") as refused:
            channel.send(DRIFTS)
        assert "secret" not in str(refused.value)


def test_the_environment_goes_before_the_configuration() -> None:
    assert channels_of(AlertConfig(), {}) == []
    both = channels_of(AlertConfig(email_to=("ann@b.c",)), {"TIMBRE_ALERT_WEBHOOK": "https://h/1", "TIMBRE_SMTP_URL": "smtp://h"})
    assert [channel.name for channel in both] == ["webhook", "email"]
    with webhook() as hook:
        (channel,) = channels_of(AlertConfig(webhook="https://other.invalid/x"), {"TIMBRE_ALERT_WEBHOOK": hook.url})
        channel.send(DRIFTS)
        assert len(hook.got) == 1
    with pytest.raises(ConfigError, match="email_to needs a mail server: set TIMBRE_SMTP_URL"):
        channels_of(AlertConfig(email_to=("ann@b.c",)), {})


@pytest.mark.parametrize("address", ["ann", "a@b@c", "a b@c", "a@b\\nBcc: c@d", "<a@b>"])
def test_an_address_is_checked_when_the_configuration_is_read(address: str) -> None:
    with pytest.raises(ConfigError, match="write an address as"):
        load_config(None, {"watch.alerts.email_to": [address]})
