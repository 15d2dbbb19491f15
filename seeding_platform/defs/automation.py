"""The one policy by which the graph follows its inputs; schedules are for the clock, sensors for the outside world."""

from __future__ import annotations

import dagster as dg

AGAIN = "*/15 * * * *"
"""When what failed is tried again: what made it fail may have gone by then, a full disk, say; trying at once would never end."""


def follow_upstream(*, past_missing_files: bool = False) -> dg.AutomationCondition:
    """Run when an input changed and nothing speaks against it: no missing, running or refused input.

    Args:
        past_missing_files: one file that could not be landed does not hold the tables that read the others.
    """
    on = dg.AutomationCondition
    changed = on.any_deps_updated().since(on.newly_requested() | on.initial_evaluation())
    missing = on.any_deps_missing().ignore(dg.AssetSelection.key_prefixes("raw")) if past_missing_files else on.any_deps_missing()
    return (
        (changed | on.newly_missing() | (on.execution_failed() & on.cron_tick_passed(AGAIN)))
        & ~missing
        & ~on.any_deps_in_progress()
        & ~on.in_progress()
        & on.all_deps_blocking_checks_passed()
    ).with_label("follow_upstream")
