"""What people may adjust while the platform runs: each room declares its own, the settings store keeps the values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")
EVERYWHERE = ""
"""The scope of a value that holds wherever none of a narrower scope does."""


def _nothing(scope: str) -> list[str]:
    del scope
    return []


@dataclass(frozen=True, slots=True)
class Adjustable:
    """One group of values that people adjust.

    Args:
        name: `<room>.<what>`.
        model: its fields, with defaults, limits and descriptions.
        describes: one line for people.
        scopes: `everywhere` = one value; `table`, `engine`, `model` = also one a table, an engine or a model, which takes the place of single fields;
            `schedule` = one a name that people choose, and none that holds everywhere.
        affects: assets (`layer/table`) that a change for a scope concerns; `EVERYWHERE` concerns all.
        lasting: what it does cannot be taken back by a later version, and it does it to everybody: admins only.
        known: the scopes beside everywhere, where a room further right knows them.
    """

    name: str
    model: type[BaseModel]
    describes: str
    scopes: Literal["everywhere", "table", "engine", "model", "schedule"] = "everywhere"
    affects: Callable[[str], list[str]] = _nothing
    lasting: bool = False
    known: Callable[[], list[str]] | None = None

    def refused(self, scope: str) -> str | None:
        """Why a scope is none of this setting's; None where it is."""
        if self.scopes == "schedule":
            return None if _NAME.fullmatch(scope) else "give the schedule a name of small letters, digits, - and _"
        if scope == EVERYWHERE:
            return None
        if self.scopes == "everywhere":
            return "it has one value for the whole installation: leave the scope out"
        known = self.names()
        return None if scope in known else f"there is no {self.scopes} {scope!r}; there are {', '.join(known)}"

    def names(self) -> list[str]:
        """The scopes beside everywhere; none where people choose them, or where there is one value only."""
        if self.known is not None:
            return self.known()
        if self.scopes == "table":
            from seeding_platform.catalog import LANDED

            return sorted(LANDED)
        if self.scopes == "engine":
            from seeding_platform.catalog.engine import shipped_engines

            return sorted(shipped_engines())
        return []
