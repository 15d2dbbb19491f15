"""How contracts look in Dagster: column schemas, descriptions, owners, kinds, metadata of what a step did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import dagster as dg
import polars as pl

from seeding_platform import __version__
from seeding_platform.catalog import TableContract
from seeding_platform.cleaning.score import Ratio
from seeding_platform.governance.lineage import Columns
from seeding_platform.storage.lake import Written

COLUMN_LINEAGE = "dagster/column_lineage"


def stage(layer: Literal["source", "raw", "clean", "quality", "model", "enriched", "bundle", "kpi"]) -> dict[str, str]:
    """Step tags that let a run go through the graph layer by layer, so that a person can follow it."""
    return {"dagster/priority": str(10 - _LAYERS.index(layer))}


_LAYERS = ("source", "raw", "clean", "quality", "model", "enriched", "bundle", "kpi")


def column_schema(contract: TableContract, layer: Literal["raw", "clean", "quality"]) -> dg.TableSchema:
    """A layer of a contract as Dagster's table schema, units and personal labels included."""
    types = contract.schema(layer)
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=name,
                type=str(types[name]),
                description=f"{c.description}{f' ({c.unit})' if c.unit else ''}{f' [personal: {c.personal}]' if c.personal else ''}",
                constraints=dg.TableColumnConstraints(nullable=c.nullable, unique=(name,) == contract.key),
            )
            for name, c in contract.described(layer).items()
        ]
    )


def frame_schema(schema: Mapping[str, pl.DataType]) -> dg.TableSchema:
    """Any frame schema as Dagster's table schema."""
    return dg.TableSchema(columns=[dg.TableColumn(name=name, type=str(dtype)) for name, dtype in schema.items()])


def described(contract: TableContract, layer: Literal["raw", "clean", "quality"], what: str, columns: Columns | None = None) -> dict[str, Any]:
    """Keyword arguments that every asset or output of a contract's table shares; `columns` says what each column is made of."""
    lineage = {COLUMN_LINEAGE: column_lineage(columns)} if columns else {}
    return {
        "description": f"{contract.description} {what}",
        "metadata": {"dagster/column_schema": column_schema(contract, layer), "dagster/table_name": f"{layer}.{contract.name}", **lineage},
        "code_version": f"{__version__}/{contract.version}",
    }


def column_lineage(columns: Columns) -> dg.TableColumnLineage:
    """What each column of a table is made of, as Dagster shows it."""
    return dg.TableColumnLineage(
        {
            name: [dg.TableColumnDep(dg.AssetKey(o.table.split("/")), o.column) for o in dict.fromkeys(origins)]
            for name, origins in columns.items()
            if origins
        }
    )


def written_metadata(written: Written, uri: str) -> dict[str, Any]:
    """What a write did, for the event log; never a row."""
    return {
        "dagster/row_count": written.rows,
        "dagster/uri": uri,
        "delta_version": written.version,
        "changed": written.changed,
    }


def ratio_metadata(name: str, ratio: Ratio) -> dict[str, Any]:
    """A ratio with its numerator and denominator; nothing when there is nothing to judge."""
    if ratio.value is None:
        return {}
    return {name: round(ratio.value, 4), f"{name}_of": f"{ratio.numerator:,} of {ratio.denominator:,}"}


def made_by(instance: dg.DagsterInstance, key: dg.AssetKey, name: str) -> tuple[int, str] | None:
    """Storage id of an asset's latest materialisation and what its metadata `name` says of how it was made; None where it was never made."""
    found = instance.fetch_materializations(key, limit=1).records
    if not found or found[0].asset_materialization is None:
        return None
    value = found[0].asset_materialization.metadata.get(name)
    return found[0].storage_id, str(value.value) if value is not None else ""
