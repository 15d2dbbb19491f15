"""The lake as people and scripts list it: tables with rows, version and content hash; rows as a table, CSV or JSON."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, TypedDict

import polars as pl

from seeding_platform.errors import ConfigError
from seeding_platform.storage.content import content_sha256, plain

if TYPE_CHECKING:
    from seeding_platform.storage.lake import Lake


class ListedTable(TypedDict):
    """One table of one tenant."""

    table: str
    tenant: str
    rows: int
    version: int
    content_sha256: str
    uri: str


def listed_tables(lake: Lake) -> list[ListedTable]:
    """Every table with its present content, one entry a tenant; a table without rows is listed with an empty tenant."""
    listed: list[ListedTable] = []
    for table in lake.tables():
        version = lake.version(table)
        rows = lake.read(table, version=version).collect()
        parts = {key[0]: part for key, part in rows.partition_by("tenant", as_dict=True).items()} if "tenant" in rows.columns else {"": rows}
        for tenant, part in sorted((parts or {"": rows}).items(), key=lambda item: str(item[0])):
            entry = ListedTable(
                table=table, tenant=str(tenant), rows=part.height, version=version, content_sha256=content_sha256(part), uri=lake.uri(table)
            )
            listed.append(entry)
    return listed


def shown_rows(
    lake: Lake, table: str, *, form: str, version: int | None = None, as_of: str | None = None, tenant: str | None = None, limit: int = 0
) -> str:
    """Rows of a table as text.

    Args:
        lake: where the table is.
        table: `<layer>/<table>`.
        form: table, csv or json; json has decimals as strings and times as ISO 8601 UTC.
        version: an older version.
        as_of: ISO 8601 time; the version that was in force then.
        tenant: only this tenant's rows.
        limit: most rows; 0 = all.
    """
    if as_of is not None:
        version = lake.version_at(table, _moment(as_of))
    rows = lake.read(table, version=version, tenant=tenant)
    return as_text((rows.head(limit) if limit else rows).collect(), form=form, title=table)


def as_text(frame: pl.DataFrame, *, form: str, title: str) -> str:
    """A frame as table, csv or json; json has decimals as strings and times as ISO 8601 UTC."""
    if form == "json":
        return json.dumps([plain(row) for row in frame.iter_rows(named=True)], ensure_ascii=False, allow_nan=False)
    if form == "csv":
        flat = frame.with_columns(
            pl.col(name).list.eval(pl.element().cast(pl.String)).list.join(";") for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)
        )
        binary = [pl.col(name).bin.encode("hex") for name, dtype in frame.schema.items() if dtype == pl.Binary]
        return flat.with_columns(binary).write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ").rstrip("\n")
    with pl.Config(tbl_rows=50, tbl_cols=12, tbl_width_chars=200, fmt_str_lengths=40, tbl_hide_dataframe_shape=True):
        return f"{title}, {frame.height:,} rows\n{frame}"


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{text!r} is no time.", fix="Write it as ISO 8601, such as 2026-11-23T09:00:00+01:00.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
