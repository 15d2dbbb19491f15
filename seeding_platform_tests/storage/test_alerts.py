"""One occurrence of an alert at a time, changed by one at a time; the outbox tells every try and takes back what nobody was sent."""

import dataclasses
import datetime as dt
import threading

import pytest

from seeding_platform.storage.alerts import Alerts, Happening, Occurrence, Wanted
from seeding_platform.storage.live import RETRY_AFTER_S, Live, Message
from seeding_platform.storage.state import State
from seeding_platform.storage.webhooks import Webhook, Webhooks

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


@pytest.fixture
def state(database_url):
    with State.open(database_url) as state:
        yield state


def occurrence(name="a1", fingerprint="f", **more):
    told = {"occurrence": 1, "revision": 1, "rule": "quality.monitor", "tenant": "t", "subject": "quality/orders", "severity": "warning"}
    return Occurrence(alert_id=name, fingerprint=fingerprint, **{**told, "opened_at": NOON, "last_at": NOON, **more})


OPENED = Happening(NOON, "service", "opened", {"n": 1})
ALL = Wanted(tenants=["t"], rules=["quality.monitor"])


def test_what_is_kept_comes_back_as_it_was(state):
    alerts = Alerts(state)
    made = occurrence(evidence={"value": 2.5, "ids": ["a", "b"]}, channels=("slack",), muted_until=NOON, says="x")
    assert alerts.add(made, OPENED)
    assert alerts.one("a1") == alerts.active("f") == alerts.newest("f") == made
    assert alerts.history("a1") == [OPENED]


def test_one_occurrence_at_a_time(state):
    alerts = Alerts(state)
    assert alerts.add(occurrence(), OPENED)
    assert not alerts.add(occurrence("a2", occurrence=2), OPENED)
    over = occurrence(revision=2, state="resolved", resolved_at=NOON)
    assert alerts.change(occurrence(), over, Happening(NOON, "k", "resolved"))
    assert alerts.active("f") is None
    assert alerts.add(occurrence("a2", occurrence=2), OPENED)
    assert [o.alert_id for o in alerts.occurrences("f")] == ["a2", "a1"]
    assert [h.what for h in alerts.history("a1")] == ["opened", "resolved"]


def test_two_who_change_the_same_do_not_overwrite_each_other(state):
    alerts, seen = Alerts(state), occurrence()
    alerts.add(seen, OPENED)
    assert alerts.change(seen, dataclasses.replace(seen, revision=2, count=2), None)
    assert not alerts.change(seen, dataclasses.replace(seen, revision=2, count=9), Happening(NOON, "k", "resolved"))
    assert alerts.one("a1").count == 2
    assert alerts.history("a1") == [OPENED]


