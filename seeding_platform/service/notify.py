"""How messages leave the house: by mail and by Slack's incoming webhook. What is to be sent, and again, is kept in the outbox."""

from __future__ import annotations

import json
import logging
import smtplib
import ssl
import urllib.request
from email.message import EmailMessage
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.settings import Settings
    from seeding_platform.storage.live import Live, Message

log = logging.getLogger("seeding.service")
SECONDS = 15.0
MOST_AT_ONCE = 50


def channels(settings: Settings) -> list[str]:
    """Channels that are set up."""
    found = ["email"] if settings.smtp_url.get_secret_value() and settings.mail_from else []
    return found + (["slack"] if settings.slack_webhook.get_secret_value() else [])


def send(message: Message, settings: Settings) -> None:
    """Send one message.

    Raises:
        ConfigError: its channel is not set up.
        OSError: it could not be delivered; worth trying again.
    """
    if message.channel not in channels(settings):
        raise ConfigError(
            f"The channel {message.channel!r} is not set up.", fix="Set SEEDING_SMTP_URL and SEEDING_MAIL_FROM, or SEEDING_SLACK_WEBHOOK."
        )
    if message.channel == "email":
        _mail(message, settings)
    else:
        _slack(message, settings)


def _mail(message: Message, settings: Settings) -> None:
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


def _slack(message: Message, settings: Settings) -> None:
    text = f"*{message.subject}*\n```{message.body[:3500]}```"
    url, headers = settings.slack_webhook.get_secret_value(), {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps({"text": text}).encode(), headers)  # noqa: S310 (the installation's own setting)
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        answer.read(1000)


def send_due(live: Live, settings: Settings, *, now: dt.datetime) -> int:
    """Send what is due; what fails is tried again later by the outbox. Returns how many went out."""
    sent = 0
    for _ in range(MOST_AT_ONCE):
        message = live.claimed(now=now)
        if message is None:
            break
        try:
            send(message, settings)
        except (OSError, smtplib.SMTPException, ConfigError) as error:
            log.warning("message %s was not sent: %s", message.message_id, type(error).__name__)
            live.failed(message, f"{type(error).__name__}: {error}", now=now)
        else:
            live.sent(message, now=now)
            sent += 1
    return sent
