"""What the event log and the bundles tell for the scorecard."""

from collections.abc import Sequence

import dagster as dg

from seeding_platform.catalog import TableContract
from seeding_platform.defs.platform import Platform
from seeding_platform.quality.scorecard import Observed


def observed(instance: dg.DagsterInstance, platform: Platform, contracts: Sequence[TableContract]) -> Observed:
    """Rows and seconds of each table's latest cleaning, and how many engines have rows."""
    from seeding_platform.catalog.engine import shipped_engines
    from seeding_platform.distribution.verify import current_bundles

    rows, seconds = 0, 0.0
    for contract in contracts:
        event = instance.get_latest_materialization_event(dg.AssetKey(["clean", contract.name]))
        made = event.asset_materialization if event is not None else None
        if event is None or made is None or "rows_in" not in made.metadata:
            continue
        steps = instance.get_run_step_stats(event.run_id, step_keys=[f"clean__{contract.name}"])
        took = sum(s.end_time - s.start_time for s in steps if s.start_time is not None and s.end_time is not None)
        if took > 0:
            rows, seconds = rows + int(str(made.metadata["rows_in"].value)), seconds + took
    fed = {b.engine for b in current_bundles(platform.settings.bundles) if b.bundle is not None and b.bundle.rows}
    built = platform.settings.bundles.is_dir()
    return Observed(rows, seconds, len(shipped_engines()) if built else 0, len(fed))
