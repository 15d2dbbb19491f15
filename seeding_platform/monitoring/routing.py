"""Who is told of an alert, and when: routes, quiet hours and the least time between two messages, as people set them while it runs.

A route is one line: which alerts, an arrow, a channel and where to.

    critical -> pager
    critical, warning rules=quality. -> email data@example.org, ops@example.org
    * tenant=acme -> webhook
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from seeding_platform.catalog.adjustable import Adjustable
from seeding_platform.catalog.zones import Zone
from seeding_platform.monitoring.rules import RULES, Severity

if TYPE_CHECKING:
    from seeding_platform.settings import Settings
    from seeding_platform.storage.alerts import Occurrence

CHANNELS = ("email", "slack", "webhook", "pager", "console")
MOST_ROUTES, LONGEST_LINE = 50, 500
ERASED = "[ERASED]"
"""What stands in the place of an address whose owner was erased: it is told nothing."""
_ADDRESS = re.compile(r"[^@\s,<>]+@[^@\s,<>]+\.[^@\s,<>]+")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class Channel:
    """Where something is sent.

    Args:
        name: one of `CHANNELS`.
        target: mail addresses by commas; nothing for the others, whose addresses are secrets and set by the environment.
    """

    name: str
    target: str = ""

    @classmethod
    def parsed(cls, text: str) -> Channel:
        """A channel as it is written: its name, then where to.

        Raises:
            ValueError: there is no such channel, or it cannot go there.

        >>> Channel.parsed("email ann@example.org, bob@example.org")
        Channel(name='email', target='ann@example.org, bob@example.org')
        """
        name, _, target = " ".join(text.split()).partition(" ")
        if name not in CHANNELS:
            raise ValueError(f"{name!r} is no channel; there are {', '.join(CHANNELS)}")
        addresses = [part.strip() for part in target.split(",")]
        if name == "email" and not all(_ADDRESS.fullmatch(a) or a == ERASED for a in addresses):
            raise ValueError("email needs one or more mail addresses, by commas")
        if name != "email" and target:
            raise ValueError(f"{name} is followed by nothing: its address is a secret, and set by the environment")
        return cls(name, target)

    def __str__(self) -> str:
        return f"{self.name} {self.target}".strip()

    @property
    def reaches(self) -> Channel | None:
        """The same without addresses whose owner was erased; None where nobody is left."""
        if ERASED not in self.target:
            return self
        left = [a for part in self.target.split(",") if (a := part.strip()) != ERASED]
        return Channel(self.name, ", ".join(left)) if left else None


@dataclass(frozen=True, slots=True)
class Route:
    """Which alerts go where.

    Args:
        severities: of the alert; none = all.
        rules: beginning of the rule's name.
        tenant: whose alerts; empty = everybody's.
        channel: where to.
    """

    severities: frozenset[str]
    rules: str
    tenant: str
    channel: Channel

    @classmethod
    def parsed(cls, line: str) -> Route:
        """A route from its line.

        Raises:
            ValueError: it is none; says what is wrong.

        >>> Route.parsed("critical rules=model. -> pager").matches("critical", "model.drift", "acme")
        True
        """
        which, arrow, where = line.partition("->")
        if not arrow:
            raise ValueError(f"{line[:60]!r}: write which alerts, ->, a channel, such as `critical -> pager`")
        severities, told = set(), {"rules": "", "tenant": ""}
        for part in which.replace(",", " ").split():
            name, sign, value = part.partition("=")
            if sign and name in told and value:
                told[name] = value
            elif part in list(Severity):
                severities.add(part)
            elif part != "*":
                raise ValueError(f"{part!r} is no severity ({', '.join(Severity)}), and neither * nor rules=... nor tenant=...")
        if not which.split():
            raise ValueError("say which alerts before the arrow; * stands for all")
        if told["rules"] and not any(name.startswith(told["rules"]) for name in RULES):
            raise ValueError(f"no rule begins with {told['rules']!r}; there are {', '.join(RULES)}")
        if told["tenant"] and not _TENANT.fullmatch(told["tenant"]):
            raise ValueError(f"{told['tenant']!r} is no name of a tenant")
        return cls(frozenset(severities), told["rules"], told["tenant"], Channel.parsed(where))

    def matches(self, severity: str, rule: str, tenant: str) -> bool:
        """Whether an alert takes it."""
        return (not self.severities or severity in self.severities) and rule.startswith(self.rules) and self.tenant in ("", tenant)


class AlertRoutes(BaseModel):
    """Who is told of what, and how often."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    routes: tuple[str, ...] = Field((), max_length=MOST_ROUTES, description="One a line: `critical -> pager`; none = whatever is set up")
    repeat_hours: float = Field(24, ge=0.25, le=720, description="Least time between two messages of the same alert, unless it gets worse")
    remind: bool = Field(False, description="Tell again after that time, while it is open and nobody has acknowledged it")
    resolved: bool = Field(True, description="Tell also when it is over")
    quiet_from: dt.time | None = Field(None, description="From this time of day on only critical alerts are sent; the others wait")
    quiet_to: dt.time | None = Field(None, description="Until then")
    zone: Zone = Field("UTC", description="IANA time zone that the quiet hours are meant in")
    lang: Literal["en", "nl"] = Field("en", description="Language of the messages")
    webhook_failures: int = Field(20, ge=3, le=1000, description="Failed attempts in a row after which a webhook is switched off")

    @field_validator("routes", mode="before")
    @classmethod
    def _lines(cls, routes: object) -> object:
        """One text is its lines."""
        return tuple(line.strip() for line in routes.splitlines() if line.strip()) if isinstance(routes, str) else routes

    @field_validator("routes")
    @classmethod
    def _readable(cls, routes: tuple[str, ...]) -> tuple[str, ...]:
        for line in routes:
            if len(line) > LONGEST_LINE:
                raise ValueError(f"a route has at most {LONGEST_LINE} characters")
            Route.parsed(line)
        return routes

    @model_validator(mode="after")
    def _both_ends(self) -> AlertRoutes:
        if (self.quiet_from is None) != (self.quiet_to is None) or (self.quiet_from is not None and self.quiet_from == self.quiet_to):
            raise ValueError("quiet hours need a beginning and an end that differ, or neither")
        return self

    @property
    def repeat(self) -> dt.timedelta:
        """Least time between two messages of the same alert."""
        return dt.timedelta(hours=self.repeat_hours)

    def waits_until(self, severity: str, now: dt.datetime) -> dt.datetime | None:
        """When a message may go out in quiet hours; None for at once."""
        if self.quiet_from is None or self.quiet_to is None or severity == Severity.CRITICAL:
            return None
        zone = ZoneInfo(self.zone)
        here = now.astimezone(zone)
        clock, begin, end = here.time().replace(tzinfo=None), self.quiet_from, self.quiet_to
        quiet = begin <= clock < end if begin < end else clock >= begin or clock < end
        if not quiet:
            return None
        day = here.date() + dt.timedelta(days=1) if clock >= end else here.date()
        return dt.datetime.combine(day, end, zone).astimezone(dt.UTC)


