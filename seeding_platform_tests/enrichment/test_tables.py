"""Enriched tables brought up to date by what has moved are those that the whole state makes, on each database."""

import datetime as dt

import pytest

from seeding_platform.enrichment.tables import OVERLAP, brought_up_to_date, enriched_frames
from seeding_platform.storage.enrichment.states import Record, Stage
from seeding_platform_tests.enrichment.test_refreshing import NOW, house, taken

__all__ = ["house"]


def alike(one, other):
    return one.keys() == other.keys() and all(one[name].equals(other[name]) for name in other)


def test_what_has_moved_takes_the_place_of_what_was_told(house):
    taken(house, "a", "b", "c")
    order = Record(tenant="acme", record_type="order", record_id="a", payload={}, input_hash="h")
    house.store.intake([order], now=NOW)
    house.worked()
    before, built_at = enriched_frames(house.bench.state), house.bench.now()
    assert before["order_analysis"].height == before["action_ledger"].height == 4
    assert alike(brought_up_to_date(house.bench.state, before, built_at=built_at), before)
    house.bench.at += 2 * OVERLAP
    taken(house, "d")
    house.store.again("acme", ("exception", "b"), stage=Stage.CLASSIFICATION, now=house.bench.now())
    house.store.cancel("acme", records=[("exception", "b")], reason="test", now=house.bench.now())
    house.worked()
    found = brought_up_to_date(house.bench.state, before, built_at=built_at)
    assert alike(found, enriched_frames(house.bench.state))
    assert not alike(found, before)


@pytest.mark.parametrize("hours", [0, 30])
def test_tables_that_are_not_those_of_the_state_are_not_brought_up_to_date(house, hours):
    taken(house, "a", "b")
    house.worked()
    before = enriched_frames(house.bench.state)
    less = {**before, "exception_records": before["exception_records"].head(1)}
    built_at = house.bench.now() + dt.timedelta(hours=hours)
    found = brought_up_to_date(house.bench.state, less, built_at=built_at)
    assert (found is None) == bool(hours), "what was read again is there; what is missing without having moved is found out"
