"""Enriched tables: records taken in, worked through their stages and written as a snapshot, in one step of one process."""

import datetime as dt
import json
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from seeding_platform import __version__
from seeding_platform.catalog.tables.enriched import ENRICHED, enriched_schema
from seeding_platform.defs.automation import follow_upstream
from seeding_platform.defs.describe import frame_schema, stage, written_metadata
from seeding_platform.defs.enrich.basis import NAME, Basis, basis_of, built_at, tables_of, versions_of
from seeding_platform.defs.enrich.checks import check_specs, results
from seeding_platform.defs.platform import Platform
from seeding_platform.storage.enrichment.states import STAGES

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

        began, house = time.process_time(), platform.enrichment(context.run.run_id, random.Random(context.run.run_id))  # noqa: S311  it spreads retries
        swept = context.run.tags.get(SCHEDULED) == SWEEP
        basis = None if swept else basis_of(context.instance, KEYS[-1], records=_records(house))
        taken = _taken_in(context, platform, house, basis)
        for line in house.refreshed():
            context.log.info(line)
        if swept:
            context.log.info(f"{house.done_again()} unsure classifications are asked for once more")
        until = platform.now() + dt.timedelta(minutes=limits_of(platform.adjusted).run_minutes)
        tally = house.worked(until=until)
        context.log.info(said(tally))
        house.monitor.check_all(now=platform.now())
        now = platform.now()
        frames = _tables(platform, basis, context)
        facts = _told(house, tally) | {"cpu_seconds": round(time.process_time() - began, 3)}
        found = results(house, frames, quality=_keys(platform, taken), now=platform.now())
        written = {name: platform.lake.overwrite(f"enriched/{name}", frame) for name, frame in frames.items()}
        facts[NAME] = replace(taken, built_at=now.isoformat(), built={name: one.version for name, one in written.items()}).text()
        for name, one in written.items():
            yield dg.MaterializeResult(
                asset_key=["enriched", name],
                metadata=written_metadata(one, platform.lake.uri(f"enriched/{name}")) | facts,
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


def _taken_in(context: dg.AssetExecutionContext, platform: Platform, house: "House", basis: Basis | None) -> Basis:
    """Take the rows of the quality tables in, unless the same ones were taken in today; on what the tables rest then."""
    from seeding_platform.enrichment import problems

    versions, day = versions_of(platform.lake, INPUTS), f"{platform.now().astimezone(dt.UTC):%Y-%m-%d}"
    rules = f"{__version__}/{problems.VERSION}"
    if basis is not None and basis.holds(versions, day, rules):
        context.log.info("the tables are those that were taken in today")
        return basis
    taken = house.taken_in(*(_rows(platform, name, versions[name]) for name in INPUTS))
    context.log.info(f"{taken.new} records are new, {taken.changed} have changed, {taken.unchanged} are as they were")
    return Basis(taken=versions, day=day, rules=rules, records=_records(house), built_at="", built={})


def _records(house: "House") -> int:
    return sum(c.ingested for c in house.store.counts(now=house.bench.now()) if c.stage == STAGES[0])


def _tables(platform: Platform, basis: Basis | None, context: dg.AssetExecutionContext) -> dict[str, pl.DataFrame]:
    """The enriched tables by now: what was built before with what has moved since, or all of it anew."""
    from seeding_platform.enrichment.tables import brought_up_to_date, enriched_frames

    before = None if basis is None else tables_of(platform.lake, basis, {name: enriched_schema(name) for name in ENRICHED})
    if basis is not None and before is not None:
        found = brought_up_to_date(platform.state, before, built_at=built_at(basis))
        if found is not None:
            return found
    context.log.info("the enriched tables are built from the whole state")
    return enriched_frames(platform.state)


def _rows(platform: Platform, name: str, version: int | None) -> pl.DataFrame:
    """Every row of a quality table at a version; none while it does not exist."""
    from seeding_platform.catalog import TABLES

    return TABLES[name].empty("quality") if version is None else platform.lake.read(f"quality/{name}", version=version).collect()


def _keys(platform: Platform, taken: Basis) -> pl.DataFrame:
    """Which exceptions were taken in."""
    version, columns = taken.taken[INPUTS[1]], ["tenant", "exception_id"]
    if version is None:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    return platform.lake.read(f"quality/{INPUTS[1]}", version=version).select(columns).collect()


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
