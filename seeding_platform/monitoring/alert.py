"""What a room raises: a rule that holds for a subject, with the figures and ids that show it. Evidence is never about a person."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import PermanentError
from seeding_platform.monitoring.rules import RULES, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeding_platform.monitoring.rules import Rule

__all__ = ["Alert", "AlertState", "NotAnId", "Severity", "fingerprint_of", "plain"]
LONGEST_ID, MOST_FACTS, DEEPEST = 160, 40, 3
_ID = re.compile(r"[A-Za-z0-9_\[][\w.:/+%<>=#,\[\]-]*(?:@\d{1,9})?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?")
_LIKE_A_NUMBER = re.compile(r"[+(]?\d(?:[-./() ]*\d){7,}")
_LONGEST_NUMBER = 24
"""Digits from which on a text of digits only is an id: no telephone, card or account has so many."""
_BANK = re.compile(r"[A-Za-z]{2}\d{2}[A-Za-z0-9]{10,30}")
_DEVICE = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")


class AlertState(StrEnum):
    """How far an alert is."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    MUTED = "muted"
    RESOLVED = "resolved"


class NotAnId(PermanentError):
    """Something was to be kept or sent that might say something about a person.

    Args:
        name: where it stands; what it is, is not repeated.
    """

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is neither a figure nor an id.",
            fix="Give numbers, moments and ids without spaces only; people are never named, not even by a number.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that people should know.

    Attributes:
        rule: name of a rule of `RULES`.
        tenant: whose; empty for the whole installation's.
        subject: what it is about, as an id such as `quality/orders`.
        evidence: figures and ids that show it.
        severity: None = the rule's own.
        title: one line in place of the rule's own; no personal data.
        says: what is so, in place of the rule's own; no personal data.
        channels: channels of its own, each `channel target`, that are told in place of the routes; None = the routes say.

    Raises:
        NotAnId: evidence or subject is not of that form.
        PermanentError: there is no such rule.
    """

    rule: str
    tenant: str
    subject: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity | None = None
    title: str = ""
    says: str = ""
    channels: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise PermanentError(f"There is no rule {self.rule!r}.", fix=f"There are {', '.join(RULES)}.")
        if not isinstance(plain(self.subject, "The subject of an alert"), str) or not self.subject:
            raise NotAnId("The subject of an alert")
        object.__setattr__(self, "evidence", plain(dict(self.evidence), "The evidence of an alert"))

    @property
    def of(self) -> Rule:
        """Its rule."""
        return RULES[self.rule]

    @property
    def weight(self) -> Severity:
        """How bad it is."""
        return self.of.severity if self.severity is None else Severity(self.severity)

    @property
    def fingerprint(self) -> str:
        """The same for every time that it is raised."""
        return fingerprint_of(self.rule, self.tenant, self.subject)


def fingerprint_of(rule: str, tenant: str, subject: str) -> str:
    """What names an alert over all its occurrences."""
    return hashlib.blake2b("\x00".join((rule, tenant, subject)).encode(), digest_size=12).hexdigest()


def plain(value: Any, name: str, *, depth: int = 0) -> Any:
    """Facts as JSON, where all of them are figures, moments and ids.

    Args:
        value: a figure, a moment, an id, or a mapping or list of such.
        name: what it is called when it is refused.
        depth: how deep it lies.

    Raises:
        NotAnId: it is something else; a mail address, a telephone number or a sentence, say.

    >>> plain({"run": "a1b2/clean.orders", "share": 0.25, "since": dt.date(2026, 11, 24)}, "It")
    {'run': 'a1b2/clean.orders', 'share': 0.25, 'since': '2026-11-24'}
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, str):
        if not _is_id(value):
            raise NotAnId(name)
        return str(value)
    if depth >= DEEPEST or not isinstance(value, dict | list | tuple) or len(value) > MOST_FACTS:
        raise NotAnId(name)
    if isinstance(value, dict):
        return {str(plain(str(k), name)): plain(part, f"{name}, {k!s:.40}", depth=depth + 1) for k, part in value.items()}
    return [plain(part, name, depth=depth + 1) for part in value]


def _is_id(text: str) -> bool:
    if not text or _MOMENT.fullmatch(text):
        return True
    if len(text) > LONGEST_ID or not _ID.fullmatch(text):
        return False
    return not (
        (len(text) < _LONGEST_NUMBER and _LIKE_A_NUMBER.fullmatch(text)) or _BANK.fullmatch(text) or _DEVICE.fullmatch(text) or _is_network(text)
    )


def _is_network(text: str) -> bool:
    if not ("." in text or ":" in text):
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
