"""What people keep has versions; what happens is told once; a message goes out once and is tried again when it did not."""

import datetime as dt

import pytest

from seeding_platform.storage.kept import Kept, VersionConflict
from seeding_platform.storage.live import RETRY_AFTER_S, Live, Message
from seeding_platform.storage.state import State

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


@pytest.fixture
def state(database_url):
    with State.open(database_url) as state:
        yield state


def message(name: str = "m1") -> Message:
    return Message(message_id=name, tenant="t", channel="email", target="a@example.org", subject="s", body="b", created_at=NOON)


def test_every_version_stays_and_a_removed_thing_is_gone(state):
    kept = Kept(state)
    first = kept.add("alert", {"value": 40}, tenant="t", actor="k1", item_id="i1", now=NOON)
    second = kept.change(first, {"value": 41}, actor="k2", now=NOON)
    assert kept.one("i1", tenant="t").body == {"value": 41}
    assert [i.item_id for i in kept.all("alert", tenant="t")] == ["i1"]
    kept.change(second, None, actor="k3", now=NOON)
    assert kept.one("i1", tenant="t") is None
    assert kept.all("alert") == []
    assert [(i.version, i.body, i.actor) for i in kept.history("i1", tenant="t")] == [
        (1, {"value": 40}, "k1"),
        (2, {"value": 41}, "k2"),
        (3, None, "k3"),
    ]


def test_two_who_change_the_same_version_do_not_overwrite_each_other(state):
    kept = Kept(state)
    first = kept.add("alert", {"value": 40}, tenant="t", actor="k", item_id="i1", now=NOON)
    kept.change(first, {"value": 41}, actor="k", now=NOON)
    with pytest.raises(VersionConflict) as conflict:
        kept.change(first, {"value": 42}, actor="k", now=NOON)
    assert conflict.value.version == 2
    assert kept.one("i1", tenant="t").body == {"value": 41}


def test_a_thing_of_another_tenant_is_not_there(state):
    kept = Kept(state)
    kept.add("alert", {"value": 40}, tenant="t", actor="k", item_id="i1", now=NOON)
    assert kept.one("i1", tenant="other") is None
    assert kept.history("i1", tenant="other") == []
    assert kept.all("alert", tenant="other") == []


def test_an_event_is_told_once_and_read_from_where_one_was(state):
    live = Live(state)
    assert live.tell("run", "r1:started", {"n": 1}, now=NOON)
    assert not live.tell("run", "r1:started", {"n": 1}, now=NOON)
    assert live.tell("snapshot", "s1", {"n": 2}, now=NOON, tenant="other")
    assert live.tell("run", "r1:ended", {"n": 3}, now=NOON)
    mine = live.after(0, tenant="t")
    assert [(e.kind, e.body["n"]) for e in mine] == [("run", 1), ("run", 3)]
    assert [e.body["n"] for e in live.after(mine[0].seq, tenant="t")] == [3]
    assert live.newest() == mine[-1].seq
    live.tell("run", "r2", {"n": 4}, now=NOON + dt.timedelta(days=3))
    assert [e.body["n"] for e in live.after(0, tenant="t")] == [4]


def test_a_message_goes_out_once_and_is_held_while_somebody_sends_it(state):
    live = Live(state)
    assert live.send(message(), mark="alert:1")
    assert not live.send(message("m2"), mark="alert:1")
    claimed = live.claimed(now=NOON)
    assert claimed.message_id == "m1"
    assert live.claimed(now=NOON) is None
    live.sent(claimed, now=NOON)
    assert live.claimed(now=NOON + dt.timedelta(days=30)) is None
    assert live.messages(tenant="t")[0].sent_at == NOON


def test_a_message_that_failed_is_tried_again_and_given_up_at_last(state):
    live = Live(state)
    live.send(message(), mark="alert:1")
    now, tries = NOON, 0
    while (claimed := live.claimed(now=now)) is not None:
        live.failed(claimed, "no route to host", now=now)
        tries += 1
        now += dt.timedelta(days=2)
    (left,) = live.messages(tenant="t")
    assert tries == left.attempts == len(RETRY_AFTER_S) + 1
    assert left.next_at is None
    assert left.sent_at is None
    assert left.error == "no route to host"
