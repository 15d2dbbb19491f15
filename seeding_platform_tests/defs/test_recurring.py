"""Schedules that people adjust, on a clock of the test's: once a tick, missed ticks are one, hours and zones as told."""

import datetime as dt

import dagster as dg
import pytest
from pydantic import ValidationError

from seeding_platform.catalog.recurring import JOBS, SCHEDULES, Recurring
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.recurring import latest_tick, recurring_sensor
from seeding_platform.errors import ConfigError
from seeding_platform_tests.places import Place

START = dt.datetime(2026, 3, 2, 5, 0, tzinfo=dt.UTC)


class Clocked(Platform):
    """A platform on a clock of the test's."""

    moment = START

    def now(self) -> dt.datetime:
        return self.moment


@pytest.fixture
def platform(place: Place) -> Clocked:
    return Clocked(place.settings)


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@dg.op
def nothing() -> None:
    pass


def job(name: str) -> dg.JobDefinition:
    return dg.GraphDefinition(name=name, node_defs=[nothing]).to_job()


def put(platform, name, moment=START, **values):
    platform.adjusted.change(SCHEDULES, values, scope=name, actor="k", reason="a test", now=moment)


def ticks(platform, instance, moments):
    """Run keys that the sensor asks for at each moment, its cursor handed on."""
    sensor, cursor, asked = recurring_sensor([job(n) for n in JOBS]), None, []
    for moment in moments:
        platform.moment = moment
        found = sensor(dg.build_sensor_context(instance=instance, cursor=cursor, resources={"platform": platform}))
        cursor = found.cursor
        asked.append([(r.job_name, r.run_key) for r in found.run_requests or []])
    return asked


def test_a_schedule_runs_once_a_tick(platform, instance):
    put(platform, "mornings", cron="0 6 * * *", job="retrain")
    hours = [START + dt.timedelta(minutes=20 * n) for n in range(12)]
    asked = [key for found in ticks(platform, instance, hours) for key in found]
    assert asked == [("retrain", "mornings@2026-03-02T06:00:00+00:00")]


def test_ticks_that_were_missed_are_one(platform, instance):
    put(platform, "hourly", cron="0 * * * *")
    assert ticks(platform, instance, [START + dt.timedelta(days=3, minutes=10), START + dt.timedelta(days=3, minutes=11)]) == [
        [("collect", "hourly@2026-03-05T05:00:00+00:00")],
        [],
    ]


def test_nothing_is_due_from_before_a_schedule_was_made(platform, instance):
    put(platform, "mornings", cron="0 4 * * *")
    assert ticks(platform, instance, [START, START + dt.timedelta(hours=1)]) == [[], []]


def test_one_that_is_off_starts_nothing_and_on_again_catches_up_once(platform, instance):
    put(platform, "hourly", cron="0 * * * *", enabled=False)
    assert ticks(platform, instance, [START + dt.timedelta(hours=h) for h in range(1, 5)]) == [[], [], [], []]
    put(platform, "hourly", moment=START + dt.timedelta(hours=5, minutes=30), cron="0 * * * *")
    later = [START + dt.timedelta(hours=5, minutes=m) for m in (40, 70, 80)]
    assert [len(found) for found in ticks(platform, instance, later)] == [0, 1, 0]


def test_thirty_days_with_three_without_a_daemon_and_a_change_of_clocks(platform, instance):
    put(platform, "nights", cron="30 2 * * *", zone="Europe/Amsterdam")
    every = [START + dt.timedelta(hours=2 * n) for n in range(30 * 12)]
    awake = [m for m in every if not dt.datetime(2026, 3, 10, tzinfo=dt.UTC) <= m < dt.datetime(2026, 3, 13, tzinfo=dt.UTC)]
    asked = [key for found in ticks(platform, instance, awake) for _, key in found]
    assert len(asked) == len(set(asked))
    assert len(asked) == 30 - 2  # of the nights of 10, 11, 12 and 13 March the last one only; 29 March has its run, by whatever clock
    assert sum("2026-03-29" in key for key in asked) == 1


def test_one_that_cannot_be_followed_holds_no_other(platform, instance, monkeypatch):
    put(platform, "broken", cron="0 * * * *")
    put(platform, "hourly", cron="0 * * * *")
    whole = Recurring.model_validate
    put(platform, "broken", cron="0 * * * *", job="upkeep")
    monkeypatch.setattr(Recurring, "model_validate", lambda told: whole(dict(told) | ({"cron": "x"} if told.get("job") == "upkeep" else {})))
    assert ticks(platform, instance, [START + dt.timedelta(hours=1, minutes=1)]) == [[("collect", "hourly@2026-03-02T06:00:00+00:00")]]


def test_a_long_way_to_the_hours_is_short():
    """Every minute, but only at night, asked at noon: the way back does not go minute by minute."""
    import time

    began = time.process_time()
    found = latest_tick(Recurring(cron="* * * * *", from_hour=1, to_hour=2), dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC))
    assert found == dt.datetime(2026, 7, 1, 1, 59, tzinfo=dt.UTC)
    assert time.process_time() - began < 5  # CPU-seconds; 15 when it goes minute by minute
    assert latest_tick(Recurring(cron="30 2 29 2 *"), dt.datetime(2026, 7, 1, tzinfo=dt.UTC)) is None  # two years back, further than it looks


def test_hours_and_zones():
    morning = dt.datetime(2026, 7, 1, 12, 2, tzinfo=dt.UTC)
    office = Recurring(cron="*/5 * * * *", zone="Europe/Amsterdam", from_hour=8, to_hour=18)
    assert latest_tick(office, morning) == dt.datetime(2026, 7, 1, 12, 0, tzinfo=dt.UTC)
    assert latest_tick(office, dt.datetime(2026, 7, 1, 20, tzinfo=dt.UTC)) == dt.datetime(2026, 7, 1, 15, 55, tzinfo=dt.UTC)
    assert latest_tick(Recurring(cron="0 3 * * *", from_hour=8, to_hour=18), morning) is None


@pytest.mark.parametrize(
    "cron",
    [
        "",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "5-1 * * * *",
        "*/0 * * * *",
        "@daily",
        "a * * * *",
        "0 6 31 2 *",
        "0 6 31 4,6 *",
    ],
)
def test_a_form_that_is_none_is_refused(cron):
    with pytest.raises(ValidationError):
        Recurring(cron=cron)


def test_names_zones_and_hours_that_are_none_are_refused(platform):
    with pytest.raises(ConfigError, match="name of small letters"):
        put(platform, "../x", cron="0 6 * * *")
    with pytest.raises(ConfigError, match="IANA"):
        put(platform, "x", zone="Mars/Base")
    with pytest.raises(ConfigError, match="before to_hour"):
        put(platform, "x", from_hour=9, to_hour=9)
