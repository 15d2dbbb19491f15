"""A held version is judged by the rows that it and what serves both answered: once there are as many as were asked for, and no sooner."""

import json
import random

import pytest

from seeding_platform.models.operations.settings import PROMOTION
from seeding_platform.models.operations.shadowing import MOST_LOOKS, shadows
from seeding_platform.storage.ml.predictions import Prediction
from seeding_platform.storage.ml.whose import Whose
from seeding_platform.storage.schema import predictions as table
from seeding_platform_tests.models.operations.conftest import rows

ASKED = 400
"""Rows that the hold asked for, beside those that it had."""


@pytest.fixture
def held(shop):
    """Version 1 serves, version 2 is held until there are 400 rows more."""
    shop.train(rows(400))
    bars = {"minimum_rows": 200 + ASKED}
    shop.bench.adjusted.change(PROMOTION, bars, scope="", actor="key1", reason="be sure", now=shop.clock())
    job = shop.train(rows(500, seed=2))
    assert (job.verdict, job.report["gate"]["more_rows"]) == ("hold", ASKED)
    shop.bench.adjusted.change(PROMOTION, {"minimum_rows": 100}, scope="", actor="key1", reason="as ever", now=shop.clock())
    return shop


def answered(shop, many: int, *, champion: float, shadow: float, seed: int = 0) -> None:
    """Rows that both answered, with their labels; how often each of them is right."""
    draw, now = random.Random(seed), shop.clock()
    kept = []
    for i in range(many):
        truth = draw.choice(["yes", "no"])
        other = {"yes": "no", "no": "yes"}[truth]
        one, two = (truth if draw.random() < right else other for right in (champion, shadow))
        served = draw.random() < 0.7  # the shadow serves the others: its share
        said = {"version": "1", "value": one, "other_version": "2", "other_value": two}
        if not served:
            said = {"version": "2", "value": two, "other_version": "1", "other_value": one, "arm": "shadow"}
        prediction = Prediction(prediction_id=f"prd_{seed}_{i}", whose=shop.whose, features_sha256="", predicted_at=now, **said)
        kept.append((prediction, truth))
    shop.bench.predictions.keep([p for p, _ in kept])
    with shop.bench.state.engine.begin() as connection:
        for prediction, truth in kept:
            here = table.update().where(table.c.prediction_id == prediction.prediction_id)
            connection.execute(here.values(actual=json.dumps(truth), observed_at=now, labelled_at=now))


def looked(shop) -> list[str]:
    return shadows(shop.bench, {"toy": shop.spec})


def job_of(shop, version: str):
    found = shop.bench.registry.version(shop.whose.registered, version)
    return shop.bench.jobs.one(found.tags["job_id"], tenant=shop.whose.tenant)


def test_a_held_version_that_is_better_on_live_rows_comes_to_serve_once_there_are_enough(held):
    answered(held, ASKED - 1, champion=0.8, shadow=0.95)
    assert looked(held) == [], "one row is missing"
    answered(held, 1, champion=0.0, shadow=1.0, seed=1)
    (said,) = looked(held)
    assert "version 2 serves" in said
    standing = held.bench.standings.one(held.whose)
    assert (standing.version, standing.shadow) == ("2", None)
    job = job_of(held, "2")
    (look,) = job.report["live"]
    assert (job.verdict, job.report["gate"]["verdict"], look["verdict"], look["n"], look["champion"]) == ("deploy", "hold", "deploy", ASKED, "1")
    assert job.improvement == look["gain"] == pytest.approx(0.15, abs=0.06)
    change = held.bench.deployer.ledger.in_force(held.whose)
    assert (change.actor, change.previous_version, change.watched_until is not None) == ("shadow", "1", True)
    (record,) = held.bench.audit.newest(tenant=held.whose.tenant, action="ml.shadow.judged")
    assert (record.event.detail["rows"], record.event.detail["verdict"]) == (ASKED, "deploy")
    (measured,) = held.bench.standings.measurements(held.whose, source="shadow")
    assert (measured.version, measured.rows, measured.value) == ("2", ASKED, pytest.approx(0.95, abs=0.04))
    assert looked(held) == []


