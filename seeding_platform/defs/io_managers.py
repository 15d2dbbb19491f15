"""Frames in and out of the lake. It checks types against the contract and never casts; unchanged rows make no new version."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import polars as pl

from seeding_platform.catalog import TABLES
from seeding_platform.catalog.tables.enriched import ENRICHED, enriched_schema
from seeding_platform.cleaning.alike import CLUSTER_SCHEMA, INDEX_SCHEMA
from seeding_platform.cleaning.clean import QUARANTINE_SCHEMA, REPAIR_SCHEMA
from seeding_platform.cleaning.dedup.strict import DUPLICATE_SCHEMA
from seeding_platform.defs.describe import COLUMN_LINEAGE, written_metadata
from seeding_platform.errors import ContractBroken
from seeding_platform.quality.confidence.table import CALIBRATION
from seeding_platform.storage.lake import Lake, Written

SIDE_TABLES: dict[str, dict[str, pl.DataType]] = {
    "quarantine": QUARANTINE_SCHEMA,
    "duplicates": DUPLICATE_SCHEMA,
    "repairs": REPAIR_SCHEMA,
    "clusters": CLUSTER_SCHEMA,
    "index": INDEX_SCHEMA,
}
JUDGED_SIDES: dict[str, dict[str, pl.DataType]] = {"calibration": CALIBRATION}
DAY_COLUMN = "seeding/day_column"


def expected_schema(table: str) -> dict[str, pl.DataType] | None:
    """The schema that a lake table must have, or None where no contract says."""
    layer, name = table.split("/", 1)
    contract, _, side = name.partition("__")
    if side:
        known = {"clean": SIDE_TABLES, "quality": JUDGED_SIDES}.get(layer, {})
        return dict(known[side]) if side in known else None
    if layer == "enriched" and name in ENRICHED:
        return enriched_schema(name)
    if contract in TABLES and layer in ("raw", "clean", "quality"):
        return TABLES[contract].schema(layer)
    if contract in TABLES and layer == "kpi":
        columns = {n: c.dtype if isinstance(c.dtype, pl.DataType) else c.dtype() for n, c in TABLES[contract].columns.items()}
        return {"tenant": pl.String(), **columns}
    return None


def check_schema(table: str, frame: pl.DataFrame) -> None:
    """Refuse a frame whose columns or types are not the contract's.

    Raises:
        ContractBroken: names the first column at fault.
    """
    wanted = expected_schema(table)
    if wanted is None or dict(frame.schema) == wanted | _let_out(table, frame, wanted):
        return
    for name, dtype in wanted.items():
        if name not in frame.columns:
            raise ContractBroken(table, column=name, what="is missing")
        if frame.schema[name] != dtype:
            raise ContractBroken(table, column=name, what=f"has type {frame.schema[name]} where the contract says {dtype}")
    extra = next((c for c in frame.columns if c not in wanted), frame.columns[0])
    raise ContractBroken(table, column=extra, what="is not in the contract, or stands in another place")


def _let_out(table: str, frame: pl.DataFrame, wanted: dict[str, pl.DataType]) -> dict[str, pl.DataType]:
    """Declared personal columns that stand behind the others of a quality table, because a policy treats rather than drops them."""
    layer, name = table.split("/", 1)
    if layer != "quality" or name not in TABLES:
        return {}
    columns = TABLES[name].columns
    return {n: pl.String() for n in frame.columns[len(wanted) :] if n in columns and columns[n].personal}


class LakeIOManager(dg.IOManager):
    """Asset key `[layer, table]` is lake table `layer/table`; daily partitions replace their days."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def handle_output(self, context: dg.OutputContext, obj: pl.DataFrame | pl.LazyFrame) -> None:
        """Write a frame: the whole table, or the days of the run's partitions."""
        table = "/".join(context.asset_key.path)
        frame = obj.collect() if isinstance(obj, pl.LazyFrame) else obj
        check_schema(table, frame)
        written = self._write(context, table, frame)
        declared = context.definition_metadata or {}
        lineage = {COLUMN_LINEAGE: declared[COLUMN_LINEAGE]} if COLUMN_LINEAGE in declared else {}
        context.add_output_metadata({**written_metadata(written, self.lake.uri(table)), **lineage})

    def _write(self, context: dg.OutputContext, table: str, frame: pl.DataFrame) -> Written:
        day = (context.definition_metadata or {}).get(DAY_COLUMN)
        if day is None or not context.has_asset_partitions:
            return self.lake.overwrite(table, frame)
        window = context.asset_partitions_time_window
        last = window.end.date() - dt.timedelta(days=1)
        return self.lake.replace(table, frame, {str(day): (window.start.date().isoformat(), last.isoformat())})

    def load_input(self, context: dg.InputContext) -> pl.LazyFrame:
        """Rows of an upstream table, lazily, at its latest version."""
        return self.lake.read("/".join(context.asset_key.path))