ROUTES = Adjustable("alerts.routes", AlertRoutes, "Who is told of which alerts, by which channel, and when not.")


def set_up(settings: Settings) -> list[str]:
    """Channels that the environment sets up; the console always is."""
    s = settings
    found = ["email"] if s.smtp_url.get_secret_value() and s.mail_from else []
    found += ["slack"] if s.slack_webhook.get_secret_value() else []
    found += ["webhook"] if s.webhook_url.get_secret_value() else []
    found += ["pager"] if s.pager_key.get_secret_value() else []
    return [*found, "console"]


def channels_of(alert: Occurrence, told: AlertRoutes, settings: Settings) -> list[Channel]:
    """Where an alert goes: its own channels, and every route that it takes; one with channels of its own takes only routes that name its rule.

    Without any route it goes to the console and to whatever the environment sets up that needs no address.
    """
    routes = [Route.parsed(line) for line in told.routes]
    taken = [r.channel for r in routes if r.matches(alert.severity, alert.rule, alert.tenant) and (alert.channels is None or r.rules)]
    if alert.channels is not None:
        taken = [*(Channel.parsed(text) for text in alert.channels), *taken]
    elif not routes:
        taken = [Channel(name) for name in set_up(settings) if name != "email"]
    return list(dict.fromkeys(reached for channel in taken if (reached := channel.reaches) is not None))
