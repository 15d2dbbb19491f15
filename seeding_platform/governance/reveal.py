"""Reading encrypted values again: by stewards, with a reason, each value on record before it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog import LANDED
from seeding_platform.errors import ConfigError
from seeding_platform.governance.encryption import ColumnCipher
from seeding_platform.governance.pii import redacted
from seeding_platform.storage.audit import Event
from seeding_platform.storage.subject_keys import SubjectKeys

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from seeding_platform.governance.audit import Trail
    from seeding_platform.storage.state import State

MOST = 100
"""Values that are read at once."""


@dataclass(frozen=True, slots=True)
class Revealer:
    """Decrypts for somebody who may.

    Args:
        state: where the keys are.
        trail: where it goes on record.
        now: the clock.
    """

    state: State
    trail: Trail
    now: Callable[[], dt.datetime]

    def revealed(self, tokens: Sequence[str], *, table: str, column: str, tenant: str, actor: str, reason: str) -> list[str]:
        """The values of tokens, in their order; all of them or none.

        Args:
            tokens: as they stand in the column; at most `MOST`.
            table: name of the contract.
            column: the column.
            tenant: whose values they are.
            actor: who reads.
            reason: why; personal data in it is redacted.

        Raises:
            ConfigError: there is no such column, too many values, or no reason.
            NotOurs: a value is none of this column, or was changed.
            KeyShredded: the person was erased.
        """
        if table not in LANDED or column not in LANDED[table].columns:
            raise ConfigError(f"There is no column {table}.{column}.", fix="Name a contract's table and column, such as content_posts author_email.")
        if not reason.strip() or not 0 < len(tokens) <= MOST:
            raise ConfigError("Nothing was decrypted: a reason and at least one value are needed.", fix=f"Say why; at most {MOST} values at once.")
        cipher = ColumnCipher(SubjectKeys(self.state, self.trail.keys, now=self.now), tenant, table, column)
        told = {"table": table, "column": column, "reason": redacted(pl.Series([reason]))[0]}
        about: list[str] = []
        try:
            about = [cipher.subject_of(token) for token in tokens]
            values = [cipher.decrypted(token) for token in tokens]
        except Exception:
            self._record(about or [""], tenant, actor, "refused", told)
            raise
        self._record(about, tenant, actor, "ok", told)
        return values

    def _record(self, about: Sequence[str], tenant: str, actor: str, outcome: str, told: dict[str, str]) -> None:
        now = self.now()
        events = (Event(at=now, tenant=tenant, actor=actor, action="privacy.reveal", subject=s, outcome=outcome, detail=told) for s in about)
        self.trail.record(*events)
