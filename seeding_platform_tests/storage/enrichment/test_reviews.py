"""People in the loop: what waits for them, what their word does, and samples."""

import datetime as dt
import random

import pytest

from seeding_platform.errors import PermanentError
from seeding_platform.storage.enrichment.states import STAGES, Completed, ErrorClass, Failed, Made
from seeding_platform_tests.storage.enrichment.conftest import NOW, claim, complete, record, stages_of

DAY = dt.timedelta(days=1)
ORDER, CLASSES, RESOLUTION = STAGES


def test_unsure_ones_wait_for_a_person_once_their_moment_has_come(store):
    store.intake([record("a"), record("b", tenant="bee")], now=NOW)
    complete(store, ORDER)
    complete(store, CLASSES, confidence=0.4, skip_rest="low_confidence", review_at=NOW + DAY)
    assert store.reviews("ant", now=NOW, limit=10) == []
    (review,) = store.reviews("ant", now=NOW + DAY, limit=10)
    assert (review.record_id, review.reason, review.since, review.label, review.confidence) == ("a", "low_confidence", NOW + DAY, "late", 0.4)
    assert review.payload == {"facts": "a"}
    assert store.reviews("ant", now=NOW + DAY, limit=10, after=("exception", "a")) == []


def test_one_record_is_looked_up_by_itself(store):
    store.intake([record("a"), record("b")], now=NOW)
    complete(store, ORDER)
    complete(store, CLASSES, confidence=0.4, skip_rest="low_confidence", review_at=NOW)
    assert [r.record_id for r in store.reviews("ant", now=NOW, limit=10, record=("exception", "b"))] == ["b"]
    assert store.reviews("ant", now=NOW, limit=10, record=("order", "b")) == store.reviews("bee", now=NOW, limit=10, record=("exception", "b")) == []


def test_what_was_asked_again_five_times_does_not_wait_any_longer(store):
    store.intake([record("a")], now=NOW)
    complete(store, ORDER)
    for n in range(6):
        made = Made(model_version=str(n), prompt_version="p")
        complete(store, CLASSES, confidence=0.4, skip_rest="low_confidence", review_at=NOW + DAY, made=made)
        assert len(store.reviews("ant", now=NOW, limit=10)) == (n == 5)
        store.invalidate(stage=CLASSES, keep=(str(n + 1), "p"), below=0.7, now=NOW) if n < 5 else None


def test_a_persons_word_is_the_classification_and_opens_the_rest(store):
    store.intake([record("a")], now=NOW)
    complete(store, ORDER)
    complete(store, CLASSES, confidence=0.4, skip_rest="low_confidence", review_at=NOW)
    kept = store.judge("ant", "exception", "a", label="lost", actor="kim", reason="low_confidence", now=NOW)
    assert (kept.machine_label, kept.machine_confidence, kept.label, kept.input_hash) == ("late", 0.4, "lost", "h")
    row = stages_of(store)[CLASSES]
    assert (row.status, row.provider, row.confidence, row.label) == ("completed", "human", 1.0, "lost")
    assert store.reviews("ant", now=NOW + DAY, limit=10) == []
    (held,) = claim(store, RESOLUTION)
    assert held.upstream[CLASSES]["ai_label"] == "lost"
    assert store.labels("ant") == [kept] == list(store.story("ant", "exception", "a").labels)
    assert store.labels("ant", NOW + DAY) == store.labels("bee") == []


def test_no_version_undoes_what_a_person_said(store):
    store.intake([record("a")], now=NOW)
    complete(store, ORDER, made=Made(model_version="1", prompt_version="p"))
    store.judge("ant", "exception", "a", label="lost", actor="kim", reason="sample", now=NOW)
    complete(store, RESOLUTION)
    assert store.invalidate(stage=CLASSES, keep=("9", "p"), now=NOW) == 0
    store.invalidate(stage=ORDER, keep=("9", "p"), now=NOW)
    (held,) = claim(store)
    store.complete([Completed(ref=held.ref, fence=held.fence, output={"other": 1})], now=NOW)
    assert {s: row.status for s, row in stages_of(store).items()} == {ORDER: "completed", CLASSES: "completed", RESOLUTION: "pending"}
    store.intake([record("a", hashed="h2")], now=NOW)
    assert stages_of(store)[CLASSES].status == "pending"


def test_a_worker_that_holds_what_a_person_judges_loses_it(store):
    store.intake([record("a")], now=NOW)
    complete(store, ORDER)
    (held,) = claim(store, CLASSES)
    store.judge("ant", "exception", "a", label="lost", actor="kim", reason="dead", now=NOW)
    assert store.complete([Completed(ref=held.ref, fence=held.fence, output={}, confidence=0.9, label="late")], now=NOW) == [False]
    assert stages_of(store)[CLASSES].label == "lost"


def test_dead_ones_are_shown_where_they_are_asked_for(store):
    store.intake([record("a")], now=NOW)
    complete(store, ORDER)
    (held,) = claim(store, CLASSES)
    store.fail([Failed(ref=held.ref, fence=held.fence, error=ErrorClass.CONTENT_PERMANENT, message="too long", due_at=None)], now=NOW)
    assert store.reviews("ant", now=NOW, limit=10) == []
    (review,) = store.reviews("ant", now=NOW, limit=10, dead=True)
    assert (review.reason, review.label, review.output, review.since) == ("dead", None, None, NOW)


def test_a_sample_of_what_was_accepted_gets_a_second_look(store):
    store.intake([record(f"{n:03}") for n in range(100)], now=NOW)
    complete(store, ORDER)
    complete(store, CLASSES)
    drawn = store.sample("ant", 0.1, rng=random.Random(1), now=NOW)
    assert 3 <= len(drawn) <= 20
    assert [r.record_id for r in store.reviews("ant", now=NOW, limit=100)] == [r.record_id for r in drawn]
    assert {r.reason for r in store.reviews("ant", now=NOW, limit=100)} == {"sample"}
    assert store.sample("ant", 1.0, rng=random.Random(1), now=NOW, since=NOW + DAY) == []
    assert store.sample("bee", 1.0, rng=random.Random(1), now=NOW) == []
    assert len(store.sample("ant", 1.0, rng=random.Random(1), now=NOW)) == 100 - len(drawn)


def test_a_judgement_without_a_label_or_of_nothing(store):
    with pytest.raises(PermanentError):
        store.judge("ant", "exception", "a", label="", actor="kim", reason="sample", now=NOW)
    with pytest.raises(PermanentError):
        store.judge("ant", "exception", "a", label="late", actor="kim", reason="because", now=NOW)
    assert store.judge("ant", "exception", "a", label="late", actor="kim", reason="sample", now=NOW) is None
