"""Lines of JSON taken in a piece at a time, from a file or the network: neither the whole nor an endless line is ever held."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from seeding_platform.enrichment.payload import MOST_LINE, from_lines
from seeding_platform.storage.enrichment.intake import Intake

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from seeding_platform.enrichment.payload import Refused
    from seeding_platform.storage.enrichment.store import EnrichmentStore

AT_ONCE = 4_000_000
"""So many bytes of lines are taken in together."""
MOST_LISTED = 1000
"""So many refused lines are told one by one."""


class Lines:
    """Takes records in.

    Args:
        store: where they go.
        tenant: whose they are.
        now: the clock.

    Attributes:
        taken: how many were new, changed and unchanged.
        refused: how many lines were no records.
        listed: the first of those.
    """

    def __init__(self, store: EnrichmentStore, tenant: str, now: Callable[[], dt.datetime]) -> None:
        self.store, self.tenant, self.now = store, tenant, now
        self.taken, self.refused = Intake(), 0
        self.listed: list[Refused] = []
        self._seen = 0
        self._held = bytearray()
        self._rest = b""

    @property
    def n(self) -> int:
        """How many records were taken in, unchanged ones too."""
        return self.taken.new + self.taken.changed + self.taken.unchanged

    @property
    def held(self) -> int:
        """How many bytes wait to be taken in."""
        return len(self._held) + len(self._rest)

    def add(self, chunk: bytes) -> bool:
        """Hold a piece; true when so much has come together that `flush` should be called."""
        whole, newline, rest = chunk.rpartition(b"\n")
        if newline:
            self._held += self._rest + whole + newline
            self._rest = rest
        else:
            self._rest += chunk
        self._rest = self._rest[: MOST_LINE + 1]  # it is too long already, and is refused for it
        return len(self._held) >= AT_ONCE

    def flush(self) -> None:
        """Take in what has come so far, up to the last end of a line."""
        content = bytes(self._held)
        self._held.clear()
        found = from_lines(content, tenant=self.tenant)
        self.taken += self.store.intake(found.records, now=self.now())
        self.refused += len(found.refused)
        self.listed += [dataclasses.replace(one, line=one.line + self._seen) for one in found.refused[: MOST_LISTED - len(self.listed)]]
        self._seen += len(content.splitlines())

    def end(self) -> None:
        """Take the last line in too."""
        self._held += self._rest
        self._rest = b""
        self.flush()

    def told(self) -> dict[str, Any]:
        """What became of all lines, as plain JSON."""
        lines = [{"line": one.line, "why": one.why} for one in self.listed]
        return {**dataclasses.asdict(self.taken), "refused": self.refused, "refused_lines": lines}
