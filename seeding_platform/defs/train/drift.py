"""The asset check `drift` of each model: whether rows that came since its version was made, and its answers, are as they were."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from seeding_platform.defs.platform import Platform
from seeding_platform.models import ModelSpec

if TYPE_CHECKING:
    from seeding_platform.models.operations.drifting import Drifting

DRIFT = "drift"


def drift_spec(spec: ModelSpec) -> dg.AssetCheckSpec:
    """The check of one model."""
    return dg.AssetCheckSpec(DRIFT, asset=["model", spec.name], description="Rows that came since, and answers, are as when the version was made")


def kept(platform: Platform, spec: ModelSpec) -> "dict[str, Drifting]":
    """What was last found of each tenant's version that serves."""
    from seeding_platform.models.operations.drifting import FOUND, Drifting

    found = {}
    for standing in platform.bench.standings.all():
        whose = standing.whose
        if whose.model == spec.name and whose.environment == "prod" and standing.version is not None:
            version = platform.registry.version(whose.registered, standing.version)
            document = None if version is None else platform.registry.document(version, FOUND)
            if document is not None:
                found[whose.tenant] = Drifting.parsed(document)
    return found


def told(found: "Mapping[str, Drifting]") -> dict[str, Any]:
    """What a check result says: a warning where a column of any tenant drifted."""
    drifted = {tenant: list(seen.columns) for tenant, seen in sorted(found.items()) if seen.columns}
    says = "; ".join(f"{tenant}: {', '.join(columns)}" for tenant, columns in drifted.items())
    rows, answers = sum(seen.rows for seen in found.values()), sum(seen.given for seen in found.values())
    return {
        "check_name": DRIFT,
        "passed": not drifted,
        "severity": dg.AssetCheckSeverity.WARN,
        "description": says[:2000]
        or (f"{rows} new rows, {answers} answers are as those before" if found else "nothing came since its versions were made"),
        "metadata": {"drifted": drifted, "new_rows": rows, "answers": answers},
    }
