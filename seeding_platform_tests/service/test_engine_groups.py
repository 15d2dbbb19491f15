"""Groups of engines that pull and engines that are pushed to: all use what is new, or none does, however each of them hears of it."""

import datetime as dt
import itertools
import json

import pytest

from seeding_platform.distribution.bundle import _alone
from seeding_platform.distribution.client import EngineClient, Refused
from seeding_platform.distribution.delivery import groups
from seeding_platform.distribution.delivery.putting_back import together
from seeding_platform.distribution.delivery.standing import registered, taken_away
from seeding_platform.distribution.delivery.worker import Worker
from seeding_platform.distribution.rules import GROUPS
from seeding_platform.distribution.signers import signer_of
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.delivery.groups import Groups
from seeding_platform.storage.delivery.records import DeliveryState, EndpointKind
from seeding_platform_tests.distribution.delivery.receiver import Receiver
from seeding_platform_tests.distribution.test_bundle import build
from seeding_platform_tests.service.conftest import NOW
from seeding_platform_tests.service.served import served

PULLED, PUSHED, TENANT = "content_performance_ml", "optimization", "t1"


class Mixed:
    """An engine that pulls and one that is pushed to; both use their first generation, and a second is on its way to both."""

    def __init__(self, service, url, folder, *, first=True):
        self.service, self.inside = service, service.app.state.service
        self.ahead = dt.timedelta()
        object.__setattr__(self.inside, "now", lambda: dt.datetime.now(dt.UTC) + self.ahead)
        object.__setattr__(self.inside, "settings", self.inside.settings.model_copy(update={"private_addresses": True}))
        self.publisher = self.inside.delivering.publisher
        self.key = self.inside.api.create_key(
            role=Role.VIEWER, tenant=TENANT, label="engine", secret="s", key_id="engine1", now=NOW, grants=[f"engine:{PULLED}"]
        )
        self.worker = Worker(self.inside.delivering.courier, "w", self.inside.now)
        self.receiver = Receiver(clock=self.inside.now)
        _, self.receiver.secret = registered(
            self.publisher, TENANT, PUSHED, kind=EndpointKind.HTTP, target=self.receiver.url, endpoint_id="ep_1", actor="t", now=self.inside.now(),
            private=True,
        )  # fmt: skip
        signer = signer_of(self.inside.state, self.inside.trail.keys, now=self.inside.now())
        for engine in (PULLED, PUSHED):
            build(self.inside.settings.bundles, engine, signer=signer)
        self.client = EngineClient(url, self.key, PULLED, trusted={}, folder=folder, now=self.inside.now, sleep=lambda _: None)
        self.client.trusted = self.client.published_keys()
        if first:
            for engine in (PULLED, PUSHED):
                self.publisher.published(TENANT, engine, now=self.inside.now())
            self.client.acknowledge(self.client.pull())
            self.settle()
        self.seq = self.publisher.events.span()[1]

    def change(self):
        return together(self.publisher, TENANT, [PULLED, PUSHED], group_id="g", reason="one change", actor="p", now=self.inside.now())

    def begin(self):
        """The first generation of both, as one."""
        told = {"groups": [{"id": "pair", "engines": [PULLED, PUSHED]}]}
        Adjusted(self.inside.state).change(GROUPS, told, actor="k", reason="a test", now=self.inside.now())
        self.publisher.published(TENANT, PULLED, now=self.inside.now())

    def settle(self):
        for _ in range(20):
            if not self.worker.round():
                return
        raise AssertionError("it never settles")

    def decide(self, *, after=0):
        self.ahead = dt.timedelta(seconds=after)
        decided = groups.moved_on(self.publisher, now=self.inside.now())
        self.settle()
        return decided

    def heard(self, number):
        told = self.client.subscribe(since=self.seq)
        found = [(e.kind, e.generation) for e in itertools.islice(told, number)]
        told.close()
        return found

    def in_use(self):
        held, pushed = self.client.current(TENANT), self.receiver.active
        return held and held.generation, pushed and pushed.generation

    def states(self, generation):
        return {d.engine: d.state for d in self.publisher.queue.some(tenant=TENANT, generation=generation)}

    def socket_heard(self, number):
        with self.service.websocket_connect("/api/v1/engines/stream", headers={"Authorization": f"Bearer {self.key}"}) as socket:
            socket.send_text(json.dumps({"engines": [PULLED], "since": self.seq}))
            return [(e["event"], e["generation"]) for e in (socket.receive_json() for _ in range(number))]


