"""Clean assets: `clean/<contract>` and beside it what was quarantined, merged and repaired."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from seeding_platform.catalog import TableContract
from seeding_platform.cleaning import CleaningResult, clean
from seeding_platform.cleaning.policies import fingerprint
from seeding_platform.defs.automation import follow_upstream
from seeding_platform.defs.describe import described, frame_schema, ratio_metadata, stage
from seeding_platform.defs.io_managers import SIDE_TABLES
from seeding_platform.defs.platform import Platform
from seeding_platform.governance.lineage import clean_columns

SAYS = {
    "quarantine": "Rows that break their contract, with rules, raw values and the raw record.",
    "duplicates": "Rows that were merged into a kept row.",
    "repairs": "Cells whose text was rewritten, before and after.",
    "clusters": "Rows whose texts are the same, with their cluster.",
    "index": "What is known of texts and pairs of texts, so that the next cleaning need not find it again.",
}
OF_TEXTS = ("clusters", "index")
POLICY = "policy"
PLACES_SHOWN = 10


def clean_asset(contract: TableContract) -> dg.AssetsDefinition:
    """The clean assets of one contract, made in one step."""
    main = dg.AssetKey(["clean", contract.name])
    columns = clean_columns(contract)
    shared: dict[str, Any] = {
        "group_name": "clean",
        "kinds": {"polars", "deltalake"},
        "owners": [contract.owner],
        "automation_condition": follow_upstream(),
    }
    sides = {
        side: dg.AssetOut(
            key=["clean", f"{contract.name}__{side}"],
            io_manager_key="lake",
            description=f"{contract.name}: {what}",
            metadata={"dagster/column_schema": frame_schema(SIDE_TABLES[side])},
            code_version=str(contract.version),
            **shared,
        )
        for side, what in SAYS.items()
        if side not in OF_TEXTS or contract.text
    }

    @dg.multi_asset(
        name=f"clean__{contract.name}",
        op_tags=stage("clean"),
        ins={"raw": dg.AssetIn(["raw", contract.name], input_manager_key="lake")},
        outs={
            "kept": dg.AssetOut(key=main, io_manager_key="lake", **shared, **described(contract, "clean", "Rows that keep the contract.", columns)),
            **sides,
        },
        check_specs=[dg.AssetCheckSpec(name, asset=main, description=what) for name, what in row_checks(contract).items()],
    )
    def cleaned(raw: pl.LazyFrame, platform: dg.ResourceParam[Platform]):  # noqa: ANN202 - Dagster reads a return annotation as types of outputs
        policy = platform.cleaning(contract)
        before = f"clean/{contract.name}__index"
        index = platform.lake.read(before).collect() if contract.text and platform.lake.exists(before) else None
        result = clean(raw, contract, policy, now=platform.now(), index=index)
        yield dg.Output(result.kept, "kept", metadata={**summary(result), POLICY: fingerprint(contract, policy)})
        yield dg.Output(result.quarantined, "quarantine", metadata={"first": places(result.quarantined)})
        yield dg.Output(result.duplicates, "duplicates")
        yield dg.Output(result.repairs, "repairs")
        if contract.text:
            yield dg.Output(result.clusters, "clusters")
            yield dg.Output(result.index, "index")
        yield from check_results(contract, result, main)

    return cleaned


def places(quarantined: pl.DataFrame) -> list[str]:
    """Where the first quarantined rows are and which rules they break; without their values, for the event log is kept and read by many."""
    first = quarantined.head(PLACES_SHOWN).select("_batch", "_position", "columns", "rules").iter_rows()
    return [f"{batch.rsplit('@')[0]}, {position}: " + ", ".join(f"{c} {r}" for c, r in zip(cs, rs, strict=True)) for batch, position, cs, rs in first]


def row_checks(contract: TableContract) -> dict[str, str]:
    """Name and description of each row check, derived from the contract."""
    return {
        "cells": "Every cell could be read as its type, its closed list and its limits, and none that must be there is missing",
        **{f"rule__{name}": f"Hard rule {name}; rows that break it are quarantined" for name in contract.rules},
        **{f"flag__{name}": f"Soft rule {name}; rows that break it are kept and flagged" for name in contract.flags},
        **({"outliers": "Counts within the usual range of their group; others are kept and flagged"} if _screened(contract) else {}),
    }


def _screened(contract: TableContract) -> bool:
    return bool(contract.outlier_quotients) or any(column.outliers for column in contract.columns.values())


def check_results(contract: TableContract, result: CleaningResult, asset: dg.AssetKey) -> Iterator[dg.AssetCheckResult]:
    """One result a row check: how many rows break it. All warn only: what broke a rule is quarantined or flagged already."""
    rules = result.quarantined["rules"].explode().drop_nulls()
    flags = result.kept["flags"].explode().drop_nulls()
    counts = {
        "cells": int((~rules.is_in(list(contract.rules))).sum()),
        **{f"rule__{name}": int((rules == name).sum()) for name in contract.rules},
        **{f"flag__{name}": int((flags == name).sum()) for name in contract.flags},
        **({"outliers": int(flags.str.starts_with("outlier_").sum())} if _screened(contract) else {}),
    }
    for name, count in counts.items():
        yield dg.AssetCheckResult(
            asset_key=asset,
            check_name=name,
            passed=count == 0,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"rows": count, "of": result.rows_in},
            description=f"{count:,} of {result.rows_in:,} rows" if count else "none",
        )


def summary(result: CleaningResult) -> dict[str, Any]:
    """Counts and scores of a cleaning; rows in = kept + merged + quarantined."""
    score = result.score
    return {
        "rows_in": result.rows_in,
        "kept": result.kept.height,
        "merged": result.duplicates.height,
        "quarantined": result.quarantined.height,
        "repairs": result.repairs.height,
        **({} if score.score is None else {"score": score.score}),
        **ratio_metadata("completeness", score.completeness),
        **ratio_metadata("validity", score.validity),
        **ratio_metadata("uniqueness", score.uniqueness),
        **ratio_metadata("consistency", score.consistency),
        **ratio_metadata("timeliness", score.timeliness),
    }
