"""People whose data must not be used for the time being: their rows stay stored, and no layer behind `clean` has them until that is lifted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.catalog import LANDED
from seeding_platform.governance.subject_rights.matcher import Matcher
from seeding_platform.governance.subject_rights.tombstones import recognised
from seeding_platform.storage.lake import Lake
from seeding_platform.storage.marks import RESTRICTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeding_platform.settings import Settings
    from seeding_platform.storage.marks import Mark, Marks

LINEAGE = ("tenant", "_source", "_batch", "_row")
"""What names a row of a table from `raw` to `quality`."""


def without_restricted(rows: pl.LazyFrame, marks: Marks) -> tuple[pl.LazyFrame, int]:
    """Rows in which nobody stands whose data is restricted, and how many were left out.

    Args:
        rows: of any tenants, with identifiers as they came in.
        marks: the marks of the installation.
    """
    standing: dict[str, list[Mark]] = {}
    for tenant, mark in marks.of(RESTRICTED):
        standing.setdefault(tenant, []).append(mark)
    if not standing:
        return rows, 0
    frame = rows.collect()
    keep = pl.Series("keep", [True]).new_from_index(0, frame.height)
    for tenant, theirs in standing.items():
        places = (frame["tenant"] == tenant).arg_true()
        mine = frame[places]
        known = {label: {m.token for m in theirs if m.label == label} for label in {m.label for m in theirs}}
        people = recognised(mine, tenant, known, marks.token)
        if people:
            keep = keep.scatter(places.filter(Matcher(people).rows(mine)), False)
    kept = frame.filter(keep)
    return kept.lazy(), frame.height - kept.height


def rows_about(lake: Lake, contract: str, tenant: str, matcher: Matcher) -> pl.DataFrame:
    """Lineage of a tenant's clean rows in which a person stands; empty where there is no such table."""
    table = f"clean/{contract}"
    if not lake.exists(table):
        return pl.DataFrame(schema={"tenant": pl.String, "_source": pl.String, "_batch": pl.String, "_row": pl.Int64})
    rows = lake.read(table, tenant=tenant).collect()
    return rows.filter(matcher.rows(rows)).select(n for n in LINEAGE if n in rows.columns)


@dataclass(frozen=True, slots=True)
class RestrictedTables:
    """The quality tables, without the rows of one person; `clean` and `raw` keep them."""

    settings: Settings
    tenant: str
    matcher: Matcher
    name: str = "quality tables"

    def find(self) -> dict[str, int]:
        """Rows by table."""
        return {f"quality/{name}": hit.height for name, _, hit in self._hits()}

    def export(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Nothing: what is held is told by the tables themselves."""
        yield from ()

    def erase(self) -> dict[str, int]:
        """Rows that were left out, by table."""
        lake, done = Lake(self.settings.lake), {}
        for name, rows, hit in self._hits():
            lake.replace(f"quality/{name}", rows.join(hit, on=list(LINEAGE), how="anti", nulls_equal=True), {"tenant": self.tenant})
            done[f"quality/{name}"] = hit.height
        return done

    def residue(self) -> list[str]:
        """Tables in which rows still stand."""
        return sorted(self.find())

    def _hits(self) -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame]]:
        """Contract, its quality rows, and those of them that are about the person."""
        lake = Lake(self.settings.lake)
        for name in LANDED:
            about = rows_about(lake, name, self.tenant, self.matcher)
            if about.is_empty() or not lake.exists(f"quality/{name}"):
                continue
            rows = lake.read(f"quality/{name}", tenant=self.tenant).collect()
            hit = rows.select(LINEAGE).join(about, on=list(LINEAGE), how="semi", nulls_equal=True)
            if hit.height:
                yield name, rows, hit
