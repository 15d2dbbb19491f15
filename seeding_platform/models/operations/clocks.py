"""Whose turn it is: when each model is looked at and trained by the clock, as people have set it by now."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from seeding_platform.models.operations.settings import retraining_of
from seeding_platform.models.retraining.calendar import due_check, next_slot
from seeding_platform.storage.ml.whose import Whose

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeding_platform.models.operations.bench import Bench
    from seeding_platform.models.retraining import RetrainingThresholds
    from seeding_platform.storage.ml.standing import Standing


def due_checks(bench: Bench, models: Iterable[Whose]) -> list[Whose]:
    """Models whose turn it is by the clock: `check_hours` of their settings have passed, by the clock of their zone."""
    now, due = bench.now(), []
    looked: dict[str, dict[Whose, dt.datetime | None]] = {}
    for whose in models:
        if whose.tenant not in looked:
            kept = [s for s in bench.standings.schedules(tenant=whose.tenant) if s["kind"] == "performance_check"]
            looked[whose.tenant] = {Whose(whose.tenant, s["model"], s["environment"]): s["last_run_at"] for s in kept}
        thresholds = retraining_of(bench.adjusted, whose.model)
        if due_check(looked[whose.tenant].get(whose), now, hours=thresholds.check_hours, zone=thresholds.zone) is not None:
            due.append(whose)
    return due


def clocks(bench: Bench, *, tenant: str) -> list[dict[str, Any]]:
    """The clock of each of a tenant's models, by what is set by now."""
    now = bench.now()
    kept = bench.standings.schedules(tenant=tenant)
    bars = {model: retraining_of(bench.adjusted, model) for model in {row["model"] for row in kept}}
    return [row | _turn(row["kind"], bars[row["model"]], row["last_run_at"], now) for row in kept]


def _turn(kind: str, thresholds: RetrainingThresholds, last: dt.datetime | None, now: dt.datetime) -> dict[str, Any]:
    """The hours of a clock as a cron line (of the zone that is set), and when it is next a model's turn: the clock ticks on full hours of UTC."""
    hours = thresholds.check_hours
    cron = f"0 {'0' if hours == 24 else '*' if hours == 1 else f'*/{hours}'} * * *"
    if kind == "forced":
        return {"cron": cron, "next_run_at": now if last is None else last + dt.timedelta(days=thresholds.forced_days)}
    turn = next_slot(last or now, hours=hours, zone=thresholds.zone)
    return {"cron": cron, "next_run_at": turn + dt.timedelta(minutes=-turn.minute % 60)}


def scheduled(bench: Bench, whose: Whose, standing: Standing, thresholds: RetrainingThresholds, now: dt.datetime, *, by_clock: bool) -> None:
    """Keep when the clock looked at the model; a check that somebody asked for takes no turn of the clock."""
    looked = {"last_run_at": now} if by_clock else {}
    bench.standings.scheduled(whose, "performance_check", enabled=True, **looked, **_turn("performance_check", thresholds, now, now))
    trained = standing.trained_at
    bench.standings.scheduled(whose, "forced", enabled=True, last_run_at=trained, **_turn("forced", thresholds, trained, now))
