"""Legal holds placed and lifted: by person, table or everything, with a reason, on record."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog import LANDED
from seeding_platform.errors import ConfigError, PermanentError
from seeding_platform.governance.pii import redacted
from seeding_platform.governance.pseudonyms import Pseudonyms
from seeding_platform.storage.audit import Event
from seeding_platform.storage.holds import EVERYTHING, PERSON, TABLE, Hold, Holds
from seeding_platform.storage.marks import HELD, Marks

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from seeding_platform.governance.audit import Trail
    from seeding_platform.governance.subject_rights.matcher import Identifier
    from seeding_platform.storage.state import State


@dataclass(frozen=True, slots=True)
class Holding:
    """Places and lifts holds.

    Args:
        state: where they are kept.
        trail: where it goes on record.
        now: the clock.
    """

    state: State
    trail: Trail
    now: Callable[[], dt.datetime]

    def place(self, *, tenant: str, reason: str, actor: str, table: str = "", person: Sequence[Identifier] = ()) -> Hold:
        """Keep a table, a person, or, where neither is named, everything of a tenant.

        Args:
            tenant: whose; empty for everybody's. A person is always somebody of one tenant.
            reason: why; personal data in it is redacted.
            actor: who does it.
            table: name of the contract.
            person: how the person can be recognised; kept as keyed hashes only.

        Raises:
            ConfigError: no reason, both a table and a person, no such table, or a person of no tenant.
        """
        if not reason.strip() or (table and person) or (table and table not in LANDED) or (person and not tenant):
            raise ConfigError(
                "The hold was not placed.", fix=f"Give a reason, and either one table ({', '.join(LANDED)}), or a person with a tenant, or neither."
            )
        kind = TABLE if table else PERSON if person else EVERYTHING
        target = table or (Pseudonyms(self.trail.keys, tenant).token(person[0].value, person[0].label) if person else "")
        plain = redacted(pl.Series([reason.strip()[:500]]))[0]
        hold = Hold(hold_id=f"h{os.urandom(5).hex()}", tenant=tenant, kind=kind, target=target, reason=plain, actor=actor, at=self.now())
        if person:
            named = [(i.label, i.value) for i in person]
            Marks(self.state, self.trail.keys).put(HELD, tenant, named, request_id=hold.hold_id, now=hold.at)
        Holds(self.state).add(hold)
        self._record(hold, "placed", actor)
        return hold

    def release(self, hold_id: str, *, actor: str) -> Hold:
        """Lift a hold: what waited for it goes on, and ages count again.

        Raises:
            PermanentError: no hold of this id stands.
        """
        found = Holds(self.state).one(hold_id)
        if found is None or not Holds(self.state).lift(hold_id, now=self.now()):
            raise PermanentError(f"No hold {hold_id} stands.", fix="`seeding retention holds` lists those that do.")
        Marks(self.state, self.trail.keys).forget(hold_id, found.tenant)
        self._record(found, "lifted", actor)
        return found

    def _record(self, hold: Hold, what: str, actor: str) -> None:
        detail = {"hold": hold.hold_id, "kind": hold.kind, "reason": hold.reason}
        self.trail.record(Event(at=self.now(), tenant=hold.tenant, actor=actor, action=f"retention.hold.{what}", subject=hold.target, detail=detail))
