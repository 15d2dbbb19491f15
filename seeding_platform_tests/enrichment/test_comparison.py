"""Beside others: only who shares sees anything, nobody is named, and few are no crowd."""

import dataclasses
import datetime as dt

import pytest

from seeding_platform.enrichment.comparison import beside_others, share, sharing
from seeding_platform.enrichment.exposition import exposition
from seeding_platform.enrichment.measures import Metric
from seeding_platform.storage.enrichment.measurements import Measurement
from seeding_platform.storage.kept import Kept
from seeding_platform.storage.state import State
from seeding_platform_tests.enrichment.rows import NOW


def made(tenant, metric, value, n=100, **detail):
    return Measurement(tenant=tenant, metric=metric, at=NOW, value=value, n=n, detail=detail)


def newest(values, metric=Metric.QUALITY, **more):
    return {t: {metric: made(t, metric, v, **more)} for t, v in values.items()}


SIX = dict(zip("abcdef", (91.2, 80.3, 82.4, 84.1, 86.8, 88.9), strict=True))


def test_quartiles_of_the_others_in_whole_steps():
    (one,) = beside_others("a", newest(SIX), set(SIX))
    assert (one.own, one.others, one.low, one.middle, one.high, one.place) == (91.2, 5, 82, 84, 87, "best")
    assert beside_others("b", newest(SIX), set(SIX))[0].place == "worst"
    told = str([dataclasses.astuple(o) for o in beside_others("c", newest(SIX), set(SIX))])
    assert not any(f"{v}" in told for t, v in SIX.items() if t != "c")
    (failing,) = beside_others("a", newest({t: 100 - v for t, v in SIX.items()}, Metric.FAILURE_DAY), set(SIX))
    assert failing.place == "best"  # it fails least


def test_no_comparison_with_few_or_without_sharing():
    assert beside_others("a", newest(SIX), set(SIX) - {"a"}) == []
    assert beside_others("a", newest(SIX), set(SIX) - {"f"}) == []
    assert beside_others("a", newest(SIX) | newest({"f": 1.0}, n=49), set(SIX)) == []
    assert beside_others("a", newest(SIX) | newest({"f": None}), set(SIX)) == []


@pytest.fixture
def state(database_url):
    with State.open(database_url) as state:
        yield state


def test_sharing_is_off_until_somebody_turns_it_on(state):
    share(state, "a", on=False, actor="ann", now=NOW)
    assert sharing(state) == frozenset()
    share(state, "a", on=True, actor="ann", now=NOW)
    share(state, "b", on=True, actor="bob", now=NOW)
    share(state, "a", on=True, actor="cid", now=NOW)
    assert sharing(state) == {"a", "b"}
    share(state, "a", on=False, actor="ann", now=NOW + dt.timedelta(days=1))
    assert sharing(state) == {"b"}
    told = Kept(state).history("enrichment-sharing:a", tenant="a")
    assert [(i.version, i.body["shared"], i.actor) for i in told] == [(1, True, "ann"), (2, False, "ann")]


def test_what_a_scraper_reads():
    told = {
        "a": {Metric.COMPLETENESS: made("a", Metric.COMPLETENESS, 98.5), Metric.FAILURE: made("a", Metric.FAILURE, None, n=0)},
        'b"x': {Metric.CONFIDENCE: made("b", Metric.CONFIDENCE, 0.9, histogram=[0] * 9 + [7], ece=0.04)},
    }
    lines = exposition(told).splitlines()
    assert 'enrichment_completeness_rate{tenant="a"} 98.5' in lines
    assert "# TYPE enrichment_completeness_rate gauge" in lines
    assert 'ai_confidence_distribution{tenant="b\\"x",bin="0.9-1.0"} 7' in lines
    assert 'ai_confidence_calibration_error{tenant="b\\"x"} 0.04' in lines
    assert not any("failure" in line for line in lines)  # nothing was measured: no 0 in its place
    assert f'enrichment_measured_timestamp_seconds{{tenant="a"}} {NOW.timestamp():.3f}' in lines
    assert exposition({}) == ""
