"""How long is left of the month in which a request of a person must be answered."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from seeding_platform.service.pages.render import Speaker

SOON = dt.timedelta(days=7)
"""From here on a deadline is amber."""
DAY = dt.timedelta(days=1)


class Dated(Protocol):
    """Whatever has a deadline."""

    @property
    def received_at(self) -> dt.datetime:
        """When it came."""

    @property
    def due_at(self) -> dt.datetime:
        """Until when it must be answered."""

    @property
    def closed_at(self) -> dt.datetime | None:
        """When it was."""


def clock(request: Dated, now: dt.datetime, say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    """The deadline for people: `tone` (ok, warn or bad), a sentence, the day, and how much of the month is gone.

    Args:
        request: what is due.
        now: the moment.
        say: of the page's language.
        k: its words about privacy requests.
    """
    gone = (request.closed_at or now) - request.received_at
    share = max(0.0, min(1.0, gone / (request.due_at - request.received_at)))
    told: dict[str, Any] = {"share": share, "day": say.day(request.due_at.date()), "closed": request.closed_at is not None}
    if request.closed_at is not None:
        late = request.closed_at > request.due_at
        return {**told, "tone": "bad" if late else "ok", "text": _days(k["took"], gone) + (f" {k['was_late']}" if late else "")}
    left = request.due_at - now
    if left < dt.timedelta(0):
        return {**told, "tone": "bad", "text": _days(k["over"], -left)}
    return {**told, "tone": "warn" if left < SOON else "ok", "text": _days(k["left"], left)}


def _days(forms: dict[str, str], span: dt.timedelta) -> str:
    """A span in whole days, by the form for none, one or several."""
    days = span // DAY
    return forms["none"] if days == 0 else forms["one"] if days == 1 else forms["some"].format(n=days)
