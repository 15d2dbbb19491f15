"""Which executor runs the steps of a run: one setting chooses."""

from __future__ import annotations

import dagster as dg

from seeding_platform.settings import Settings

WARM = [
    "seeding_platform.definitions",
    "deltalake",
    "sqlalchemy",
]
"""What a forked step finds imported already."""


def executor(settings: Settings) -> dg.ExecutorDefinition:
    """In this process, or in processes forked from one that has imported everything (a spawned one costs eight times as much)."""
    if settings.executor == "in_process":
        return dg.in_process_executor
    return dg.multiprocess_executor.configured({"max_concurrent": 2, "start_method": {"forkserver": {"preload_modules": WARM}}})
