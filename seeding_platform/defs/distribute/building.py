"""Building the bundles of an engine within a run: built, verified, put in force, told of, and checked, one for each tenant."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from seeding_platform import __version__
from seeding_platform.defs.distribute.checks import checked
from seeding_platform.defs.quality.bias import TABLE as BIAS_TABLE
from seeding_platform.distribution.bundle import build_bundle
from seeding_platform.distribution.feeds import FeedContext
from seeding_platform.distribution.manifest import Lineage, Seal
from seeding_platform.distribution.signers import published_keys, signer_of
from seeding_platform.distribution.signing import trusted_keys
from seeding_platform.distribution.verify import verify_bundle
from seeding_platform.errors import SeedingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from seeding_platform.catalog.engine import EngineContract
    from seeding_platform.defs.platform import Platform
    from seeding_platform.distribution.bundle import Bundle
    from seeding_platform.distribution.feeds import Feed

SEED = 20260101


@dataclass(frozen=True, slots=True)
class Built:
    """What came of it: metadata of the materialisation, and the results of its checks."""

    metadata: dict[str, Any]
    checks: list[dg.AssetCheckResult]


def built(platform: Platform, engine: EngineContract, feed: Feed, read: Sequence[str], *, run_id: str) -> Built:
    """Build an engine's bundle for every tenant.

    Args:
        platform: where things are.
        engine: the contract, with the rules that hold.
        feed: what makes the rows.
        read: tables that it reads, of those that there are.
        run_id: the run that builds.

    Raises:
        Failure: the bundle of a tenant could not be built; those of the others are in force.
    """
    lake = platform.lake
    versions = {f"quality/{name}": lake.version(f"quality/{name}") for name in read if lake.exists(f"quality/{name}")}
    snapshot = platform.state.pin(versions, purpose=f"bundle/{engine.name}", run_id=run_id, now=platform.now())
    lineage = Lineage(run_id=run_id, code_version=__version__, inputs={**versions, "snapshot": snapshot})
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
                engine,
                feed,
                inputs,
                tenant=tenant,
                root=platform.settings.bundles,
                lineage=lineage,
                quality={"minimum_confidence": engine.minimum_confidence, "bias": _bias(platform, tenant)},
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
    return Built(_metadata(made, snapshot), [_fed(made), *checked(platform, engine, made, read_of, trusted)])


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
