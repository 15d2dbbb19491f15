"""What a new version, a schedule or the recovery of a provider brings back, over a whole house on each database."""

import dataclasses
import datetime as dt
import random
from types import SimpleNamespace

import pytest

from seeding_platform.enrichment.house import House
from seeding_platform.enrichment.settings import RETRIES
from seeding_platform.settings import Settings
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.enrichment.breakers import BreakerRow, Breakers
from seeding_platform.storage.enrichment.states import ErrorClass, Failed, Record, Stage
from seeding_platform.storage.live import Live
from seeding_platform.storage.state import State
from seeding_platform_tests.enrichment.test_working import Scripted, answer

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


class Desk(SimpleNamespace):
    """What a house needs of a bench, with a clock that stands."""

    def now(self):
        return self.at


@pytest.fixture
def house(database_url, tmp_path):
    settings = Settings(state=tmp_path / "state", lake=tmp_path / "lake", landing=tmp_path / "landing")
    with State.open(database_url) as state:
        yield House(Desk(settings=settings, state=state, adjusted=Adjusted(state), at=NOW), random.Random(1), "w", provider=lambda _: Scripted())


def taken(house, *names, tenant="acme"):
    facts = {"description": "it is late", "order": None}
    records = [Record(tenant=tenant, record_type="exception", record_id=n, payload=facts, input_hash="h") for n in names]
    house.store.intake(records, now=house.bench.now())


def adjust(house, **values):
    told = house.bench.adjusted.told(RETRIES) | values
    house.bench.adjusted.change(RETRIES, told, scope="", actor="k", reason="test", now=house.bench.now())


def killed(house, error=ErrorClass.TRANSIENT):
    """Let everything that is due in the first stage die."""
    claims = house.store.claim(Stage.ORDER_ANALYSIS, owner="w", limit=10, lease=MINUTE, now=house.bench.now())
    house.store.fail([Failed(ref=c.ref, fence=c.fence, error=error, message="no answer", due_at=None) for c in claims], now=house.bench.now())


def dead(house):
    return sum(c.dead for c in house.store.counts(now=house.bench.now()))


def breaker(house, state):
    row = BreakerRow(state, "", None if state == "closed" else house.bench.now(), 0, house.bench.now())
    Breakers(house.bench.state).changed("openai", lambda _: row, now=house.bench.now())


def test_a_pass_is_told_to_the_pages_of_those_whose_records_moved(house):
    taken(house, "a", "b")
    assert house.worked().moved == {"acme": 6}
    [event] = Live(house.bench.state).after(0, tenant="acme")
    assert (event.kind, event.body) == ("enrichment", {"event": "pass", "moved": 6})
    house.worked()
    assert len(Live(house.bench.state).after(0, tenant="acme")) == 1
    assert Live(house.bench.state).after(0, tenant="other") == []


def test_what_died_of_an_outage_is_tried_again_once_when_it_is_over(house):
    taken(house, "a", "b")
    killed(house)
    breaker(house, "closed")
    assert house.refreshed() == []  # no outage, no recovery
    assert dead(house) == 2
    breaker(house, "open")
    assert house.refreshed() == []
    breaker(house, "half_open")
    assert house.refreshed() == []
    breaker(house, "closed")
    assert house.refreshed() == ["openai answers again: 2 dead letters are tried again"]
    killed(house)
    assert house.refreshed() == []
    assert dead(house) == 2
    breaker(house, "open")
    house.refreshed()
    breaker(house, "closed")
    assert "2 dead letters" in house.refreshed()[0]


def test_a_recovery_brings_back_neither_what_no_answer_can_mend_nor_anything_where_people_do_not_want_it(house):
    taken(house, "a")
    killed(house, ErrorClass.CONTENT_PERMANENT)
    breaker(house, "open")
    house.refreshed()
    breaker(house, "closed")
    assert house.refreshed() == ["openai answers again: 0 dead letters are tried again"]
    adjust(house, redrive_after_recovery=False)
    taken(house, "b")
    killed(house)
    breaker(house, "open")
    house.refreshed()
    breaker(house, "closed")
    assert house.refreshed() == ["openai answers again: 0 dead letters are tried again"]
    assert dead(house) == 2


def unsure(question):
    return answer(question, confidence=0.4)


def test_an_unsure_answer_is_asked_for_on_the_clock_only_where_that_is_set_and_only_so_often(house):
    provider = Scripted(does={(Stage.CLASSIFICATION, "a"): unsure})
    house = dataclasses.replace(house, provider=lambda _: provider)
    taken(house, "a")
    house.worked()
    assert house.done_again() == 0
    adjust(house, low_confidence_retry="always", most_reasks=2)
    for expected in (1, 1, 0):
        assert house.done_again() == expected
        house.worked()
    assert sum(1 for stage, _, _ in provider.asked if stage == Stage.CLASSIFICATION) == 3
    house.bench.at += dt.timedelta(hours=25)
    assert [r.record_id for r in house.store.reviews("acme", now=house.bench.now(), limit=5)] == ["a"]
