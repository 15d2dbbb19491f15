"""On what the enriched tables rest: which versions of the tables were taken in on which day, and when which versions were built from the state.

It stands in the metadata of what was written last, so that a run does again only what has changed. Nothing rests on it for long: the sweep of every
four hours takes everything in and builds everything.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.defs.describe import made_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import dagster as dg
    import polars as pl

    from seeding_platform.storage.lake import Lake

NAME = "basis"


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What was done.

    Attributes:
        taken: version of each table that was taken in; None where there was none.
        day: in UTC, when that was: what is overdue changes with it.
        rules: version of the rules by which rows become records.
        records: in the state by then; where there are fewer it is another state.
        built_at: before what the enriched tables tell was read.
        built: their versions.
    """

    taken: Mapping[str, int | None]
    day: str
    rules: str
    records: int
    built_at: str
    built: Mapping[str, int]

    def holds(self, taken: Mapping[str, int | None], day: str, rules: str) -> bool:
        """Whether taking the tables in again would change nothing."""
        return (dict(self.taken), self.day, self.rules) == (dict(taken), day, rules)

    def text(self) -> str:
        """As metadata."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__})


def basis_of(instance: dg.DagsterInstance, key: dg.AssetKey, *, records: int) -> Basis | None:
    """The basis of what was written last; None where that says nothing of it, or was written of another state, which had more records."""
    found = made_by(instance, key, NAME)
    basis = Basis(**json.loads(found[1])) if found is not None and found[1] else None
    return basis if basis is not None and records >= basis.records else None


def tables_of(lake: Lake, basis: Basis, schemas: Mapping[str, Mapping[str, pl.DataType]]) -> dict[str, pl.DataFrame] | None:
    """The tables as they were built; None where one of them is not as it was then, or has other columns."""
    if set(basis.built) != set(schemas) or any(
        not lake.exists(f"enriched/{n}") or lake.version(f"enriched/{n}") != v for n, v in basis.built.items()
    ):
        return None
    frames = {name: lake.read(f"enriched/{name}", version=basis.built[name]).collect() for name in schemas}
    return frames if all(dict(frames[name].schema) == dict(schema) for name, schema in schemas.items()) else None


def versions_of(lake: Lake, names: Sequence[str]) -> dict[str, int | None]:
    """Version of each quality table; None of one that does not exist."""
    return {name: lake.version(f"quality/{name}") if lake.exists(f"quality/{name}") else None for name in names}


def built_at(basis: Basis) -> dt.datetime:
    """The moment, aware."""
    return dt.datetime.fromisoformat(basis.built_at)
