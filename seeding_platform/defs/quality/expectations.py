"""The contracts' promises as pages for people: Great Expectations on every clean table, once a day and apart from the hot path."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from seeding_platform.catalog import TableContract
from seeding_platform.defs.describe import stage
from seeding_platform.defs.platform import Platform

EXPECTATIONS = dg.AssetKey(["quality", "expectations"])
NAME = "expectations"


def expectations_asset(contracts: Sequence[TableContract]) -> dg.AssetsDefinition:
    """`quality/expectations`: the site about all clean tables that hold rows; it follows the clock, for the library costs seconds to import."""

    @dg.asset(
        key=EXPECTATIONS,
        deps=[dg.AssetKey(["clean", c.name]) for c in contracts],
        group_name="quality",
        kinds={"greatexpectations", "html"},
        owners=["team:data-platform"],
        op_tags=stage("quality"),
        code_version="1",
        description="What each table's contract promises and whether it holds, checked a second time by Great Expectations, as pages.",
        check_specs=[dg.AssetCheckSpec("promises_hold", asset=EXPECTATIONS, description="Every promise of every contract holds in the clean tables")],
    )
    def expectations(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
        lake = platform.lake
        read = [(c, lake.read(f"clean/{c.name}").collect()) for c in contracts if lake.exists(f"clean/{c.name}")]
        tables = [(contract, rows) for contract, rows in read if rows.height]
        if not tables:
            return dg.MaterializeResult(metadata={"tables": {}}, check_results=[_kept([], "nothing yet")])
        from seeding_platform.quality.expectations import validate_all

        found = validate_all(tables, folder=platform.settings.state / "reports" / "expectations", now=platform.now())
        counts = {
            one.table: {"rows": rows.height, "evaluated": one.evaluated, "successful": one.successful}
            for one, (_, rows) in zip(found, tables, strict=True)
        }
        broken = [f"{one.table}: {', '.join(one.broken)}" for one in found if one.broken]
        return dg.MaterializeResult(
            metadata={
                "site": dg.MetadataValue.path(str(found[0].index)),
                "tables": counts,
                "evaluated": sum(one.evaluated for one in found),
                "successful": sum(one.successful for one in found),
            },
            check_results=[_kept(broken, f"every promise about {len(found)} tables holds")],
        )

    return expectations


def _kept(broken: list[str], otherwise: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name="promises_hold", passed=not broken, severity=dg.AssetCheckSeverity.WARN, description="; ".join(broken) or otherwise
    )


def expectations_job() -> Any:
    """The job `expectations`: that asset alone."""
    return dg.define_asset_job(
        NAME, selection=dg.AssetSelection.assets(EXPECTATIONS), description="Check what the contracts promise and write the pages."
    )


def expectations_schedule() -> dg.ScheduleDefinition:
    """The schedule `expectations`: daily, after the nightly upkeep."""
    return dg.ScheduleDefinition(
        name=NAME,
        job_name=NAME,
        cron_schedule="10 3 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Checks once a day what the contracts promise and writes the pages about it.",
    )
