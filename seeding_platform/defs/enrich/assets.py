"""Enriched tables: records taken in, worked through their stages and written as a snapshot, in one step of one process."""

import datetime as dt
import json
import random
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from seeding_platform import __version__
from seeding_platform.catalog.tables.enriched import ENRICHED, enriched_schema
from seeding_platform.defs.automation import follow_upstream
from seeding_platform.defs.describe import frame_schema, stage, written_metadata
from seeding_platform.defs.enrich.checks import check_specs, results
from seeding_platform.defs.platform import Platform

if TYPE_CHECKING:
    from seeding_platform.enrichment.house import House
    from seeding_platform.enrichment.working import Tally

INPUTS = ("orders", "exception_records")
MODEL = "exception_classification"
KEYS = [dg.AssetKey(["enriched", name]) for name in ENRICHED]
POOL = "ai_provider"
SWEEP = "enrichment_sweep"
"""The schedule that goes over everything; what must not happen every minute happens in its runs."""
SCHEDULED = "dagster/schedule_name"


def enrichment_assets() -> dg.AssetsDefinition:
    """`enriched/*`: what the stages say of orders and exceptions; one step, because they are read from one state in one moment."""

    @dg.multi_asset(
        name="enrichment",
        specs=[_spec(name) for name in ENRICHED],
        check_specs=check_specs(),
        pool=POOL,
        op_tags=stage("enriched"),
    )
    def enrichment(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> Iterator[dg.MaterializeResult]:
        from seeding_platform.enrichment.settings import limits_of
        from seeding_platform.enrichment.tables import enriched_frames

        began, house = time.process_time(), platform.enrichment(context.run.run_id, random.Random(context.run.run_id))  # noqa: S311  it spreads retries
        orders, exceptions = (_rows(platform, name) for name in INPUTS)
        taken = house.taken_in(orders, exceptions)
        context.log.info(f"{taken.new} records are new, {taken.changed} have changed, {taken.unchanged} are as they were")
        for line in house.refreshed():
            context.log.info(line)
        if context.run.tags.get(SCHEDULED) == SWEEP:
            context.log.info(f"{house.done_again()} unsure classifications are asked for once more")
        until = platform.now() + dt.timedelta(minutes=limits_of(platform.adjusted).run_minutes)
        tally = house.worked(until=until)
        context.log.info(said(tally))
        house.monitor.check_all(now=platform.now())
        frames = enriched_frames(platform.state)
        facts = _told(house, tally) | {"cpu_seconds": round(time.process_time() - began, 3)}
        found = results(house, frames, quality=exceptions, now=platform.now())
        for name, frame in frames.items():
            table = f"enriched/{name}"
            written = platform.lake.overwrite(table, frame)
            yield dg.MaterializeResult(
                asset_key=["enriched", name],
                metadata=written_metadata(written, platform.lake.uri(table)) | facts,
                check_results=found.get(name, []),
            )

    return enrichment


def _spec(name: str) -> dg.AssetSpec:
    contract = ENRICHED[name]
    return dg.AssetSpec(
        key=["enriched", name],
        deps=[*(dg.AssetKey(["quality", table]) for table in INPUTS), dg.AssetKey(["model", MODEL])],
        group_name="enriched",
        kinds={"deltalake", "ai"},
        owners=[contract.owner],
        description=contract.description,
        code_version=f"{__version__}/{contract.version}",
        automation_condition=follow_upstream(),
        metadata={"dagster/column_schema": frame_schema(enriched_schema(name)), "dagster/table_name": f"enriched.{name}"},
    )


def _rows(platform: Platform, name: str) -> pl.DataFrame:
    """Every row of a quality table; none while it does not exist."""
    from seeding_platform.catalog import TABLES

    if platform.lake.exists(f"quality/{name}"):
        return platform.lake.read(f"quality/{name}").collect()
    return TABLES[name].empty("quality")


def said(tally: "Tally") -> str:
    """What a pass came to, for people."""
    failed = ", ".join(f"{n} {error} in {stage}" for (stage, error), n in sorted(tally.failed.items())) or "none"
    left = "; the time was over before everything was done" if tally.out_of_time else ""
    return f"{sum(tally.completed.values())} stages completed, {sum(tally.skipped.values())} skipped, failed: {failed}{left}"


def _told(house: "House", tally: "Tally") -> dict[str, Any]:
    """Facts for the page of each table."""
    counts = house.store.counts(now=house.bench.now())
    by_stage = {f"{c.tenant}/{c.stage}": {n: getattr(c, n) for n in ("ingested", "completed", "skipped", "dead", "due", "leased")} for c in counts}
    return {"states": dg.MetadataValue.json(by_stage), "pass": dg.MetadataValue.text(said(tally)), "claimed": json.dumps(dict(tally.claimed))}
