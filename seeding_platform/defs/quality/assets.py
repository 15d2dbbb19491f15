"""Quality assets: the rows that others may read, behind a gate a table; the report and the scorecard."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from seeding_platform.catalog import TableContract
from seeding_platform.defs.automation import follow_upstream
from seeding_platform.defs.describe import COLUMN_LINEAGE, column_lineage, described, ratio_metadata, stage, written_metadata
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.quality.observed import observed
from seeding_platform.defs.quality.rules import RULES, rules_of
from seeding_platform.governance.lineage import quality_columns
from seeding_platform.quality import Sides, assess
from seeding_platform.quality.alarms import gate_alarm
from seeding_platform.quality.confidence.table import from_table
from seeding_platform.quality.gate import GATE
from seeding_platform.quality.report import quality_report, write_report
from seeding_platform.quality.scorecard import scorecard

if TYPE_CHECKING:
    from seeding_platform.governance.protection import PiiPolicy, Protected


def quality_asset(contract: TableContract) -> dg.AssetsDefinition:
    """`quality/<contract>`: the same rows with confidence and without personal columns; the gate refuses a table as a whole."""

    @dg.asset(
        key=["quality", contract.name],
        ins={
            "rows": dg.AssetIn(["clean", contract.name], input_manager_key="lake"),
            **{side: dg.AssetIn(["clean", f"{contract.name}__{side}"], input_manager_key="lake") for side in ("quarantine", "repairs", "duplicates")},
            "calibration": dg.AssetIn(["quality", f"{contract.name}__calibration"], input_manager_key="lake"),
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
        **described(contract, "quality", "Judged; personal data treated as the policy says."),
    )
    def judged(  # noqa: ANN202 - Dagster reads a return annotation as types of outputs
        context: dg.AssetExecutionContext,
        rows: pl.LazyFrame,
        quarantine: pl.LazyFrame,
        repairs: pl.LazyFrame,
        duplicates: pl.LazyFrame,
        calibration: pl.LazyFrame,
        platform: dg.ResourceParam[Platform],
    ):
        from seeding_platform.governance.protection import protect
        from seeding_platform.governance.protection.policy import kept_personal

        rules = rules_of(platform, contract)  # first: what changes from here on has the table judged again
        refused = dict(quarantine.group_by("_source").agg(pl.len()).collect().iter_rows())
        personal = platform.personal_data(contract)
        gate = platform.gate_of(contract)
        let_out = kept_personal(contract, personal)
        found = assess(
            rows,
            contract,
            beside=Sides(refused, repairs, duplicates),
            calibration=from_table(calibration.collect()),
            trust=platform.trust,
            policy=gate,
            let_out=let_out,
        )
        figures = {
            **ratio_metadata("completeness", found.completeness),
            **ratio_metadata("validity", found.validity),
            **({} if found.confidence is None else {"confidence": found.confidence, "score": found.score}),
        }
        gate_alarm(platform.desk, contract.name, found.gate, run_id=context.run.run_id, now=platform.now())
        if not found.gate.is_open:
            where = f"clean/{contract.name}__quarantine shows what was refused, quality/recommendations what would help."
            what = f"Mend the source and land it again, add a rule, or change the limit for this table (setting {GATE.name})."
            why = f"{'; '.join(found.gate.reasons)}. The rows that passed before stay in force. {where} {what}"
            yield dg.AssetCheckResult(check_name="gate", passed=False, description=why, metadata=figures)
            raise dg.Failure(why, metadata=figures, allow_retries=False)
        usable, left_out = used(platform, contract, rows, found.rows)
        protected = protect(usable, contract, personal, platform.keys, platform.subject_keys)
        made_of = column_lineage(quality_columns(contract, personal))
        yield dg.MaterializeResult(
            value=protected.rows, metadata=figures | {RULES: rules, COLUMN_LINEAGE: made_of} | left_out | personal_metadata(protected, personal)
        )
        yield dg.AssetCheckResult(check_name="gate", passed=True, description="open", metadata=figures)

    return judged


def used(platform: Platform, contract: TableContract, clean: pl.LazyFrame, judged: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Judged rows that may be used, and how many were left out: of people whose data is restricted, and those past their time.

    The table is judged with them: that they may not be used says nothing of its quality.
    """
    from seeding_platform.governance.subject_rights.restriction import LINEAGE

    allowed, restricted = platform.unrestricted(clean)
    allowed, expired = platform.within_retention(allowed, contract)
    if not restricted and not expired:
        return judged, {}
    kept = judged.join(allowed.select(LINEAGE).collect(), on=list(LINEAGE), how="semi", nulls_equal=True, maintain_order="left")
    return kept, {name: n for name, n in (("restricted_rows", restricted), ("expired_rows", expired)) if n}


def personal_metadata(protected: "Protected", policy: "PiiPolicy") -> dict[str, Any]:
    """What was done to personal data, for the event log: counts, never a value."""
    told = protected.treated.filter(pl.col("values") > 0)
    treated = {f"{column}: {label or 'all'} {action}": values for column, label, action, values, _ in told.rows()}
    facts: dict[str, Any] = {"personal_data": treated} if treated else {}
    if policy.quasi_identifiers:
        facts |= {"k_anonymity_rows_held_back": protected.held_back, "k_anonymity_smallest_group": protected.smallest or 0}
    return facts


def report_asset(contracts: Sequence[TableContract]) -> dg.AssetsDefinition:
    """`quality/report` (JSON and HTML) and `quality/scorecard`, from one reading of the tables."""
    report_key, card_key = dg.AssetKey(["quality", "report"]), dg.AssetKey(["quality", "scorecard"])
    shared: dict[str, Any] = {
        "group_name": "quality",
        "owners": ["team:data-platform"],
        "automation_condition": follow_upstream(),
        "deps": [dg.AssetKey(["quality", name]) for name in (*(c.name for c in contracts), "monitors", "bias", "recommendations")],
        "code_version": "2",
    }

    @dg.multi_asset(
        name="quality__report",
        op_tags=stage("quality"),
        specs=[
            dg.AssetSpec(
                report_key,
                kinds={"json", "html"},
                description="What came in, what was kept, merged and quarantined, and how good each table is; as JSON and as a page.",
                **shared,
            ),
            dg.AssetSpec(
                card_key,
                kinds={"polars", "deltalake"},
                description="Each target of the platform with its value, its numerator and denominator, or why it is not measured.",
                **shared,
            ),
        ],
    )
    def report(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]):  # noqa: ANN202 - Dagster reads a return annotation as types of outputs
        made = quality_report(platform.lake, contracts, gates=platform.gate_of, references=platform.references)
        card = scorecard(made, observed(context.instance, platform, contracts))
        paths = write_report(made, card, platform.settings.state / "reports", now=platform.now())
        yield dg.MaterializeResult(
            asset_key=report_key,
            metadata={
                "json": dg.MetadataValue.path(str(paths.json)),
                "html": dg.MetadataValue.path(str(paths.html)),
                "summary": dg.MetadataValue.md(made.markdown()),
                "content_sha256": made.digest(),
            },
        )
        table = "/".join(card_key.path)
        written = platform.lake.overwrite(table, card)
        yield dg.MaterializeResult(asset_key=card_key, metadata=written_metadata(written, platform.lake.uri(table)))

    return report
