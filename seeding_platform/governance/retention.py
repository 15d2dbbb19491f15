"""How long the rows of a table are kept: days that people set for each table, and what the answer to a person says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from seeding_platform.catalog import LANDED
from seeding_platform.catalog.adjustable import Adjustable
from seeding_platform.storage.adjusted import Adjusted

if TYPE_CHECKING:
    from seeding_platform.storage.state import State


class RetentionPolicy(BaseModel):
    """How long rows are kept, counted from the moment that the contract calls their time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: int | None = Field(None, ge=1, le=36_500, description="Days that rows are kept; none = for ever")


def _tables(scope: str) -> list[str]:
    names = [scope] if scope else list(LANDED)
    return [f"{layer}/{name}" for name in names for layer in ("raw", "clean", "quality")]


RETENTION = Adjustable(
    "governance.retention",
    RetentionPolicy,
    "How long the rows of a table are kept; the nightly upkeep deletes older ones.",
    "table",
    _tables,
    lasting=True,
)


def days_of(state: State, table: str) -> int | None:
    """Days that the rows of a table are kept; None = for ever."""
    found = Adjusted(state).value(RETENTION, table)
    assert isinstance(found, RetentionPolicy)  # noqa: S101  the setting's own model
    return found.days


def kept_for(state: State, table: str) -> str:
    """The same in words."""
    days = days_of(state, table)
    return "no limit is set" if days is None else f"{days} days"
