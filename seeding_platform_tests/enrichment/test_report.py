"""The daily and the weekly report."""

import json

import pytest

from seeding_platform.enrichment.report import report_of
from seeding_platform.enrichment.report_words import WORDS
from seeding_platform.enrichment.thresholds import MonitorThresholds
from seeding_platform.storage.enrichment import schema
from seeding_platform.storage.enrichment.measured import Measured
from seeding_platform.storage.enrichment.states import ErrorClass
from seeding_platform.storage.state import State
from seeding_platform_tests.enrichment.rows import NOW, attempt, fill, label, put, record, stage


@pytest.fixture
def state(database_url):
    with State.open(database_url) as state:
        yield state


def report(state, kind="daily", tenant="t"):
    return report_of(Measured(state), tenant, kind, thresholds=MonitorThresholds(), now=NOW)


def test_a_day_beside_the_day_before(state):
    fill(state, age=40)
    old = [f"o{i}" for i in range(10)]
    put(state, schema.records, [record(r, hours=60) for r in old])
    put(state, schema.stages, [stage(r, "automated_resolution", "completed", ended=40) for r in old[:8]])
    put(state, schema.attempts, [attempt(r, "completed", hours=40, confidence=0.8, label="late", cost=0.5) for r in old])
    put(state, schema.labels, [label("r001", "late"), label("r001", "late", actor="bob"), label("r003", "lost", reason="low_confidence")])
    put(state, schema.spending, [{"tenant": "t", "day": NOW.date(), "provider": "p", "calls": 7, "tokens": 9, "cost": 0.25}])
    told = report(state)
    assert (told.now.completeness, told.now.completeness_n) == (64, 100)  # thirty ended, but after 39 hours
    assert (told.before.completeness, told.before.completeness_n) == (80, 10)
    assert (told.now.came, told.before.came) == (20, 100)
    assert (told.now.ended, told.before.ended) == (94, 8)
    assert told.now.failure_rate == 6
    assert told.now.failures == {"transient": 6, "provider_down": 20}
    assert (told.now.dead, told.unowned) == (3, 3)
    assert told.before.cost == pytest.approx(5)
    assert told.before.quality == pytest.approx(80, abs=3)
    assert told.spending == (("p", 7, 9, 0.25),)
    assert told.agreement == (1, 1)
    assert told.forecast.backlog == 23
    plain = json.loads(json.dumps(told.as_json()))
    assert plain["stages"][1]["completed"] == 94
    assert plain["until"] == NOW.isoformat()


def test_it_is_told_in_two_languages(state):
    fill(state)
    told = report(state, "weekly")
    en, nl = told.markdown("en"), told.markdown("nl")
    assert en.startswith("# Enrichment of t: the week until 2026-11-24 12:00 UTC\n")
    assert "| Failed attempts, % | 6 | – |" in en
    assert "| Classification | 94 | 1 | 23 | 0 | 3 |" in en
    assert "- Failures: provider down 20, no answer or error of the provider 6." in en
    assert "- Nobody has judged an answer yet: calibration is not known." in en
    assert "| Mislukte pogingen, % | 6 | – |" in nl
    assert "Naar 3 vastgelopen records kijkt niemand om." in nl
    assert len(en.splitlines()) == len(nl.splitlines()) < 40


def test_of_nothing_nothing_is_made_up(state):
    told = report(state)
    assert (told.now.completeness, told.now.failure_rate, told.now.quality) == (None, None, None)
    assert told.calibration["ece"] is None
    assert "| Quality score | – | – |" in told.markdown("en")


def test_both_languages_have_every_word():
    assert WORDS["en"].keys() == WORDS["nl"].keys()
    assert set(ErrorClass) <= WORDS["en"].keys()
