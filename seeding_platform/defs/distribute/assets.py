"""Bundle assets: one an engine from a factory; each builds, verifies and puts in force one bundle a tenant."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from seeding_platform import __version__
from seeding_platform.catalog.engine import EngineContract
from seeding_platform.defs.automation import follow_upstream
from seeding_platform.defs.describe import COLUMN_LINEAGE, column_lineage, frame_schema, stage
from seeding_platform.defs.distribute.checks import bundle_check_specs, checked
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.quality.bias import TABLE as BIAS_TABLE
from seeding_platform.distribution.bundle import Bundle, build_bundle
from seeding_platform.distribution.feeds import FEEDS, Feed, FeedContext
from seeding_platform.distribution.manifest import Lineage, Seal
from seeding_platform.distribution.rules import as_adjusted
from seeding_platform.distribution.signers import published_keys, signer_of
from seeding_platform.distribution.signing import trusted_keys
from seeding_platform.distribution.verify import verify_bundle
from seeding_platform.errors import SeedingError
from seeding_platform.governance.lineage import bundle_columns

SEED = 20260101
MINIMUM = "minimum_confidence"
"""Metadata that names the rule that a bundle was made by."""


def bundle_asset(engine: EngineContract, contracts: Sequence[str], *, feed: Feed | None = None) -> dg.AssetsDefinition:
    """`bundle/<engine>`: rows that passed, made to the engine's contract, read back before they are in force.

    Args:
        engine: contract of the engine.
        contracts: tables that there are.
        feed: what makes the rows, where it is none of those that ship.
    """
    feed = feed or FEEDS[engine.feed]
    read = [name for name in feed.inputs if name in contracts]
    key = dg.AssetKey(["bundle", engine.name])
    columns = bundle_columns(engine)
    lineage_of_columns = {COLUMN_LINEAGE: column_lineage(columns)} if columns else {}

    @dg.asset(
        key=key,
        deps=[dg.AssetKey(["quality", name]) for name in read],
        group_name="bundle",
        kinds={str(engine.format), "engine"},
        op_tags=stage("bundle"),
        owners=["team:ml"],
        automation_condition=follow_upstream(),
        description=f"{engine.description} One row: {engine.grain}",
        code_version=f"{__version__}/{engine.schema_hash()[:12]}",
        metadata={
            "dagster/column_schema": frame_schema(engine.schema()),
            "format": str(engine.format),
            "contract_version": engine.version,
            **lineage_of_columns,
        },
        tags={"seeding/family": str(engine.family)},
        check_specs=bundle_check_specs(key),
    )
    def bundle(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
        lake = platform.lake
        asked = as_adjusted(engine, platform.adjusted)
        versions = {f"quality/{name}": lake.version(f"quality/{name}") for name in read if lake.exists(f"quality/{name}")}
        snapshot = platform.state.pin(versions, purpose=f"bundle/{engine.name}", run_id=context.run.run_id, now=platform.now())
        lineage = Lineage(run_id=context.run.run_id, code_version=__version__, inputs={**versions, "snapshot": snapshot})
        signer = signer_of(platform.state, platform.keys, now=platform.now())
        trusted = trusted_keys(published_keys(platform.state, platform.keys))
        seal = _sealed(platform)
        made: list[Bundle] = []
        read_of: dict[str, dict[str, pl.LazyFrame]] = {}
        broken: dict[str, str] = {}
        for tenant in platform.tenants():
            read_of[tenant] = inputs = {t.removeprefix("quality/"): lake.read(t, version=v, tenant=tenant) for t, v in versions.items()}
            try:
                done = build_bundle(
                    asked,
                    feed,
                    inputs,
                    tenant=tenant,
                    root=platform.settings.bundles,
                    lineage=lineage,
                    quality={"minimum_confidence": asked.minimum_confidence, "bias": _bias(platform, tenant)},
                    now=platform.now(),
                    context=FeedContext(tenant=tenant, seed=SEED),
                    signer=signer,
                    seal=seal,
                    pinned=versions,
                )
                verify_bundle(done.path.parent, trusted=trusted, now=platform.now())
                made.append(done)
                platform.published(tenant, engine.name)
                if done.fresh:
                    facts = {"engine": engine.name, "generation": done.generation, "content_id": done.content_id, "rows": done.rows}
                    platform.emit("bundle.ready", tenant, facts)
            except SeedingError as error:
                broken[tenant] = str(error)
        if broken:
            why = "; ".join(f"{tenant}: {text}" for tenant, text in broken.items())
            raise dg.Failure(f"{engine.name}: {why} The bundle in force stays.", metadata={"published": len(made)}, allow_retries=False)
        told = _metadata(made, snapshot) | {MINIMUM: asked.minimum_confidence} | lineage_of_columns
        return dg.MaterializeResult(metadata=told, check_results=[_fed(made), *checked(platform, asked, made, read_of, trusted)])

    return bundle


def _sealed(platform: Platform) -> Seal | None:
    """How far the audit log is sealed; None before the first checkpoint."""
    lines = platform.trail.checkpoints.lines()
    return Seal(number=len(lines), sha256=hashlib.sha256(lines[-1].encode()).hexdigest()) if lines else None


def _bias(platform: Platform, tenant: str) -> dict[str, int]:
    """How many figures about what was collected have which verdict; none where bias was not looked at yet."""
    if not platform.lake.exists(BIAS_TABLE):
        return {}
    counts = platform.lake.read(BIAS_TABLE, tenant=tenant).group_by("verdict").len().sort("verdict").collect()
    return {str(verdict): int(count) for verdict, count in counts.iter_rows()}


def _metadata(made: Sequence[Bundle], snapshot: str) -> dict[str, Any]:
    return {
        "dagster/row_count": sum(b.rows for b in made),
        "snapshot_id": snapshot,
        "bundles": {b.tenant: _facts(b) for b in made},
        "changed": any(b.fresh for b in made),
    }


def _facts(bundle: Bundle) -> Mapping[str, Any]:
    return {"rows": bundle.rows, "generation": bundle.generation, "content_id": bundle.content_id, "path": str(bundle.path), "reason": bundle.reason}


def _fed(made: Sequence[Bundle]) -> dg.AssetCheckResult:
    empty = {b.tenant: b.reason for b in made if not b.rows}
    fed = any(b.rows for b in made)
    told = "; ".join(f"{b.tenant}: {b.rows:,} rows, generation {b.generation}" for b in made if b.rows)
    return dg.AssetCheckResult(
        check_name="fed",
        passed=fed,
        severity=dg.AssetCheckSeverity.WARN,
        description=told if fed else "; ".join(sorted({str(r) for r in empty.values()})),
    )
