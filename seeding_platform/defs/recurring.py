"""Schedules that people adjust: one sensor that starts what is due, once a tick; ticks that were missed are one."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from seeding_platform.catalog.recurring import JOBS, SCHEDULES, Recurring
from seeding_platform.defs.platform import Platform

MOST_TICKS, LONGEST = 800, dt.timedelta(days=400)
"""How many ticks outside the hours of a schedule are passed over, and how far back they are sought."""


def recurring_sensor(jobs: Sequence[Any]) -> dg.SensorDefinition:
    """The sensor of all adjusted schedules.

    Args:
        jobs: those that a schedule may start, by the names in `JOBS`.
    """

    @dg.sensor(
        name="adjusted_schedules",
        jobs=[job for job in jobs if job.name in JOBS],
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts what people have put on the clock (setting `schedules`); ticks missed while nothing ran are one.",
    )
    def adjusted_schedules(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult:
        now = platform.now()
        done: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
        requests: list[dg.RunRequest] = []
        known: dict[str, str] = {}
        for name in platform.adjusted.scopes(SCHEDULES):
            version = platform.adjusted.current(SCHEDULES, name)
            if not version.values or version.written_at is None:
                continue
            since = max(dt.datetime.fromisoformat(done[name]) if name in done else version.written_at, version.written_at)
            try:
                wanted = Recurring.model_validate(dict(version.values))
                tick = latest_tick(wanted, now, since=since)
            except (ValueError, dg.DagsterError) as error:  # the others are somebody else's, and are not held up
                context.log.warning(f"The schedule {name} cannot be followed: {error}")
                continue
            known[name] = since.isoformat()
            if tick is None or tick <= since or not wanted.enabled:
                continue
            known[name] = tick.isoformat()
            tags = {"seeding/because": f"schedule {name}"}
            requests.append(dg.RunRequest(run_key=f"{name}@{tick.isoformat()}", job_name=wanted.job, tags=tags))
        skip = None if requests else dg.SkipReason("nothing is due" if known else "nobody has made a schedule")
        return dg.SensorResult(run_requests=requests, cursor=json.dumps(known), skip_reason=skip)

    return adjusted_schedules


def latest_tick(wanted: Recurring, now: dt.datetime, *, since: dt.datetime | None = None) -> dt.datetime | None:
    """The newest moment up to now at which a schedule is due within its hours; None where there was none.

    Args:
        wanted: the schedule.
        now: the moment.
        since: ticks up to here need not be sought.
    """
    zone = ZoneInfo(wanted.zone)
    windows = dg.TimeWindowPartitionsDefinition(start="2000-01-01", fmt="%Y-%m-%d", cron_schedule=wanted.cron, timezone=wanted.zone)
    moment, least = now, max(since or now - LONGEST, now - LONGEST)
    for _ in range(MOST_TICKS):
        window = windows.get_prev_partition_window(moment.astimezone(zone), respect_bounds=False)
        if window is None:
            return None
        tick = window.end.astimezone(zone)
        if tick <= least:
            return None
        if wanted.from_hour <= tick.hour < wanted.to_hour:
            return tick.astimezone(dt.UTC)
        moment = _before_the_hours_end(tick, wanted)
    return None


def _before_the_hours_end(tick: dt.datetime, wanted: Recurring) -> dt.datetime:
    """The last moment before a tick outside the hours that may lie within them."""
    day = tick if tick.hour >= wanted.to_hour else tick - dt.timedelta(days=1)
    end = day.replace(hour=wanted.to_hour - 1, minute=59, second=59, microsecond=0)
    return min(end, tick - dt.timedelta(seconds=1))