@pytest.fixture
def url(service):
    with served(service.app) as found:
        yield found
        service.app.state.service.delivering.bulletin.close()


@pytest.fixture
def mixed(service, url, tmp_path):
    made = Mixed(service, url, tmp_path / "engine")
    yield made
    made.client.close()
    made.receiver.close()


@pytest.fixture
def first(service, url, tmp_path):
    """The same before any generation."""
    made = Mixed(service, url, tmp_path / "engine", first=False)
    yield made
    made.client.close()
    made.receiver.close()


def test_all_of_them_use_it_once_all_have_it(mixed):
    mixed.change()
    bundle = mixed.client.pull()
    assert mixed.client.acknowledge(bundle, "prepared") == 2
    with pytest.raises(Refused) as early:
        mixed.client.acknowledge(bundle)
    assert early.value.code == "group-waits"
    assert mixed.decide() == 0, "the one that is pushed to has not got it"
    assert mixed.in_use() == (1, 1)
    assert mixed.decide() == 1
    assert mixed.heard(2) == mixed.socket_heard(2) == [("release", 2), ("activate", 2)]
    assert mixed.client.acknowledge(mixed.client.activate(bundle)) == 2
    assert mixed.in_use() == (2, 2)
    assert set(mixed.states(2).values()) == {"acknowledged"}


def test_one_that_asks_from_time_to_time_learns_what_was_decided(mixed):
    mixed.change()
    bundle = mixed.client.pull()
    assert (bundle.waits, mixed.client.latest().decided) == (True, None)
    mixed.client.acknowledge(bundle, "prepared")
    mixed.settle()
    mixed.decide()
    assert mixed.client.latest().decided == "activate"
    now = mixed.client.pull()
    assert (now.generation, now.waits, mixed.in_use()) == (2, False, (2, 2))
    assert mixed.client.acknowledge(now) == 2


def test_one_that_comes_when_it_was_decided_takes_it_at_once(mixed, url, tmp_path):
    mixed.change()
    mixed.client.acknowledge(mixed.client.pull(), "prepared")
    mixed.settle()
    mixed.decide()
    other = EngineClient(url, mixed.key, PULLED, trusted=mixed.client.trusted, folder=tmp_path / "b", receiver="second", now=mixed.inside.now)
    bundle = other.pull()
    assert (bundle.waits, other.acknowledge(bundle)) == (False, 2)
    other.close()


@pytest.mark.parametrize("way", ["events", "socket", "asks"])
def test_when_one_that_is_pushed_to_refuses_who_pulls_never_uses_it(mixed, way):
    mixed.change()
    mixed.receiver.wrong = "refuse"
    bundle = mixed.client.pull()
    mixed.client.acknowledge(bundle, "prepared")
    mixed.settle()
    mixed.receiver.wrong = ""
    assert mixed.decide() == 1
    assert mixed.states(2) == {PULLED: "aborted", PUSHED: "dead"}
    if way == "events":
        assert mixed.heard(3) == [("release", 2), ("abort", 2), ("release", 3)]
        with pytest.raises(Refused) as stopped:
            mixed.client.activate(bundle)
        assert stopped.value.code == "not-prepared"
    elif way == "socket":
        assert mixed.socket_heard(3) == [("release", 2), ("abort", 2), ("release", 3)]
        mixed.client.abort(TENANT, 2, bundle.content_id)
    with pytest.raises(Refused) as late:
        mixed.client.acknowledge(bundle)
    assert late.value.code == "generation-stale"
    assert mixed.in_use() == (1, 3)
    back = mixed.client.pull()
    assert (back.generation, back.waits, back.content_id) == (3, False, mixed.publisher.ledger.one(TENANT, PULLED, 1).content_id)
    assert mixed.client.acknowledge(back) == 3
    assert mixed.receiver.applied == [1, 3]


