"""Bundle assets: one an engine from a factory. What they do is in `building`, which is imported when one is built."""

from collections.abc import Sequence

import dagster as dg

from seeding_platform import __version__
from seeding_platform.catalog.engine import EngineContract
from seeding_platform.defs.automation import follow_upstream
from seeding_platform.defs.describe import COLUMN_LINEAGE, column_lineage, frame_schema, stage
from seeding_platform.defs.platform import Platform
from seeding_platform.distribution.feeds import FEEDS, Feed
from seeding_platform.distribution.rules import as_adjusted
from seeding_platform.governance.lineage import bundle_columns

MINIMUM = "minimum_confidence"
"""Metadata that names the rule that a bundle was made by."""
CHECKS = {
    "fed": "The inputs exist and have rows; what was built keeps the contract and was read back",
    "gate": "Only rows that are sure enough, groups of people that are large enough: seen from the files",
    "schema": "The files have the contract's fields, and its version says what changed",
    "size": "Rows and bytes are about what they were",
    "signature": "The manifest is signed by a key that counts",
    "consistency": "A name has the same type and unit in the bundles of all engines",
}


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
        check_specs=[dg.AssetCheckSpec(name, asset=key, description=text) for name, text in CHECKS.items()],
    )
    def bundle(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
        from seeding_platform.defs.distribute.building import built

        asked = as_adjusted(engine, platform.adjusted)
        done = built(platform, asked, feed, read, run_id=context.run.run_id)
        told = {**done.metadata, MINIMUM: asked.minimum_confidence, **lineage_of_columns}
        return dg.MaterializeResult(metadata=told, check_results=done.checks)

    return bundle
