"""What a feed is. The feeds themselves are beside this module; which rows are good enough is decided in `distribution.bundle`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

Tables = Mapping[str, pl.LazyFrame]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedContext:
    """What a feed is told beside its tables.

    Args:
        tenant: whose rows they are.
        seed: decides every sampling; the same seed gives the same rows.
        provisional_days: last days of an ad platform's figures that still change.
    """

    tenant: str
    seed: int
    provisional_days: int = 3


@dataclass(frozen=True, slots=True)
class Feed:
    """How the rows of one engine are made.

    Args:
        engine: engine name.
        inputs: tables that `build` reads, all of them: quality rows of one tenant, one with no rows included.
        build: pure function from tables to rows, sorted by the engine's key.
        told: all that decides what `build` does beside its code, for a feed that is declared and not written; part of what names its rows.
    """

    engine: str
    inputs: tuple[str, ...]
    build: Callable[[Tables, FeedContext], pl.DataFrame]
    told: str = ""
