"""Checks of the bundles: made within the step that builds them, of the files that it wrote."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from seeding_platform.catalog.engine import EngineContract
from seeding_platform.defs.platform import Platform
from seeding_platform.distribution.bundle import Bundle
from seeding_platform.distribution.manifest import read_manifest
from seeding_platform.distribution.written import (
    compared,
    consistency_problems,
    gate_problems,
    manifests_of,
    schema_hash,
    schema_problems,
    signature_problems,
    size_problems,
)

if TYPE_CHECKING:
    from seeding_platform.distribution.signing import TrustedKey

    Inputs = Mapping[str, Mapping[str, pl.LazyFrame]]

EARLIER = 5
"""Generations that a size is compared with."""
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


def checked(
    platform: Platform, engine: EngineContract, made: Sequence[Bundle], inputs: "Inputs", trusted: "Mapping[str, TrustedKey]"
) -> list[dg.AssetCheckResult]:
    """The results of all checks but `fed`.

    Args:
        platform: where things are.
        engine: the contract, with the rules that hold.
        made: the bundle in force of each tenant.
        inputs: what each was made of, by tenant and table.
        trusted: keys that count.
    """
    manifests = {b.tenant: read_manifest(b.path) for b in made}

    def each(problems: Callable[[Bundle], list[str]]) -> list[str]:
        return [f"{b.tenant}: {text}" for b in made for text in problems(b)]

    def earlier(bundle: Bundle, limit: int) -> list[str]:
        known = platform.publisher.ledger.of(bundle.tenant, engine.name, limit=limit, before=bundle.generation)
        return [g.content_id for g in known]

    def schema(bundle: Bundle) -> list[str]:
        before = manifests_of(bundle.path.parent, earlier(bundle, 1))
        return schema_problems(engine, bundle.path, manifests[bundle.tenant], before[0] if before else None)

    def size(bundle: Bundle) -> list[str]:
        return size_problems(manifests[bundle.tenant], manifests_of(bundle.path.parent, earlier(bundle, EARLIER)))

    odd, engines = consistency_problems(platform.settings.bundles, [b.tenant for b in made])
    looked = sorted({f"{table}.{column}" for b in made for table, column in compared(engine, inputs[b.tenant])})
    gate = each(lambda b: gate_problems(engine, b.path, manifests[b.tenant], inputs[b.tenant]))
    signed = each(lambda b: signature_problems(b.path, trusted, now=platform.now()))
    return [
        _result("gate", gate, ERROR, {"minimum_confidence": engine.minimum_confidence, "sought_in": ", ".join(looked) or "no column"}),
        _result("schema", each(schema), ERROR, {"schema": schema_hash(engine.schema()), "contract_version": engine.version}),
        _result("size", each(size), WARN, {"rows": sum(b.rows for b in made), "bytes": sum(f.bytes for m in manifests.values() for f in m.files)}),
        _result("signature", signed, ERROR, {"keys": len(trusted)}),
        _result("consistency", odd, ERROR, {"engines": engines, "inconsistent": len(odd)}),
    ]


def _result(name: str, problems: Sequence[str], severity: dg.AssetCheckSeverity, facts: Mapping[str, str | int | float]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name, passed=not problems, severity=severity, description="; ".join(problems)[:1000] or None, metadata=facts
    )
