"""Raw assets of contracts: the mapped union of every source that feeds one."""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from seeding_platform.catalog import TableContract
from seeding_platform.connectors import FileSourceSpec
from seeding_platform.connectors.mapping import mapped, union
from seeding_platform.defs.automation import follow_upstream
from seeding_platform.defs.describe import described, stage
from seeding_platform.defs.platform import Platform
from seeding_platform.governance.lineage import raw_columns


def raw_asset(contract: TableContract, sources: Sequence[FileSourceSpec]) -> dg.AssetsDefinition:
    """`raw/<contract>`: names and constants mapped, everything still text; empty while nothing has landed."""
    feeding = [(spec, m) for spec in sources for m in spec.tables if m.contract == contract.name]

    @dg.asset(
        key=["raw", contract.name],
        deps=[dg.AssetKey(["raw", spec.label]) for spec, _ in feeding],
        group_name="raw",
        kinds={"polars", "deltalake"},
        owners=[contract.owner],
        io_manager_key="lake",
        op_tags=stage("raw"),
        automation_condition=follow_upstream(past_missing_files=True),
        **described(contract, "raw", "Union of all sources, mapped by name, still text.", raw_columns(contract, sources)),
    )
    def raw(platform: dg.ResourceParam[Platform]) -> pl.LazyFrame:
        lake = platform.lake
        rows = union((mapped(lake.read(spec.table), spec, m) for spec, m in feeding if lake.exists(spec.table)), contract.name)
        return platform.corrected(rows, contract)[0]

    return raw