@pytest.mark.parametrize("how", ["a bundle", "a release"])
def test_when_one_that_pulls_refuses_who_is_pushed_to_never_uses_it(mixed, how):
    mixed.change()
    mixed.settle()
    assert mixed.states(2)[PUSHED] == "prepared"
    told = mixed.client.pull() if how == "a bundle" else mixed.client.latest().release
    assert mixed.client.acknowledge(told, "refused", code="validation-failed", title="column x: unknown") == 2
    assert mixed.decide() == 1
    assert "POST /v1/abort" in mixed.receiver.asked
    assert mixed.receiver.applied == [1, 3]
    assert mixed.states(2) == {PULLED: "dead", PUSHED: "aborted"}
    assert mixed.client.pull().generation == 3


def test_a_refusal_needs_no_words(mixed):
    mixed.change()
    assert mixed.client.acknowledge(mixed.client.pull(), "refused") == 2
    assert mixed.publisher.queue.some(tenant=TENANT, engine=PULLED, generation=2)[0].error == "refused"


def test_who_pulls_and_says_nothing_stops_the_group_when_time_is_over(mixed):
    mixed.change()
    mixed.settle()
    assert mixed.decide(after=290) == 0
    assert mixed.decide(after=301) == 1
    assert (mixed.in_use()[1], mixed.states(2)) == (3, {PULLED: "aborted", PUSHED: "aborted"})
    assert mixed.client.pull().generation == 3


def test_an_address_that_was_taken_away_is_not_waited_for(mixed):
    mixed.change()
    mixed.client.acknowledge(mixed.client.pull(), "prepared")
    taken_away(mixed.publisher, mixed.publisher.endpoints.one("ep_1"), now=mixed.inside.now())
    assert mixed.decide() == 1
    assert (mixed.client.pull().generation, mixed.in_use()[0]) == (2, 2)


def test_a_kill_between_the_decision_and_the_way_back_is_made_good(mixed, monkeypatch):
    mixed.change()
    mixed.receiver.wrong = "refuse"
    mixed.settle()
    mixed.receiver.wrong = ""
    with monkeypatch.context() as killed:
        killed.setattr(groups, "rolled_back", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            mixed.decide()
    assert mixed.client.latest().release.generation == 2
    assert mixed.decide() == 0
    assert (mixed.client.pull().generation, mixed.in_use()) == (3, (3, 3))


def test_a_bundle_that_is_just_made_only_delays_the_way_back(mixed, monkeypatch):
    mixed.change()
    mixed.receiver.wrong = "refuse"
    mixed.settle()
    mixed.receiver.wrong = ""
    with _alone(mixed.inside.settings.bundles / TENANT / PULLED):
        mixed.decide()
        assert [mixed.publisher.ledger.newest(TENANT, e).generation for e in (PULLED, PUSHED)] == [2, 3]
    mixed.decide()
    assert [mixed.publisher.ledger.newest(TENANT, e).generation for e in (PULLED, PUSHED)] == [3, 3]


def test_where_there_is_nothing_to_go_back_to_it_is_never_used(first):
    first.begin()
    first.receiver.wrong = "refuse"
    bundle = first.client.pull()
    assert bundle.waits
    first.settle()
    assert (first.decide(), first.decide()) == (1, 0)
    assert {g.state for g in first.publisher.ledger.heads(TENANT)} == {"rolled_back"}
    for state in ("prepared", "active"):
        with pytest.raises(Refused) as stopped:
            first.client.acknowledge(bundle, state)
        assert stopped.value.code == "group-stopped"
    with pytest.raises(Refused) as gone:
        first.client.activate(bundle)
    assert gone.value.code == "not-prepared"
    assert first.client.latest().decided == "abort"
    with pytest.raises(Refused, match="was stopped"):
        first.client.pull()
    assert first.in_use() == (None, None)
    assert first.publisher.queue.some(states=[DeliveryState.PREPARED, DeliveryState.WAITING]) == []


def test_who_is_preparing_while_the_group_is_stopped_is_told_all_the_same(first):
    first.begin()
    group, real = first.publisher.ledger.newest(TENANT, PUSHED).group_id, first.receiver.prepare

    def meanwhile(told):
        Groups(first.inside.state).decided(TENANT, group, go=False, reason="group-stopped: a test", now=first.inside.now())
        return real(told)

    first.receiver.prepare = meanwhile
    first.settle()
    assert first.receiver.asked[-1] == "POST /v1/abort"
    assert first.states(1)[PUSHED] == "aborted"
    assert first.receiver.applied == []