def test_many_who_add_the_same_at_once_add_one(state):
    alerts, added = Alerts(state), []
    threads = [threading.Thread(target=lambda n=n: added.append(alerts.add(occurrence(f"a{n}"), OPENED))) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(added) == [False] * 5 + [True]


def test_lists_are_of_who_may_see_them(state):
    alerts = Alerts(state)
    alerts.add(occurrence(), OPENED)
    alerts.add(occurrence("b", "g", tenant="other"), OPENED)
    alerts.add(occurrence("c", "h", tenant="", severity="critical", last_at=NOON + dt.timedelta(hours=1)), OPENED)
    alerts.add(occurrence("d", "i", rule="audit.broken"), OPENED)
    assert [a.alert_id for a in alerts.listed(ALL, limit=9)] == ["a1"]
    both = dataclasses.replace(ALL, tenants=["t", ""])
    assert [a.alert_id for a in alerts.listed(both, limit=9)] == ["c", "a1"]
    assert [a.alert_id for a in alerts.listed(both, limit=1, offset=1)] == ["a1"]
    assert [a.alert_id for a in alerts.listed(dataclasses.replace(both, severities=["critical"]), limit=9)] == ["c"]
    assert alerts.listed(dataclasses.replace(both, states=["resolved"]), limit=9) == []
    assert alerts.counted(both) == {"open": 2}
    assert [a.alert_id for a in alerts.standing(rule="audit.broken")] == ["d"]


def message(name="m1", **more):
    told = {"tenant": "t", "channel": "webhook", "target": "w1", "subject": "alert.opened", "body": "{}", "created_at": NOON}
    return Message(message_id=name, **{**told, **more})


def test_every_try_is_told_and_a_replay_counts_on(state):
    live = Live(state)
    live.send(message(), mark="m")
    assert live.failed(live.claimed(now=NOON), "It answered with 500.", now=NOON, code=500, took_ms=12, wait_s=90)
    assert live.message("m1", tenant="t").next_at == NOON + dt.timedelta(seconds=90)
    later = NOON + dt.timedelta(seconds=91)
    assert not live.failed(live.claimed(now=later), "gone", now=later, code=410, for_good=True)
    assert live.claimed(now=NOON + dt.timedelta(days=9)) is None
    assert not live.again("m1", tenant="other", now=later)
    assert live.again("m1", tenant="t", now=later)
    assert live.claimed(now=later, message_id="m2") is None
    again = live.claimed(now=later, message_id="m1")
    assert not live.again("m1", tenant="t", now=later), "it is under way"
    live.sent(again, now=later, code=204, took_ms=3)
    assert [(a.attempt, a.code, a.error) for a in live.attempts("m1")] == [(1, 500, "It answered with 500."), (2, 410, "gone"), (3, 204, "")]
    assert live.message("m1", tenant="t").sent_at == later


def test_the_other_side_cannot_make_us_wait_for_ever(state):
    live = Live(state)
    live.send(message(), mark="m")
    live.failed(live.claimed(now=NOON), "later", now=NOON, wait_s=10**9)
    assert live.message("m1", tenant="t").next_at == NOON + dt.timedelta(seconds=RETRY_AFTER_S[-1])


def test_what_waits_for_the_morning_is_taken_back(state):
    live, morning = Live(state), NOON + dt.timedelta(hours=8)
    live.send(message("m1"), mark="alert:1:email a@example.org", not_before=morning)
    live.send(message("m2"), mark="alert:1:slack")
    live.send(message("m3"), mark="alert:10:slack")
    assert live.claimed(now=NOON, message_id="m1") is None
    live.sent(live.claimed(now=NOON, message_id="m2"), now=NOON)
    assert live.withdrawn("alert:1:", tenant="other") == []
    assert live.withdrawn("alert:1:", tenant="t") == ["email a@example.org"]
    assert live.claimed(now=morning, message_id="m1") is None
    assert live.claimed(now=morning).message_id == "m3"


def test_deliveries_are_told_apart_from_messages(state):
    live = Live(state)
    live.send(message(), mark="1")
    live.send(message("m2", channel="email", target="a@example.org"), mark="2")
    live.send(message("m3", target=""), mark="3")
    assert [m.message_id for m in live.messages(tenant="t")] == ["m2", "m3"]
    assert [m.message_id for m in live.messages(tenant="t", to="w1")] == ["m1"]


def test_webhooks_are_of_their_tenant_and_their_secret_is_rotated_by_one(state):
    webhooks = Webhooks(state)
    webhooks.add(Webhook(webhook_id="w1", tenant="t", url="https://example.org/x", events=("run.finished",), created_at=NOON, made_by="k"))
    assert webhooks.one("w1", tenant="other") is None
    assert webhooks.all(tenant="other") == []
    assert (webhooks.failed("w1"), webhooks.failed("w1")) == (1, 2)
    assert webhooks.rotate("w1", seen=1, now=NOON, old_until=NOON)
    assert not webhooks.rotate("w1", seen=1, now=NOON, old_until=None)
    assert (webhooks.one("w1").revision, webhooks.one("w1").enabled) == (2, True)
    webhooks.adjust("w1", disabled_at=NOON, disabled_why="failures")
    assert not webhooks.one("w1").enabled
    webhooks.adjust("w1", removed_at=NOON)
    assert webhooks.one("w1") is None


def test_what_was_over_long_ago_is_forgotten(state):
    alerts, live, day = Alerts(state), Live(state), dt.timedelta(days=1)
    alerts.add(occurrence(), OPENED)
    alerts.change(occurrence(), occurrence(revision=2, state="resolved", resolved_at=NOON), Happening(NOON, "k", "resolved"))
    alerts.add(occurrence("b", "g"), OPENED)
    live.send(message("m1"), mark="1")
    live.sent(live.claimed(now=NOON), now=NOON)
    live.send(message("m2"), mark="2")
    assert (alerts.forget(before=NOON), live.forget(before=NOON)) == (0, 0)
    assert (alerts.forget(before=NOON + day), live.forget(before=NOON + day)) == (1, 1)
    assert (alerts.one("a1"), alerts.history("a1"), live.attempts("m1")) == (None, [], [])
    assert alerts.one("b") is not None
    assert live.message("m2", tenant="t") is not None, "it still waits"
