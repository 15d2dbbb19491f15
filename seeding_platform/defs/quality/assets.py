"""Quality assets: the rows that others may read, behind a gate a table; the report and the scorecard."""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from seeding_platform.catalog import TableContract
from seeding_platform.defs.automation import follow_upstream
from seeding_platform.defs.describe import described, ratio_metadata, stage
from seeding_platform.defs.platform import Platform
from seeding_platform.quality import assess
from seeding_platform.quality.report import quality_report, scorecard, write_report


def quality_asset(contract: TableContract) -> dg.AssetsDefinition:
    """`quality/<contract>`: the same rows with confidence and without personal columns; the gate refuses a table as a whole."""

    @dg.asset(
        key=["quality", contract.name],
        ins={
            "rows": dg.AssetIn(["clean", contract.name], input_manager_key="lake"),
            "quarantine": dg.AssetIn(["clean", f"{contract.name}__quarantine"], input_manager_key="lake"),
        },
        group_name="quality",
        kinds={"polars", "deltalake"},
        owners=[contract.owner],
        io_manager_key="lake",
        op_tags=stage("quality"),
        automation_condition=follow_upstream(),
        check_specs=[
            dg.AssetCheckSpec(
                "gate", asset=["quality", contract.name], blocking=True, description="Completeness, validity and confidence reach their limits"
            )
        ],
        **described(contract, "quality", "Judged, without personal columns."),
    )
    def judged(rows: pl.LazyFrame, quarantine: pl.LazyFrame, platform: dg.ResourceParam[Platform]):  # noqa: ANN202 - Dagster reads a return annotation as types of outputs
        refused = int(quarantine.select(pl.len()).collect().item())
        found = assess(rows, contract, quarantined=refused, cleaning=platform.cleaning, policy=platform.gate)
        figures = {
            **ratio_metadata("completeness", found.completeness),
            **ratio_metadata("validity", found.validity),
            **({} if found.confidence is None else {"confidence": found.confidence, "score": found.score}),
        }
        if not found.gate.is_open:
            why = f"{'; '.join(found.gate.reasons)}. The rows that passed before stay in force. clean/{contract.name}__quarantine shows what was refused."
            yield dg.AssetCheckResult(check_name="gate", passed=False, description=why, metadata=figures)
            raise dg.Failure(why, metadata=figures, allow_retries=False)
        yield dg.MaterializeResult(value=found.rows, metadata=figures)
        yield dg.AssetCheckResult(check_name="gate", passed=True, description="open", metadata=figures)

    return judged


def report_assets(contracts: Sequence[TableContract]) -> list[dg.AssetsDefinition]:
    """`quality/report` (JSON and HTML) and `quality/scorecard`."""
    deps = [dg.AssetKey(["quality", c.name]) for c in contracts]

    @dg.asset(
        key=["quality", "report"],
        deps=deps,
        group_name="quality",
        kinds={"json", "html"},
        op_tags=stage("quality"),
        owners=["team:data-platform"],
        automation_condition=follow_upstream(),
        description="What came in, what was kept, merged and quarantined, and how good each table is; as JSON and as a page.",
        code_version="1",
    )
    def report(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
        made = quality_report(platform.lake, contracts, policy=platform.gate)
        paths = write_report(made, platform.settings.state / "reports", now=platform.now())
        return dg.MaterializeResult(
            metadata={
                "json": dg.MetadataValue.path(str(paths.json)),
                "html": dg.MetadataValue.path(str(paths.html)),
                "summary": dg.MetadataValue.md(made.markdown()),
                "content_sha256": made.digest(),
            }
        )

    @dg.asset(
        key=["quality", "scorecard"],
        deps=deps,
        group_name="quality",
        kinds={"polars", "deltalake"},
        owners=["team:data-platform"],
        io_manager_key="lake",
        op_tags=stage("quality"),
        automation_condition=follow_upstream(),
        description="Each target of the platform with its value, its numerator and denominator, or why it is not measured.",
        code_version="1",
    )
    def card(platform: dg.ResourceParam[Platform]) -> pl.DataFrame:
        return scorecard(quality_report(platform.lake, contracts, policy=platform.gate))

    return [report, card]
