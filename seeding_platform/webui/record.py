"""What was done in the web UI, on record: who, which field of which kind, what came of it. Never the variables: they may hold personal data."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.storage.audit import Event
from seeding_platform.webui.rules import MUTATIONS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from seeding_platform.governance.audit import Trail
    from seeding_platform.service.sessions import Actor

log = logging.getLogger("seeding.webui")
UNKNOWN = "unknown"
"""In place of a mutation that is in no table: its name is whatever somebody typed."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes events down.

    Args:
        trail: the audit log.
        now: the clock.
    """

    trail: Trail
    now: Callable[[], dt.datetime]

    def mutation(self, actor: Actor, field: str, outcome: str, answer: str = "") -> None:
        """A mutation was done, refused or failed.

        Args:
            actor: who asked.
            field: its name in Dagster's schema.
            outcome: ok, refused or failed.
            answer: the type of what Dagster answered.
        """
        self.event(actor, f"ui.{field if field in MUTATIONS else UNKNOWN}", outcome, {"answer": answer} if answer else {})

    def event(self, actor: Actor, action: str, outcome: str, detail: dict[str, str] | None = None) -> None:
        """Something was done. An event that cannot be written does not undo it: it stands in the log with all that it would have said."""
        event = Event(at=self.now(), tenant=actor.tenant, actor=actor.key_id, action=action, outcome=outcome, detail=detail or {})
        try:
            self.trail.record(event)
        except Exception:  # what it tells of has happened
            log.exception("not recorded: %s", event)
