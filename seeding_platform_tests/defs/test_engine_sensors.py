"""What Dagster hears of the delivery: acknowledgements as observations, alerts that end, a new build of what is damaged, hours for batches."""

import datetime as dt
import json

import dagster as dg
import pytest

from seeding_platform.catalog.engine import load_engines
from seeding_platform.defs.distribute.sensors import acknowledgements_sensor, batches_sensor, failed_sensor
from seeding_platform.defs.platform import Platform
from seeding_platform.distribution.delivery.standing import registered
from seeding_platform.distribution.rules import RULES, SCHEDULE
from seeding_platform.errors import ConfigError
from seeding_platform.storage.delivery.records import EndpointKind, Trace
from seeding_platform_tests.distribution.test_bundle import build, more_posts

ENGINE, TENANT = "content_performance_ml", "t1"
START = dt.datetime(2026, 11, 27, 6, tzinfo=dt.UTC)


class Watched(Platform):
    """A platform whose clock is set by hand."""

    at = START

    def now(self):
        return self.at

    def later(self, **how):
        self.at += dt.timedelta(**how)

    def publish(self, number=None):
        made = build(self.settings.bundles, **({} if number is None else {"inputs": more_posts(number)}))
        self.published(TENANT, ENGINE)
        return made

    def address(self, name):
        target = f"in/{name}"
        return registered(
            self.publisher, TENANT, ENGINE, kind=EndpointKind.FOLDER, target=target, endpoint_id=name, actor="t", now=self.at, private=True
        )[0]

    def end(self, *, error="", limit=10):
        """Let everything that is due end well, or with an error that no try would change."""
        queue = self.publisher.queue
        for claim in queue.claim(owner="w", limit=limit, lease=dt.timedelta(minutes=1), now=self.at):
            if error:
                queue.failed(claim, Trace(error, "no"), again_at=None, now=self.at)
            else:
                queue.acknowledged(claim, Trace(), via="full", now=self.at)

    def rule(self, setting, scope="", **values):
        self.adjusted.change(setting, values, scope=scope, actor="k", reason="a test", now=self.at)

    def standing(self):
        return sorted((a.rule, a.subject) for a in self.desk.alerts.standing())


@pytest.fixture
def platform(place):
    return Watched(place.settings)


@pytest.fixture
def ticked(platform):
    sensors = {s.name: s for s in (acknowledgements_sensor([load_engines()[ENGINE]]), failed_sensor([load_engines()[ENGINE]]), batches_sensor)}
    cursors = {}
    with dg.DagsterInstance.ephemeral() as instance:

        def tick(name):
            context = dg.build_sensor_context(instance=instance, resources={"platform": platform}, cursor=cursors.get(name))
            found = sensors[name](context)
            if isinstance(found, dg.SensorResult) and found.cursor:
                cursors[name] = found.cursor
            return found

        yield tick


def observed(result):
    return [
        {n: m.value for n, m in event.metadata.items() if n in ("generation", "endpoint", "lag_s", "via")} | {"asset": event.asset_key.path}
        for event in result.asset_events
    ]


def test_each_acknowledgement_is_recorded_once(platform, ticked):
    platform.address("ep_a")
    platform.address("ep_b")
    platform.publish()
    platform.later(seconds=3)
    platform.end(limit=1)
    (first,) = observed(ticked("engine_acknowledgements"))
    assert first == {"generation": 1, "endpoint": "ep_a", "lag_s": 3.0, "via": "full", "asset": ["bundle", ENGINE]}
    assert observed(ticked("engine_acknowledgements")) == []
    platform.end()  # at the same moment as one that was recorded
    assert [o["endpoint"] for o in observed(ticked("engine_acknowledgements"))] == ["ep_b"]
    platform.later(hours=3)
    platform.publish(3)
    platform.end()
    assert [o["generation"] for o in observed(ticked("engine_acknowledgements"))] == [2, 2]
    assert observed(ticked("engine_acknowledgements")) == []


def test_a_late_engine_is_an_alert_until_it_has_what_is_wanted(platform, ticked):
    platform.address("ep_a")
    platform.publish()
    platform.later(seconds=3600)
    assert "0 engines are late" in ticked("failed_distributions").skip_reason.skip_message
    platform.later(seconds=1)
    for _ in range(2):
        ticked("failed_distributions")
    assert platform.standing() == [("engine.behind", f"engine/{ENGINE}")]
    assert [a.count for a in platform.desk.alerts.standing()] == [1], "said once"
    platform.end()
    ticked("failed_distributions")
    assert platform.standing() == []


def test_the_rule_of_an_engine_takes_the_place_of_its_contracts_lag(platform, ticked):
    platform.rule(RULES, ENGINE, maximum_lag_seconds=10)
    platform.address("ep_a")
    platform.publish()
    platform.later(seconds=11)
    ticked("failed_distributions")
    assert [a.evidence["limit_s"] for a in platform.desk.alerts.standing()] == [10]


