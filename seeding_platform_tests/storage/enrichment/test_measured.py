"""Counts over the tables of enrichment and the history of measurements, on both databases."""

import datetime as dt

import pytest

from seeding_platform.storage.enrichment import schema
from seeding_platform.storage.enrichment.measured import Judged, Measured, Paired
from seeding_platform.storage.enrichment.measurements import Measurement, Measurements
from seeding_platform.storage.state import State
from seeding_platform_tests.enrichment.rows import HOUR, NOW, attempt, fill, label, put, record

DAY = 24 * HOUR


@pytest.fixture
def state(database_url):
    with State.open(database_url) as state:
        yield state


def test_counts_of_one_tenant(state):
    fill(state)
    fill(state, tenant="other")
    m = Measured(state)
    assert m.tenants() == ["other", "t"]
    assert m.completeness("t", after=NOW - 99 * HOUR, until=NOW - DAY) == (94, 100, 94, 100)
    assert m.completeness("t", after=NOW - 47 * HOUR, until=NOW) == (0, 20, 94, 120)
    assert m.completeness("nobody", after=NOW - DAY, until=NOW) == (0, 0, 0, 0)
    assert m.in_time("t", after=NOW - 99 * HOUR, until=NOW - DAY, within=DAY) == (0, 100)
    assert m.in_time("t", after=NOW - 99 * HOUR, until=NOW - DAY, within=28 * HOUR) == (64, 100)
    assert m.in_time("t", after=NOW - 99 * HOUR, until=NOW, within=48 * HOUR) == (94, 120)
    waiting = m.waiting("t", now=NOW)
    assert (waiting.records, waiting.due) == (23, 22)  # a dead record's later stages wait for nobody
    assert waiting.oldest_due_at == NOW - 2 * HOUR
    assert m.waiting("nobody", now=NOW).oldest_due_at is None
    counts = {c.stage: c for c in m.by_stage("t", now=NOW)}
    classified = counts["exception_classification"]
    assert (classified.completed, classified.dead, classified.due, classified.gated, classified.skipped) == (94, 3, 23, 20, 1)
    for c in counts.values():
        assert c.ingested == c.completed + c.skipped + c.dead + c.due + c.leased
    assert counts["order_analysis"].oldest_due_at == NOW - 0.2 * HOUR
    assert m.ended("t", after=NOW - DAY, until=NOW) == (94, 3)
    assert m.ended("t", after=NOW - HOUR, until=NOW) == (30, 0)
    assert m.unowned_dead("t") == 3
    assert m.held("t", after=NOW - HOUR, until=NOW) == [30.0] * 30
    assert m.through("t", after=NOW - HOUR, until=NOW) == [47.5 * 3600] * 30
    assert [c.ingested for c in m.by_stage("nobody", now=NOW)] == [0, 0, 0]


def test_attempts_answers_and_hours(state):
    fill(state)
    put(state, schema.attempts, [attempt("r000", "completed", fence=9, confidence=1.0, label="late", provider="human")])
    put(state, schema.attempts, [attempt("r001", "completed", fence=9, confidence=0.7, label="late", hours=30)])
    m = Measured(state)
    tried = {(t.stage, t.outcome, t.error): t for t in m.tried("t", after=NOW - DAY, until=NOW)}
    assert tried["exception_classification", "failed", "transient"].n == 6
    assert tried["order_analysis", "failed", "provider_down"].n == 20
    done = tried["exception_classification", "completed", ""]
    assert (done.n, done.took_ms, done.tokens, done.cached) == (95, 19_000, 950, 0)
    answered = m.answered("t", after=NOW - DAY, until=NOW, bar=0.7)
    assert answered.histogram == (0, 0, 0, 0, 0, 4, 0, 0, 0, 90)  # a person is no machine
    assert (answered.high, dict(answered.labels)) == (90, {"late": 47, "lost": 47})
    assert answered.total == pytest.approx(90 * 0.95 + 4 * 0.55)
    assert m.answered("t", after=NOW - 31 * HOUR, until=NOW - DAY, bar=0.7).histogram[7] == 1  # an edge belongs above, as a bar does
    assert m.answered("nobody", after=NOW - DAY, until=NOW, bar=0.7).n == 0
    hours = m.by_hour("t", until=NOW, hours=3)
    assert hours == [(0, 0), (0, 0), (20, 30)]