def test_a_held_version_that_is_worse_leaves_the_shadow(held):
    answered(held, ASKED, champion=0.95, shadow=0.85)
    (said,) = looked(held)
    assert "version 2 leaves the shadow" in said
    standing = held.bench.standings.one(held.whose)
    assert (standing.version, standing.shadow) == ("1", None)
    assert job_of(held, "2").verdict == "refuse"


def test_what_is_not_sure_is_looked_at_once_more_and_then_let_go(held):
    answered(held, ASKED, champion=0.9, shadow=0.925)
    (said,) = looked(held)
    assert "version 2 stays in the shadow" in said
    assert looked(held) == [], "the same rows are looked at once"
    more = job_of(held, "2").report["live"][-1]["more_rows"]
    answered(held, more, champion=0.9, shadow=0.9, seed=2)
    (said,) = looked(held)
    assert "version 2 leaves the shadow" in said
    assert len(job_of(held, "2").report["live"]) == MOST_LOOKS


def test_a_second_person_is_waited_for(held):
    bars = {"minimum_rows": 100, "approval": True}
    held.bench.adjusted.change(PROMOTION, bars, scope="", actor="key1", reason="four eyes", now=held.clock())
    answered(held, ASKED, champion=0.8, shadow=0.95)
    (said,) = looked(held)
    assert "waits for a second person" in said
    answered(held, 1000, champion=0.8, shadow=0.95, seed=3)
    assert looked(held) == []
    standing = held.bench.standings.one(held.whose)
    assert (standing.version, standing.shadow) == ("1", "2")


def test_rows_of_another_champion_or_without_an_answer_of_both_do_not_count(held):
    answered(held, ASKED, champion=0.8, shadow=0.95)
    with held.bench.state.engine.begin() as connection:
        connection.execute(table.update().where(table.c.prediction_id == "prd_0_0").values(other_value=None))
        connection.execute(table.update().where(table.c.prediction_id == "prd_0_1").values(version="7"))
        connection.execute(table.update().where(table.c.prediction_id == "prd_0_2").values(actual=None))
    assert looked(held) == []
    assert held.bench.predictions.both(held.whose, "1", "2", scores=False).height == ASKED - 3


def test_after_a_rollback_it_is_not_looked_at_while_the_model_rests(held):
    held.bench.deployer.deploy(held.whose, "2", actor="key1", reason="insisted")
    held.bench.deployer.roll_back(held.whose, actor="key1", reason="worse")
    held.bench.standings.note(held.whose, now=held.clock(), shadow="2")
    answered(held, ASKED, champion=0.8, shadow=0.95)
    assert looked(held) == []


def test_what_a_person_put_into_the_shadow_is_left_to_people(shop):
    shop.train(rows(400))
    assert shop.train(rows(2000, noise=0.45, seed=2)).verdict == "refuse"
    shop.bench.standings.note(shop.whose, now=shop.clock(), shadow="2")
    answered(shop, 1000, champion=0.8, shadow=0.95)
    assert looked(shop) == []


def test_a_slice_that_spoke_against_it_speaks_on(held):
    job = job_of(held, "2")
    worse = {"rule": "slice", "passed": False, "value": 0.06, "bar": 0.05, "says": "kind 'b': worse by 0.06", "final": False}
    gate = {**job.report["gate"], "reasons": [*job.report["gate"]["reasons"], worse]}
    held.bench.jobs.judged_again(job.job_id, verdict="hold", says=job.says, report={**job.report, "gate": gate})
    answered(held, ASKED, champion=0.8, shadow=0.95)
    (said,) = looked(held)
    assert "stays in the shadow" in said
    assert "kind 'b'" in said


def test_trouble_with_one_shadow_ends_the_look_at_no_other(held, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(held.bench.predictions, "both", broken)
    found: dict[Whose, Exception] = {}
    assert shadows(held.bench, {"toy": held.spec}, trouble=found.__setitem__) == []
    assert set(found) == {held.whose}


def test_a_shadow_that_must_not_serve_leaves(held):
    held.bench.registry.tag(held.whose.registered, "2", {"subject_erased": "true"})
    held.clock.later(hours=1)
    (said,) = looked(held)
    assert "must not serve" in said
    assert held.bench.standings.one(held.whose).shadow is None
