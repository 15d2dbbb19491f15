"""`quality/recommendations`: rules and settings that would make more rows usable, each tried on the tables as they stand."""

from collections.abc import Sequence

import dagster as dg

from seeding_platform.catalog import TableContract
from seeding_platform.defs.automation import follow_upstream
from seeding_platform.defs.describe import frame_schema, stage, written_metadata
from seeding_platform.defs.platform import Platform
from seeding_platform.quality.recommendations import RECOMMENDATIONS, as_table, recommended

TABLE = "quality/recommendations"


def recommendations_asset(contracts: Sequence[TableContract]) -> dg.AssetsDefinition:
    """`quality/recommendations`, the one that gains most first."""

    @dg.asset(
        key=TABLE.split("/"),
        deps=[dg.AssetKey(["clean", name]) for c in contracts for name in (c.name, f"{c.name}__quarantine")],
        group_name="quality",
        kinds={"polars", "deltalake"},
        owners=["team:data-platform"],
        op_tags=stage("quality"),
        automation_condition=follow_upstream(),
        code_version="1",
        description="Rules of repair, forms of dates and mappings that would bring rows back or fill gaps, with what each would gain.",
        metadata={"dagster/column_schema": frame_schema(RECOMMENDATIONS)},
    )
    def recommendations(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
        from seeding_platform.quality.report import dangling_references

        lake, found = platform.lake, []
        for contract in contracts:
            table = f"clean/{contract.name}"
            if lake.exists(table) and lake.exists(f"{table}__quarantine"):
                kept, refused = lake.read(table).collect(), lake.read(f"{table}__quarantine").collect()
                policy = platform.cleaning(contract)
                found += recommended(kept, refused, contract, policy, dangling=dangling_references(lake, contract, kept))
        written = lake.overwrite(TABLE, as_table(found))
        gains = {"rows": sum(f.rows for f in found), "cells": sum(f.cells for f in found)}
        return dg.MaterializeResult(metadata={**written_metadata(written, lake.uri(TABLE)), "recommended": len(found), **gains})

    return recommendations