def test_a_dead_letter_is_told_of_once_and_ends_with_the_next_generation(platform, ticked):
    platform.address("ep_a")
    platform.publish()
    platform.end(error="validation-failed")
    ticked("failed_distributions")
    assert platform.standing() == [("engine.undelivered", f"engine/{ENGINE}/ep_a")]
    (alert,) = platform.desk.alerts.standing()
    platform.desk.resolve(alert.alert_id, actor="p", now=platform.at)
    ticked("failed_distributions")
    assert platform.standing() == [], "whoever looked at it is not told again of the same generation"
    platform.publish(3)
    platform.end(error="validation-failed")
    ticked("failed_distributions")
    assert len(platform.standing()) == 1
    platform.publish(4)
    ticked("failed_distributions")
    assert len(platform.standing()) == 1, "it is on its way, and not there"
    platform.end()
    ticked("failed_distributions")
    assert platform.standing() == []


def test_a_damaged_bundle_is_built_again_and_what_was_given_up_goes(platform, ticked):
    platform.address("ep_a")
    made = platform.publish()
    part = made.path / "part-00000.parquet"
    part.unlink()
    platform.end(error="bundle-gone")
    asked = ticked("failed_distributions")
    assert [(r.asset_selection, r.run_key) for r in asked.run_requests] == [
        ([dg.AssetKey(["bundle", ENGINE])], f"rebuild:{TENANT}/{ENGINE}@2026-11-27T06")
    ]
    assert ("engine.bundle_broken", f"engine/{ENGINE}") in platform.standing()
    platform.publish()  # what the run does
    assert part.exists()
    ticked("failed_distributions")
    assert [d.state for d in platform.publisher.queue.some()] == ["waiting"]
    platform.end()
    ticked("failed_distributions")
    assert platform.standing() == []


def test_a_flipped_byte_that_a_receiver_found_is_found_here_too(platform, ticked):
    platform.address("ep_a")
    part = platform.publish().path / "part-00000.parquet"
    whole = part.read_bytes()
    part.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    assert not ticked("failed_distributions").run_requests, "not every bundle is read to the last byte every half minute"
    platform.end(error="digest-mismatch")
    assert len(ticked("failed_distributions").run_requests) == 1
    assert [a.evidence["file"] for a in platform.desk.alerts.standing(rule="engine.bundle_broken")] == [part.name]


def test_batches_wait_for_their_hour_which_people_may_move(platform, ticked):
    platform.rule(RULES, ENGINE, mode="batch")
    platform.rule(SCHEDULE, cron="0 9 * * *", zone="Europe/Amsterdam")
    platform.address("ep_a")
    platform.publish()

    def stands():
        (found,) = platform.publisher.queue.some()
        return found.state, f"{found.due_at:%H:%M}"

    assert stands() == ("held", "08:00")
    ticked("engine_batches")
    assert stands() == ("held", "08:00")
    platform.rule(SCHEDULE, cron="30 8 * * *", zone="Europe/Amsterdam")
    ticked("engine_batches")
    assert stands() == ("held", "07:30")
    platform.later(hours=1, minutes=31)
    ticked("failed_distributions")
    assert platform.standing() == [], "what is held is not late"
    ticked("engine_batches")
    assert stands()[0] == "waiting"
    with pytest.raises(ConfigError, match="five fields"):
        platform.rule(SCHEDULE, cron="0 9 * *")


def test_where_batches_end_what_is_held_goes_at_once_and_a_rollback_never_waits(platform, ticked):
    from seeding_platform.distribution.delivery.putting_back import rolled_back

    platform.address("ep_a")
    platform.publish()
    platform.end()
    platform.rule(RULES, ENGINE, mode="batch")
    platform.publish(3)
    assert [d.state for d in platform.publisher.queue.some()] == ["held", "acknowledged"]
    platform.rule(RULES, ENGINE, mode="live")
    ticked("engine_batches")
    assert [d.state for d in platform.publisher.queue.some()] == ["waiting", "acknowledged"]
    platform.rule(RULES, ENGINE, mode="batch")
    rolled_back(platform.publisher, TENANT, ENGINE, reason="test", actor="p", now=platform.at)
    assert [d.state for d in platform.publisher.queue.some()] == ["waiting", "superseded", "acknowledged"]


def test_a_release_ends_when_the_rules_say_and_the_same_content_is_renewed_in_time(platform):
    platform.rule(RULES, ENGINE, expires_days=4, soak_minutes=3)
    platform.publish()
    made = platform.publisher.ledger.newest(TENANT, ENGINE)
    assert json.loads(made.release)["expires_at"].startswith("2026-12-01T06:00:00")
    assert made.soak_until == platform.at + dt.timedelta(minutes=3)
    platform.later(days=1)
    platform.publish()
    assert platform.publisher.ledger.newest(TENANT, ENGINE).generation == 1
    platform.later(days=1)
    platform.publish()
    newest = platform.publisher.ledger.newest(TENANT, ENGINE)
    assert (newest.generation, newest.kind, newest.content_id) == (2, "again", made.content_id)
    assert json.loads(newest.release)["expires_at"].startswith("2026-12-03T06:00:00")
