"""Retention carried out: what is past goes, is searched for again, and stands in a signed report; a dry run only says what would go."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import PermanentError
from seeding_platform.governance.expiry import ExpiredRows
from seeding_platform.governance.subject_rights.certificate import certified
from seeding_platform.storage.audit import Event
from seeding_platform.storage.durable import synced
from seeding_platform.storage.marks import Marks

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from pathlib import Path

    from seeding_platform.governance.audit import Trail
    from seeding_platform.settings import Settings
    from seeding_platform.storage.state import State

PACKAGE_DAYS = 30
"""Days that the package of a request for portability is kept."""


class RowsLeft(PermanentError):
    """Something that is past still stands after everything was emptied."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """What came of one night.

    Args:
        gone: rows by table, and files.
        tables: what was judged: limits, what is kept and why.
        report: the signed report; None where nothing was past.
    """

    gone: dict[str, int]
    tables: dict[str, dict[str, Any]]
    report: Path | None


@dataclass(frozen=True, slots=True)
class Retention:
    """Carries retention out.

    Args:
        settings: where things are kept.
        state: the state database.
        trail: where it goes on record.
        now: the clock.
        step: called with the name of each table before it is emptied; what it raises ends the work there.
    """

    settings: Settings
    state: State
    trail: Trail
    now: Callable[[], dt.datetime]
    step: Callable[[str], None] = lambda name: None

    def plan(self) -> Expiry:
        """What would go now; nothing is changed."""
        store = self._store()
        return Expiry(store.find(), store.told(), None)

    def apply(self, *, actor: str) -> Expiry:
        """Take out what is past.

        Raises:
            RowsLeft: something wrote it again meanwhile.
        """
        store = self._store()
        tables = store.told()
        gone = store.erase() | self._packages()
        if not gone:
            return Expiry({}, tables, None)
        if left := store.residue():
            raise RowsLeft(f"Rows that are past still stand in {', '.join(left[:5])}.", fix="End whatever writes there, then run it again.")
        now = self.now()
        told = {"kind": "retention", "at": now.isoformat(), "actor": actor, "tables": tables, "gone": gone, "residue": 0}
        report = self._written(certified(told, self.trail.keys), f"{now:%Y%m%dT%H%M%S}")
        self.trail.record(Event(at=now, tenant="", actor=actor, action="retention.applied", detail={"gone": gone, "report": report.name}))
        return Expiry(gone, tables, report)

    def _store(self) -> ExpiredRows:
        return ExpiredRows(self.settings, self.state, Marks(self.state, self.trail.keys), self.now(), before=self.step)

    def _packages(self) -> dict[str, int]:
        """Packages that people could fetch for a month."""
        folder, now = self.settings.state / "packages", self.now().timestamp()
        old = [p for p in folder.glob("*.zip") if now - p.stat().st_mtime > PACKAGE_DAYS * 86_400] if folder.is_dir() else []
        for path in old:
            path.unlink()
        return {f"packages/{p.name}": 1 for p in sorted(old)}

    def _written(self, report: dict[str, Any], name: str) -> Path:
        file = self.settings.state / "retention" / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.name}.{os.getpid()}.part")
        partial.write_text(json.dumps(report, indent=1, ensure_ascii=False), encoding="utf-8")
        synced(partial)
        partial.replace(file)
        synced(file.parent)
        return file
