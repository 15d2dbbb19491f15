"""How one message leaves the house: mail, Slack's incoming webhook, a signed webhook, a pager. What is to be sent, and again, is in the outbox.

Addresses that the environment sets up are trusted, also inside one's own network; those of people's webhooks and callbacks are not.
"""

from __future__ import annotations

import json
import re
import smtplib
import ssl
import time
from dataclasses import dataclass
from email.message import EmailMessage
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from seeding_platform.errors import ConfigError, SeedingError
from seeding_platform.exchange.addresses import AddressRefused
from seeding_platform.exchange.http import Guarded
from seeding_platform.exchange.signing import key_of, signed_headers
from seeding_platform.monitoring.callbacks import CHANNEL as CALLBACK
from seeding_platform.monitoring.routing import set_up
from seeding_platform.monitoring.webhook_keys import keys_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from seeding_platform.exchange.http import Answer
    from seeding_platform.settings import Settings
    from seeding_platform.storage.live import Message
    from seeding_platform.storage.webhooks import Webhook

SECONDS = 15.0
GONE = 410
LONGEST_SLACK = 3500
SETS_UP = {
    "email": "SEEDING_SMTP_URL and SEEDING_MAIL_FROM",
    "slack": "SEEDING_SLACK_WEBHOOK",
    "webhook": "SEEDING_WEBHOOK_URL and SEEDING_WEBHOOK_SECRET",
    "pager": "SEEDING_PAGER_KEY",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try.

    Args:
        error: why it failed; empty where it did not.
        code: status of the answer; None where there was none.
        took_ms: how long it took.
        wait_s: how long the other side wants to be left alone.
        for_good: trying again would give the same.
    """

    error: str = ""
    code: int | None = None
    took_ms: int = 0
    wait_s: float = 0
    for_good: bool = False


def chosen(settings: Settings) -> list[str]:
    """Channels that people may choose for what they keep: mail and Slack, where they are set up."""
    return [name for name in set_up(settings) if name in ("email", "slack")]


def tried(message: Message, settings: Settings, webhook: Webhook | None, *, now: dt.datetime) -> Outcome:
    """Try to send one message.

    Args:
        message: what is sent.
        settings: which channels are set up.
        webhook: of a message that goes to one; None where it is gone.
        now: the moment.
    """
    began = time.monotonic()
    try:
        return _by(message, settings, webhook, now)
    except AddressRefused as error:
        return Outcome(f"{type(error).__name__}: {error}", for_good=bool(message.target))
    except (OSError, smtplib.SMTPException, SeedingError) as error:
        return Outcome(f"{type(error).__name__}: {error}", took_ms=round(1000 * (time.monotonic() - began)))


def _by(message: Message, settings: Settings, webhook: Webhook | None, now: dt.datetime) -> Outcome:
    if message.channel == "webhook" and message.target:
        if webhook is None or not webhook.enabled:
            return Outcome("The webhook is switched off, or was taken away.", for_good=True)
        client = Guarded(private=settings.private_addresses)
        return _judged(client.post(webhook.url, *_signed(message, keys_of(webhook, settings, now=now), now)))
    if message.channel == CALLBACK:
        return _called_back(message, settings, now)
    if message.channel not in set_up(settings):
        what = SETS_UP.get(message.channel, "one that there is")
        raise ConfigError(f"The channel {message.channel!r} is not set up.", fix=f"Set {what}.")
    return _SENDERS[message.channel](message, settings, now)


def _judged(answer: Answer) -> Outcome:
    """Only 2xx is success: a redirect is not followed, and says that nothing was taken."""
    if answer.ok:
        return Outcome(code=answer.status, took_ms=answer.took_ms)
    wait = answer.headers.get("retry-after", "")
    seconds = float(wait) if re.fullmatch(r"\d{1,6}", wait) else 0.0
    return Outcome(f"It answered with {answer.status}.", answer.status, answer.took_ms, seconds, answer.status == GONE)


def _signed(message: Message, keys: list[bytes], now: dt.datetime) -> tuple[bytes, Mapping[str, str]]:
    body = message.body.encode()
    return body, signed_headers(keys, message.message_id, body, now=now)


def _called_back(message: Message, settings: Settings, now: dt.datetime) -> Outcome:
    """To the address that somebody named; signed where the installation has a secret for what it sends."""
    client, secret = Guarded(private=settings.private_addresses), settings.webhook_secret.get_secret_value()
    if secret:
        return _judged(client.post(message.target, *_signed(message, [key_of(secret)], now)))
    return _judged(client.post(message.target, message.body.encode()))


def _mailed(message: Message, settings: Settings, now: dt.datetime) -> Outcome:
    del now
    began = time.monotonic()
    made = EmailMessage()
    made["Subject"] = " ".join(message.subject.split())
    made["From"], made["To"] = settings.mail_from, message.target
    made["Message-ID"] = f"<{message.message_id}@seeding-platform>"
    made.set_content(message.body)
    url = urlsplit(settings.smtp_url.get_secret_value())
    host, port = url.hostname or "localhost", url.port or (465 if url.scheme == "smtps" else 25)
    context = ssl.create_default_context()
    secure = url.scheme == "smtps"
    with smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context) if secure else smtplib.SMTP(host, port, timeout=SECONDS) as server:
        server.ehlo()
        if not secure and server.has_extn("starttls"):
            server.starttls(context=context)
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
        server.send_message(made)
    return Outcome(took_ms=round(1000 * (time.monotonic() - began)))


def _slacked(message: Message, settings: Settings, now: dt.datetime) -> Outcome:
    del now
    text = f"*{message.subject}*\n```{message.body[:LONGEST_SLACK]}```"
    return _judged(_trusted().post(settings.slack_webhook.get_secret_value(), json.dumps({"text": text}).encode()))


def _hooked(message: Message, settings: Settings, now: dt.datetime) -> Outcome:
    secret = settings.webhook_secret.get_secret_value()
    if not secret:
        raise ConfigError("SEEDING_WEBHOOK_URL is set without a secret.", fix="Set SEEDING_WEBHOOK_SECRET: what is sent there is signed with it.")
    return _judged(_trusted().post(settings.webhook_url.get_secret_value(), *_signed(message, [key_of(secret)], now)))


def _paged(message: Message, settings: Settings, now: dt.datetime) -> Outcome:
    """The key is put in only now: it is kept nowhere but in the environment."""
    del now
    body = json.dumps({**json.loads(message.body), "routing_key": settings.pager_key.get_secret_value()}).encode()
    return _judged(_trusted().post(settings.pager_url, body))


def _trusted() -> Guarded:
    return Guarded(private=True, seconds=SECONDS)


_SENDERS: Mapping[str, Callable[[Message, Settings, dt.datetime], Outcome]] = {
    "email": _mailed,
    "slack": _slacked,
    "webhook": _hooked,
    "pager": _paged,
}
