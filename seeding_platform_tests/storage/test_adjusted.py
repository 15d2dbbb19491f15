"""Adjusted values: validated, versioned, by scope, with a way back."""

import datetime as dt

import pytest
from pydantic import BaseModel, ConfigDict, Field

from seeding_platform.catalog.adjustable import Adjustable
from seeding_platform.errors import ConfigError
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.kept import VersionConflict
from seeding_platform.storage.state import State

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


class Limits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    low: float = Field(0.5, ge=0, le=1)
    high: float = Field(0.9, ge=0, le=1)


BY_TABLE = Adjustable("test.limits", Limits, "Limits.", scopes="table")
ONE = Adjustable("test.one", Limits, "Limits.")
BY = {"actor": "k", "reason": "a test", "now": NOW}


@pytest.fixture
def store(database_url):
    with State.open(database_url) as state:
        yield Adjusted(state)


def test_nobody_has_adjusted_it(store):
    assert store.value(BY_TABLE, "orders") == Limits()
    assert (store.current(BY_TABLE).number, store.history(BY_TABLE), store.scopes(BY_TABLE)) == (0, [], [])


def test_a_narrower_scope_takes_the_place_of_single_fields(store):
    store.change(BY_TABLE, {"low": 0.2, "high": 0.8}, **BY)
    made = store.change(BY_TABLE, {"low": 0.1}, scope="orders", **BY)
    assert store.value(BY_TABLE, "orders") == Limits(low=0.1, high=0.8)
    assert store.value(BY_TABLE, "posts") == Limits(low=0.2, high=0.8)
    assert (made.number, made.actor, made.reason, made.written_at) == (1, "k", "a test", NOW)
    assert store.scopes(BY_TABLE) == ["", "orders"]


def test_every_version_stays_and_one_may_return(store):
    store.change(ONE, {"low": 0.1}, **BY)
    store.change(ONE, {"low": 0.2}, **BY)
    assert store.back(ONE, 1, **BY).number == 3
    assert store.value(ONE) == Limits(low=0.1)
    store.back(ONE, 0, **BY)
    assert store.value(ONE) == Limits()
    assert [dict(v.values) for v in store.history(ONE)] == [{"low": 0.1}, {"low": 0.2}, {"low": 0.1}, {}]


@pytest.mark.parametrize("values", [{"low": 2}, {"middle": 0.5}, {"low": "much"}])
def test_what_is_not_allowed_changes_nothing(store, values):
    with pytest.raises(ConfigError, match=r"test\.one"):
        store.change(ONE, values, **BY)
    assert store.history(ONE) == []


def test_who_comes_second_is_told(store):
    store.change(ONE, {"low": 0.1}, seen=0, **BY)
    with pytest.raises(VersionConflict):
        store.change(ONE, {"low": 0.2}, seen=0, **BY)
    assert store.value(ONE) == Limits(low=0.1)


def test_a_scope_or_version_that_there_is_not(store):
    with pytest.raises(ConfigError, match="whole installation"):
        store.change(ONE, {"low": 0.1}, scope="orders", **BY)
    with pytest.raises(ConfigError, match="no version 7"):
        store.back(ONE, 7, **BY)
