"""What a check found: its status, what was looked at, how many of how much, and what lacks."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SHOWN = 20
"""Things that lack which are named; the others are counted."""


class Status(StrEnum):
    """Whether what is there shows that an obligation is kept."""

    MET = "met"
    NOT_MET = "not_met"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check.

    Args:
        status: whether it holds.
        looked_at: what it was read from, in words.
        counts: how many of how much.
        lacking: what keeps it from holding, by name; personal data never.
    """

    status: Status
    looked_at: str
    counts: Mapping[str, int] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()

    def told(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"status": str(self.status), "counts": dict(self.counts), "lacking": list(self.lacking)}


def all_of(looked_at: str, things: Iterable[str], lacking: Iterable[str], *, what: str) -> Finding:
    """A finding that holds where nothing lacks, and does not apply where there is nothing.

    >>> all_of("contracts", ["a", "b"], ["b"], what="tables").status
    <Status.NOT_MET: 'not_met'>
    """
    every, missing = list(things), list(lacking)
    status = Status.NOT_APPLICABLE if not every else Status.NOT_MET if missing else Status.MET
    more = (f"and {len(missing) - SHOWN} more",) if len(missing) > SHOWN else ()
    return Finding(status, looked_at, {what: len(every), "lacking": len(missing)}, (*missing[:SHOWN], *more))


def absent(looked_at: str) -> Finding:
    """A finding that does not apply."""
    return Finding(Status.NOT_APPLICABLE, looked_at)
