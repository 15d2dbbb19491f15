"""What people may adjust while the platform runs: each room declares its own, the settings store keeps the values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

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
        scopes: `everywhere` = one value; `table` = also one a table, which takes the place of single fields.
        affects: assets (`layer/table`) that a change for a scope concerns; `EVERYWHERE` concerns all.
    """

    name: str
    model: type[BaseModel]
    describes: str
    scopes: Literal["everywhere", "table"] = "everywhere"
    affects: Callable[[str], list[str]] = _nothing
