"""A candidate beside what is live: asked of its share, compared by it, and nothing of it reaches a record."""

import dataclasses

import numpy as np
import pytest

from seeding_platform.enrichment.ab import compared, in_candidate
from seeding_platform.errors import TransientError
from seeding_platform.storage.enrichment.states import Record, Stage
from seeding_platform.storage.enrichment.versions import Versions
from seeding_platform_tests.enrichment.test_proving import RIGHT, Versioned, names
from seeding_platform_tests.enrichment.test_refreshing import house

__all__ = ["house"]

CLASSES = Stage.CLASSIFICATION


def tried(house, candidate, *, share=0.5, many=40, stage=CLASSES):
    """Let records go through while a candidate is tried; the house, and each record's story."""
    live = Versioned()
    house = dataclasses.replace(house, provider=lambda _: live, earlier=lambda tenant, version: candidate)
    house.store.intake(
        [Record(tenant="acme", record_type="exception", record_id=n, payload={}, input_hash="h") for n in names(many)], now=house.bench.now()
    )
    house.refreshed()
    Versions(house.bench.state).put("acme", str(stage), "m2|p1", "candidate", report={}, share=share, now=house.bench.now())
    house.worked()
    return house, {n: house.store.story("acme", "exception", n) for n in names(many)}


def shadows(story):
    return [a for a in story.attempts if a.outcome == "shadow"]


def test_it_is_asked_of_its_share_and_only_its_answer_is_kept(house):
    candidate = Versioned(version="m2", wrong=frozenset(names(40)))
    house, stories = tried(house, candidate)
    chosen = {n for n in names(40) if in_candidate("acme", str(CLASSES), "m2|p1", n, share=0.5)}
    assert 10 < len(chosen) < 30
    assert {n for n, s in stories.items() if shadows(s)} == chosen
    assert {stage for stage, _, _ in candidate.asked} == {CLASSES}
    for story in stories.values():
        stage = next(s for s in story.record.stages if s.stage == CLASSES)
        assert (stage.label, stage.model_version, stage.status) == ("late_delivery", "m1", "completed")
        assert [s.status for s in story.record.stages] == ["completed"] * 3
    assert {(a.label, a.model_version) for n in chosen for a in shadows(stories[n])} == {("damaged", "m2")}
    assert len([a for s in stories.values() for a in s.attempts if a.outcome == "completed"]) == 120


def test_both_are_compared_on_what_a_person_judged(house):
    house, _ = tried(house, Versioned(version="m2", wrong=frozenset(names(40))), share=1.0)
    for name in names(10):
        house.store.judge("acme", "exception", name, label="damaged", actor="ann", reason="sample", now=house.bench.now())
    pairs = house.monitor.source.paired("acme", ("m1", "p1"), ("m2", "p1"), after=house.bench.now().replace(year=2025))
    assert {(p.one[0], p.other[0], p.truth) for p in pairs} == {("late_delivery", "damaged", "damaged")}
    assert len(pairs) == 10


@pytest.mark.parametrize("stage", [Stage.ORDER_ANALYSIS, Stage.RESOLUTION])
def test_candidates_of_the_other_stages_are_tried_and_compared_likewise(house, stage):
    candidate = Versioned(version="m2", wrong=frozenset(names(40)), stage=stage)
    house, stories = tried(house, candidate, stage=stage)
    chosen = {n for n in names(40) if in_candidate("acme", str(stage), "m2|p1", n, share=0.5)}
    assert {n for n, s in stories.items() if shadows(s)} == chosen
    assert {asked for asked, _, _ in candidate.asked} == {stage}
    assert {s.model_version for story in stories.values() for s in story.record.stages} == {"m1"}
    assert len([a for story in stories.values() for a in story.actions]) == 40, "nothing is done by a candidate"
    wrong = {Stage.ORDER_ANALYSIS: "unpaid", Stage.RESOLUTION: "escalate"}[stage]
    for name in names(40):
        house.store.say("acme", ("exception", name), stage=stage, word=wrong, actor="ann", reason="sample", now=house.bench.now())
    since = house.bench.now().replace(year=2025)
    pairs = house.monitor.source.paired("acme", ("m1", "p1"), ("m2", "p1"), after=since, stage=stage)
    assert {(p.one[0], p.other[0], p.truth) for p in pairs} == {(RIGHT[stage], wrong, wrong)}
    assert len(pairs) == len(chosen)
    told = compared(pairs, rng=np.random.default_rng(1), fewest=10)
    assert (told.accuracy, told.calibration) == ("better", "better")
    alike = house.monitor.source.alike("acme", ("m1", "p1"), ("m2", "p1"), after=since, stage=stage)
    assert (alike.answered, alike.alike, alike.cost) == (len(chosen), 0.0, (0.0, 0.0))
    assert house.monitor.source.paired("acme", ("m1", "p1"), ("m2", "p1"), after=since) == []


class Broken(Versioned):
    def ask(self, questions, *, now):
        raise TransientError("down", fix="wait")


def test_a_candidate_that_fails_changes_nothing(house):
    for candidate in (Broken(version="m2"), None):
        _, stories = tried(house, candidate, share=1.0, many=3)
        assert {s.status for story in stories.values() for s in story.record.stages} == {"completed"}
        assert not any(shadows(story) for story in stories.values())
