"""A month by a virtual clock: the daemon is down for days, the clock changes, and every model is forced once a week all the same."""

import datetime as dt
import itertools
from collections import Counter
from zoneinfo import ZoneInfo

import pytest

from seeding_platform.models.retraining import due_check, forced_due, next_slot, run_key, slot

ZONE = "Europe/Amsterdam"
MODELS = ("t.churn", "t.roi")


def month(begin: dt.datetime, down: tuple[dt.datetime, dt.datetime], zone: str) -> tuple[list[dt.datetime], dict[str, list[dt.datetime]]]:
    """Check times and forced runs of 30 days of ticks every minute; a retraining takes ten minutes."""
    last_check, checks = None, []
    success = {m: begin - dt.timedelta(days=3 + i, minutes=50) for i, m in enumerate(MODELS)}
    forced, running = {m: [] for m in MODELS}, {}
    for minute in range(30 * 24 * 60):
        now = begin + dt.timedelta(minutes=minute)
        for model, ends in list(running.items()):
            if now >= ends:
                success[model] = ends
                del running[model]
        if down[0] <= now < down[1]:
            continue
        at = due_check(last_check, now, zone=zone)
        if at is None:
            continue
        last_check = at
        checks.append(now)
        for model in MODELS:
            if model not in running and forced_due(success[model], now, zone=zone):
                forced[model].append(now)
                running[model] = now + dt.timedelta(minutes=10)
    return checks, forced


@pytest.mark.parametrize("zone", ["UTC", ZONE])
@pytest.mark.parametrize("begin", [dt.datetime(2026, 3, 10, 9, 30, tzinfo=dt.UTC), dt.datetime(2026, 10, 10, 9, 30, tzinfo=dt.UTC)])
def test_downtime_and_a_change_of_the_clock_leave_one_forced_run_a_week(zone, begin):
    down = begin + dt.timedelta(days=9), begin + dt.timedelta(days=12)
    checks, forced = month(begin, down, zone)
    for model, runs in forced.items():
        assert len(runs) == 4, model
        weeks = Counter((r - runs[0] + dt.timedelta(hours=2)) // dt.timedelta(days=7) for r in runs)
        assert weeks == {0: 1, 1: 1, 2: 1, 3: 1}
        gaps = [b - a for a, b in itertools.pairwise(runs)]
        assert all(dt.timedelta(days=6, hours=20) < g < dt.timedelta(days=10) for g in gaps)
        assert len({slot(r, zone=zone).astimezone(ZoneInfo(zone)).hour for r in runs}) == 1, "no wandering through the day"
    after = [c for c in checks if down[1] <= c < down[1] + dt.timedelta(hours=4)]
    assert after[0] == down[1], "one check at once makes up for all that were missed"
    assert len(after) == 2
    assert len(checks) == 27 * 6 + 2, "27 days, the one that was due at the beginning, the one after the downtime"


def test_a_forced_run_that_came_due_while_nothing_ran_is_made_up_for_once():
    begin = dt.datetime(2026, 3, 10, 9, 30, tzinfo=dt.UTC)
    down = begin + dt.timedelta(days=2), begin + dt.timedelta(days=6)
    _, forced = month(begin, down, "UTC")
    assert [sum(down[0] <= r <= down[1] for r in runs) for runs in forced.values()] == [1, 1]
    assert all(runs[0] == down[1] or runs[0] < down[0] for runs in forced.values())


def test_slots_follow_the_local_clock_through_its_changes():
    spring = [dt.datetime(2026, 3, 28, 23, tzinfo=dt.UTC) + dt.timedelta(minutes=m) for m in range(24 * 60)]
    slots = sorted({slot(m, zone=ZONE) for m in spring})
    assert [s.astimezone(ZoneInfo(ZONE)).hour for s in slots] == [0, 4, 8, 12, 16, 20, 0]
    assert slots[1] - slots[0] == dt.timedelta(hours=3)
    autumn = [dt.datetime(2026, 10, 24, 22, tzinfo=dt.UTC) + dt.timedelta(minutes=m) for m in range(25 * 60)]
    assert len({slot(m, zone=ZONE) for m in autumn}) == 6
    for moment in spring + autumn:
        for hours in (1, 2, 4, 24):
            found = slot(moment, hours=hours, zone=ZONE)
            assert found <= moment
            assert slot(found, hours=hours, zone=ZONE) == found


def test_a_week_is_a_week():
    trained = dt.datetime(2026, 11, 1, 8, 10, tzinfo=dt.UTC)
    assert not forced_due(trained, trained + dt.timedelta(days=6, hours=23))
    assert forced_due(trained, dt.datetime(2026, 11, 8, 8, 0, tzinfo=dt.UTC)), "the check of the same hour, ten minutes early"
    assert forced_due(None, trained)


def test_one_reason_on_the_same_data_has_one_key():
    assert run_key("t.m", "7", "weekly", 2) == "retrain:t.m@7/weekly#2"
    assert len({run_key(m, v, t, a) for m in "ab" for v in "12" for t in ("weekly", "drift") for a in (1, 2)}) == 16


@pytest.mark.parametrize(
    ("moment", "hours", "following"),
    [
        ("2026-11-26T15:59", 4, "2026-11-26T19:00"),
        ("2026-10-24T21:00", 4, "2026-10-24T22:00"),
        ("2026-10-24T22:00", 4, "2026-10-25T03:00"),
        ("2026-03-28T23:00", 4, "2026-03-29T02:00"),
        ("2026-03-29T00:30", 1, "2026-03-29T01:00"),
        ("2026-11-26T10:00", 24, "2026-11-26T23:00"),
    ],
    ids=["later", "the day before the clock goes back", "the night it goes back", "the night it goes forward", "an hour left out", "midnight"],
)
def test_the_next_check_follows_the_local_clock(moment, hours, following):
    at = dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC)
    found = next_slot(at, hours=hours, zone=ZONE)
    assert found == dt.datetime.fromisoformat(following).replace(tzinfo=dt.UTC)
    assert due_check(at, found - dt.timedelta(minutes=1), hours=hours, zone=ZONE) is None
    assert due_check(at, found, hours=hours, zone=ZONE) == found
