"""Which days the sources' files speak of, before anything has landed: the range of daily partitions that a run must make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.connectors.files import read_file
from seeding_platform.errors import SourceUnreadable

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from seeding_platform.connectors.spec import FileSourceSpec
    from seeding_platform.settings import Settings
    from seeding_platform.storage.lake import Lake


def raw_dates(
    sources: Sequence[FileSourceSpec], contract: str, column: str, *, settings: Settings, lake: Lake
) -> Iterable[tuple[FileSourceSpec, pl.Series]]:
    """Texts of one date column over all sources that feed a contract: of the fixed files, and of what has landed.

    A file that cannot be read gives nothing here; its own asset says why.
    """
    for spec in sources:
        for mapping in spec.tables:
            if mapping.contract != contract or column not in mapping.columns:
                continue
            name = mapping.columns[column]
            if spec.path is not None:
                try:
                    rows = read_file(settings.samples / spec.path, spec).rows
                except SourceUnreadable:
                    continue
            elif lake.exists(spec.table):
                rows = lake.read(spec.table).select(pl.col(name)).collect() if name in lake.read(spec.table).collect_schema() else pl.DataFrame()
            else:
                continue
            if name in rows.columns:
                yield spec, rows[name].cast(pl.String).alias(column)


def span(days: Iterable[dt.date | None]) -> tuple[dt.date, dt.date] | None:
    """First and last of some days, or None.

    >>> import datetime as dt
    >>> span([dt.date(2026, 1, 3), None, dt.date(2026, 1, 1)])
    (datetime.date(2026, 1, 1), datetime.date(2026, 1, 3))
    """
    known = sorted(day for day in days if day is not None)
    return (known[0], known[-1]) if known else None
