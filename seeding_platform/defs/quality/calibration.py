"""`quality/<contract>__calibration`: what the evidence against a row of a table means, learned from errors put into its own rows."""

import dagster as dg
import polars as pl

from seeding_platform.catalog import TableContract
from seeding_platform.defs.automation import follow_upstream
from seeding_platform.defs.describe import frame_schema, stage
from seeding_platform.defs.platform import Platform
from seeding_platform.quality.confidence.calibration import Calibration
from seeding_platform.quality.confidence.table import CALIBRATION

HOLDS = 0.05
"""Largest calibration error that is no warning."""


def calibration_asset(contract: TableContract) -> dg.AssetsDefinition:
    """The calibration of one table; what was learned stays while contract, policy and the size of the table do."""
    table = f"quality/{contract.name}__calibration"

    @dg.asset(
        key=table.split("/"),
        ins={"raw": dg.AssetIn(["raw", contract.name], input_manager_key="lake")},
        group_name="quality",
        kinds={"polars", "deltalake"},
        owners=[contract.owner],
        io_manager_key="lake",
        op_tags=stage("clean"),
        automation_condition=follow_upstream(),
        description=f"{contract.name}: what the evidence against a row means, and how well stated confidence holds on records held out.",
        metadata={"dagster/column_schema": frame_schema(CALIBRATION)},
        code_version="1",
        check_specs=[dg.AssetCheckSpec("holds", asset=table.split("/"), description="Stated confidence is right to five points, and never falls")],
    )
    def learned(raw: pl.LazyFrame, platform: dg.ResourceParam[Platform]):  # noqa: ANN202 - Dagster reads a return annotation as types of outputs
        from seeding_platform.cleaning.policies import fingerprint
        from seeding_platform.quality.confidence import calibrated
        from seeding_platform.quality.confidence.table import as_table, from_table, made, made_of

        policy = platform.cleaning(contract)
        by = made_of(fingerprint(contract, policy), int(raw.select(pl.len()).collect().item()))
        kept = platform.lake.read(table).collect() if platform.lake.exists(table) else None
        if kept is None or made(kept) != by:
            kept = as_table(calibrated(raw, contract, policy), by)
        found = from_table(kept)
        told: dict[str, float | int | str] = {"records": found.rows, "calibrated": str(bool(found.steps)).lower()}
        if found.held_out is not None:
            told |= {"calibration_error": round(found.held_out.ece, 4), "held_out": found.held_out.n}
        yield dg.MaterializeResult(value=kept, metadata=told)
        yield _holds(found)

    return learned


def _holds(found: Calibration) -> dg.AssetCheckResult:
    held = found.held_out
    if held is None:
        return dg.AssetCheckResult(check_name="holds", passed=True, description="too few rows to learn from: confidence is assumed, not measured")
    passed = held.ece <= HOLDS and held.monotone
    said = f"calibration error {held.ece:.3f} on {held.n:,} records held out{'' if held.monotone else '; more confidence is not always more right'}"
    return dg.AssetCheckResult(check_name="holds", passed=passed, severity=dg.AssetCheckSeverity.WARN, description=said)