def test_labels_agreement_and_spending(state):
    put(state, schema.labels, [label("a", "late"), label("b", "lost"), label("c", "lost", machine=None), label("d", "late", hours=3000)])
    put(state, schema.labels, [label("a", "late", actor="bob"), label("b", "late", actor="bob")])
    put(state, schema.labels, [label("a", "lost", actor="bob", tenant="other")])
    put(
        state,
        schema.spending,
        [{"tenant": "t", "day": dt.date(2026, 11, d), "provider": "p", "calls": 2, "tokens": 9, "cost": 0.5} for d in (22, 23)],
    )
    m = Measured(state)
    found = m.judged("t", after=NOW - 30 * DAY, until=NOW)
    assert sorted(j.right for j in found) == [False, True, True, True]
    assert found[0] == Judged(0.9, True, "sample")
    assert m.agreement("t", after=NOW - DAY, until=NOW) == (1, 2)
    assert m.spent("t", first=dt.date(2026, 11, 23), last=dt.date(2026, 11, 24)) == [("p", 2, 9, 0.5)]


def test_records_that_two_versions_answered(state):
    put(state, schema.records, [record(r) for r in "abcd"])
    put(state, schema.attempts, [attempt(r, "completed", fence=1, label="late", confidence=0.8) for r in "abcd"])
    new = {"model_version": "m2", "fence": 2}
    put(state, schema.attempts, [attempt(r, "completed", label="lost", confidence=0.6, **new) for r in "abc"])
    put(state, schema.attempts, [attempt("d", "completed", label="lost", confidence=0.6, hours=50, **new)])  # of an input that has changed since
    put(state, schema.labels, [label(r, "lost") for r in "abd"])
    found = Measured(state).paired("t", ("m", "1"), ("m2", "1"), after=NOW - 100 * HOUR)
    assert found == [Paired(r, ("late", 0.8), ("lost", 0.6), "lost") for r in "ab"]


def made(at, metric="x", tenant="t", value=1.0):
    return Measurement(tenant=tenant, metric=metric, at=at, value=value, n=3, detail={"a": [1]})


def test_measurements_are_kept_once_and_read_again(state):
    kept = Measurements(state)
    assert kept.keep([made(NOW), made(NOW - HOUR), made(NOW, metric="y", value=None), made(NOW, tenant="u")]) == 4
    assert kept.keep([made(NOW, value=9.0)]) == 0
    assert kept.newest("t") == {"t": {"x": made(NOW), "y": made(NOW, metric="y", value=None)}}
    assert sorted(kept.newest()) == ["t", "u"]
    assert kept.since("t", NOW - 2 * HOUR) == {"x": [made(NOW - HOUR), made(NOW)], "y": [made(NOW, metric="y", value=None)]}
    assert kept.since("t", NOW - HOUR, metrics=["x"]) == {"x": [made(NOW)]}
    assert kept.since("t", NOW - 2 * HOUR, until=NOW - HOUR) == {"x": [made(NOW - HOUR)]}


def test_old_measurements_are_thinned(state):
    kept = Measurements(state)
    minutes = [dt.timedelta(minutes=20 * i) for i in range(6)]
    ages = [dt.timedelta(days=1), dt.timedelta(days=10), dt.timedelta(days=60), dt.timedelta(days=500)]
    kept.keep(made(NOW - age + m) for age in ages for m in minutes)
    kept.keep([made(NOW - ages[1], tenant="u")])
    assert kept.prune(now=NOW) == 4 + 5 + 6
    left = [m.at for m in kept.since("t", NOW - dt.timedelta(days=999))["x"]]
    assert left == [NOW - ages[2], NOW - ages[1], NOW - ages[1] + HOUR, *(NOW - ages[0] + m for m in minutes)]
    assert kept.prune(now=NOW) == 0
