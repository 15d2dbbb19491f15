"""The audit log of an installation with all that belongs to it: one object for whoever records, seals or verifies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from seeding_platform.governance.audit.seal import Checkpoints, Sealer, parsed
from seeding_platform.governance.audit.verify import verify
from seeding_platform.storage.audit import AuditLog, Event
from seeding_platform.storage.keyring import keyring

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from seeding_platform.governance.audit.verify import Verdict
    from seeding_platform.settings import Settings
    from seeding_platform.storage.audit import Recorded
    from seeding_platform.storage.keyring import Keyring
    from seeding_platform.storage.state import State

VERIFIED = "audit.verify"
"""What a verification is called in the log that it verified."""
MOST_PROBLEMS = 20
"""Problems that its event names; the log itself has them all."""


@dataclass(frozen=True, slots=True)
class SealState:
    """How far the log is sealed.

    Args:
        seals: checkpoints there are.
        covered: number of the last event that one of them covers; 0 for none.
        at: when the newest was made, ISO 8601; empty for none.
        unsealed: events behind it.
    """

    seals: int
    covered: int
    at: str
    unsealed: int


class Trail:
    """Who did what, of one installation.

    Args:
        settings: where key and checkpoints lie.
        state: where the events lie.
    """

    def __init__(self, settings: Settings, state: State) -> None:
        self.settings, self.state = settings, state

    @cached_property
    def keys(self) -> Keyring:
        """The keyring of the installation."""
        return keyring(self.settings.state, self.settings.master_key.get_secret_value())

    @cached_property
    def log(self) -> AuditLog:
        """The events."""
        return AuditLog(self.state, self.keys)

    @cached_property
    def checkpoints(self) -> Checkpoints:
        """The file of checkpoints."""
        return Checkpoints(self.settings.checkpoints)

    def record(self, *events: Event) -> int:
        """Write events down; returns the number of the last."""
        return self.log.record(*events)

    def seal(self, *, now: dt.datetime) -> int:
        """Cover what no checkpoint covers yet; returns how many events those were."""
        return Sealer(self.log, self.keys, self.checkpoints).seal(now=now)

    def verify(self, copies: Sequence[str] = ()) -> Verdict:
        """Whether everything is as it was written; `copies` are checkpoints that were kept elsewhere."""
        return verify(self.log, self.keys, self.checkpoints, copies=copies)

    def verified(self, *, actor: str, now: dt.datetime) -> Verdict:
        """`verify`, with what it found on record."""
        found = self.verify()
        told = {**found.as_dict(), "problems": found.problems[:MOST_PROBLEMS]}
        self.record(Event(at=now, tenant="", actor=actor, action=VERIFIED, outcome="ok" if found.ok else "failed", detail=told))
        return found

    def last_verified(self) -> Recorded | None:
        """The newest verification on record."""
        return next(iter(self.log.newest(tenant="", action=VERIFIED, limit=1)), None)

    def seals(self) -> SealState:
        """How far the log is sealed, by the newest line that is a checkpoint; whether each holds is what verifying says."""
        lines, covered, at = self.checkpoints.lines(), 0, ""
        for line in reversed(lines):
            try:
                newest = parsed(line)
            except ValueError:
                continue
            covered, at = newest.last, newest.at
            break
        return SealState(len(lines), covered, at, max(0, self.log.last() - covered))
