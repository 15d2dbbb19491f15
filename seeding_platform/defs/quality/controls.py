"""Obligations of the packs, held against this installation whenever what is judged has changed."""

import dagster as dg

from seeding_platform.defs.automation import follow_upstream
from seeding_platform.defs.describe import frame_schema, stage, written_metadata
from seeding_platform.defs.platform import Platform
from seeding_platform.governance.controls.schema import CONTROLS_SCHEMA

TABLE = "quality/controls"


def controls_asset() -> dg.AssetsDefinition:
    """`quality/controls`: a row an obligation with its status, evidence and what to do."""

    @dg.asset(
        key=TABLE.split("/"),
        deps=[dg.AssetKey(["quality", "personal_columns"]), dg.AssetKey(["quality", "scorecard"])],
        group_name="quality",
        kinds={"polars", "deltalake"},
        owners=["team:data-platform"],
        op_tags=stage("quality"),
        automation_condition=follow_upstream(),
        code_version="1",
        description="Obligations of GDPR, CCPA, HIPAA and SOX: met, not met or not applicable, with what was looked at. No certification.",
        metadata={"dagster/column_schema": frame_schema(CONTROLS_SCHEMA)},
    )
    def controls(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
        from seeding_platform.governance.controls.evaluate import controls as held_against
        from seeding_platform.governance.controls.evaluate import controls_frame
        from seeding_platform.governance.controls.finding import Status
        from seeding_platform.governance.controls.installation import Installation

        found = held_against(Installation(platform.settings, platform.state, platform.trail, platform.now()))
        written = platform.lake.overwrite(TABLE, controls_frame(found))
        counts = {str(status): sum(c.status is status for c in found) for status in Status}
        return dg.MaterializeResult(metadata={**written_metadata(written, platform.lake.uri(TABLE)), **counts})

    return controls
