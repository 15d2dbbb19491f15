"""Who may do what in Dagster's web UI: one table a kind of thing. What stands in no table is refused.

The names are those of the pinned dagster-webserver; `seeding_platform_tests/webui/test_contract.py` walks the real routes and the real schema and
fails where one of them is in no table.
"""

from __future__ import annotations

from seeding_platform.storage.api_state import Role

_VIEWER, _OPERATOR, _ADMIN = Role.VIEWER, Role.OPERATOR, Role.ADMIN

STATIC = frozenset(
    {
        "/_next", "/vendor", "/404.html", "/Dagster_world.mp4", "/csp-header.txt", "/favicon-run-failed.svg", "/favicon-run-pending.svg",
        "/favicon-run-success.svg", "/favicon.ico", "/favicon.png", "/favicon.svg", "/index.html", "/manifest.json", "/robots.txt",
    }
)  # fmt: skip
"""Files of the web UI itself: no data."""

ROUTES: dict[str, Role | None] = {
    **dict.fromkeys(STATIC, _VIEWER),
    "/": _VIEWER,
    "/{path:path}": _VIEWER,
    "/server_info": _VIEWER,
    "/dagit_info": _VIEWER,
    "/graphql": _VIEWER,
    "/logs/{path:path}": _OPERATOR,
    "/download_debug/{run_id:str}": _OPERATOR,
    "/report_asset_materialization/{asset_key:path}": _ADMIN,
    "/report_asset_check/{asset_key:path}": _ADMIN,
    "/report_asset_observation/{asset_key:path}": _ADMIN,
    "/notebook": None,
    "/dagit/notebook": None,
}
"""Who may reach a route; None is nobody. Notebooks are read off the disk of the code server by a path, and there are none here."""

MUTATIONS: dict[str, Role] = {
    **dict.fromkeys(
        (
            "launchPipelineExecution", "launchRun", "launchMultipleRuns", "launchPipelineReexecution", "launchRunReexecution",
            "terminatePipelineExecution", "terminateRun", "terminateRuns",
            "launchPartitionBackfill", "resumePartitionBackfill", "reexecutePartitionBackfill", "cancelPartitionBackfill",
            "startSchedule", "stopRunningSchedule", "resetSchedule", "scheduleDryRun",
            "startSensor", "stopSensor", "resetSensor", "sensorDryRun", "setAutoMaterializePaused",
            "logTelemetry", "setNuxSeen",
        ),
        _OPERATOR,
    ),
    **dict.fromkeys(
        (
            "wipeAssets", "deletePipelineRun", "deleteRun", "addDynamicPartition", "deleteDynamicPartitions",
            "reportRunlessAssetEvents", "reportAssetCheckEvaluations", "setSensorCursor",
            "reloadRepositoryLocation", "reloadWorkspace", "shutdownRepositoryLocation",
            "setConcurrencyLimit", "deleteConcurrencyLimit", "freeConcurrencySlots", "freeConcurrencySlotsForRun",
            "setAppManagedComponent", "deleteAppManagedComponent", "refreshComponentState",
        ),
        _ADMIN,
    ),
}  # fmt: skip
"""Who may do a mutation. Operators start and stop what is declared; what forgets history, says what no run did, or changes how the installation
works is for admins."""

PERMISSIONS: dict[str, Role] = {
    **dict.fromkeys(
        (
            "launch_pipeline_execution", "launch_pipeline_reexecution", "terminate_pipeline_execution", "launch_partition_backfill",
            "cancel_partition_backfill", "start_schedule", "stop_running_schedule", "schedule_dry_run", "edit_sensor", "sensor_dry_run",
            "toggle_auto_materialize",
        ),
        _OPERATOR,
    ),
    **dict.fromkeys(
        (
            "delete_pipeline_run", "reload_repository_location", "reload_workspace", "wipe_assets", "report_runless_asset_events",
            "update_sensor_cursor", "edit_dynamic_partitions", "edit_concurrency_limit", "edit_app_managed_components", "refresh_component_state",
        ),
        _ADMIN,
    ),
}  # fmt: skip
"""Dagster's own names for the same: its pages show only buttons that may be pressed, and its resolvers ask once more."""

LOG_TYPES = frozenset(
    {
        "CapturedLogs", "CapturedLogsMetadata", "EventConnection", "EventConnectionOrError", "InstigationEventConnection",
        "LogRetrievalShellCommand", "PipelineRunLogsSubscriptionPayload",
    }
)  # fmt: skip
"""A field of one of these types gives the words of a run, a step or a sensor, which may name any tenant's files: operators read them."""

FIELDS: dict[tuple[str, str], Role] = {("InstigationTick", "logKey"): _OPERATOR, ("Instance", "info"): _ADMIN}
"""Further fields that not everybody reads: the address of a sensor's log, and dagster.yaml as it is."""

WITHHELD: dict[tuple[str, str], object] = {
    ("PythonError", "message"): "Only operators read what went wrong.",
    ("PythonError", "stack"): [],
    ("PythonError", "causes"): [],
    ("PythonError", "cause"): None,
    ("PythonError", "errorChain"): [],
}
"""What is said in place of a failure's words to whoever may not read logs: pages ask for them everywhere and must not break."""
