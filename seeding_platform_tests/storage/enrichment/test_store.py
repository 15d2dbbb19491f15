"""What the store refuses, and single moves that the histories of `test_model` do not show."""

import datetime as dt
import math

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from seeding_platform.errors import PermanentError
from seeding_platform.storage.columns import NaiveTime
from seeding_platform.storage.database import writing
from seeding_platform.storage.enrichment import schema
from seeding_platform.storage.enrichment.states import STAGES, Completed, ErrorClass, Failed, Made, Skipped
from seeding_platform_tests.storage.enrichment.conftest import LEASE, NOW, claim, complete, record, stages_of

MINUTE = dt.timedelta(minutes=1)
ORDER, CLASSES, RESOLUTION = STAGES


def test_an_end_that_is_no_answer_is_refused_before_anything_is_written(store):
    store.intake([record("a"), record("b")], now=NOW)
    complete(store, ORDER)
    good, bad = claim(store, CLASSES)
    answer = {"output": {}, "confidence": 0.9, "label": "late"}
    no_confidence = [{"confidence": c} for c in (math.nan, math.inf, -0.1, 1.7, "high", True, None)]
    no_answer = [{"label": None}, {"label": ""}, {"output": {"x": math.nan}}, {"output": {"x": object()}}]
    for wrong in no_confidence + no_answer:
        ends = [Completed(ref=good.ref, fence=good.fence, **answer), Completed(ref=bad.ref, fence=bad.fence, **answer | wrong)]
        with pytest.raises(PermanentError):
            store.complete(ends, now=NOW)
        (counts,) = [c for c in store.counts(now=NOW) if c.stage == CLASSES]
        assert (counts.leased, counts.completed) == (2, 0), wrong


def test_the_database_itself_refuses_a_state_that_masks_something(store):
    store.intake([record("a")], now=NOW)
    complete(store, ORDER)
    complete(store, CLASSES)
    unanswered = [{"confidence": 1.7}, {"confidence": None}, {"label": None}, {"output": None}, {"status": "pending", "output": None, "label": None}]
    unfinished = [{"status": "failed", "due_at": NOW}, {"attempts": 7}, {"status": "in_progress"}]
    for values in unanswered + unfinished:
        with pytest.raises(IntegrityError), writing(store.engine) as connection:
            connection.execute(sa.update(schema.stages).where(schema.stages.c.stage == CLASSES).values(values))


def test_a_failure_leaves_no_answer_and_six_tries_are_the_end(store):
    store.intake([record("a")], now=NOW)
    complete(store, ORDER)
    now = NOW
    for n in range(1, 7):
        (held,) = claim(store, CLASSES, now=now)
        assert held.attempt == n
        now += MINUTE
        assert store.fail([Failed(ref=held.ref, fence=held.fence, error=ErrorClass.TRANSIENT, message="no answer", due_at=now)], now=now) == [True]
        row = stages_of(store)[CLASSES]
        assert (row.output, row.confidence, row.label, row.retry_count) == (None, None, None, n - 1)
    assert row.dead
    assert row.due_at is None
    assert claim(store, CLASSES, now=now + dt.timedelta(days=9)) == []
    assert stages_of(store)[RESOLUTION].ready is False
    story = store.story("ant", "exception", "a")
    assert [a.outcome for a in story.attempts if a.stage == CLASSES] == ["failed"] * 6


def test_a_refund_keeps_an_outage_from_killing_anything(store):
    store.intake([record("a")], now=NOW)
    for n in range(20):
        (held,) = claim(store, now=NOW + n * MINUTE)
        assert (held.attempt, held.asked) == (1, n + 1)
        due = NOW + (n + 1) * MINUTE
        store.fail([Failed(ref=held.ref, fence=held.fence, error=ErrorClass.PROVIDER_DOWN, message="closed", due_at=due, refund=True)], now=NOW)
    assert stages_of(store)[ORDER].status == "failed"


def test_a_record_that_kills_workers_is_given_up(store):
    store.intake([record("a")], now=NOW)
    for n in range(4):
        assert len(claim(store, now=NOW + n * LEASE)) == 1
    assert claim(store, now=NOW + 4 * LEASE) == []
    row = stages_of(store)[ORDER]
    assert (row.dead, row.error, row.losses, row.attempts) == (True, "worker_lost", 4, 0)


def test_a_late_worker_writes_nothing(store):
    store.intake([record("a")], now=NOW)
    (late,) = claim(store)
    (held,) = claim(store, now=NOW + LEASE)
    end = {"output": {"by": "late"}, "confidence": 0.9, "label": "late"}
    assert store.complete([Completed(ref=late.ref, fence=late.fence, **end)], now=NOW) == [False]
    assert store.heartbeat([late, held], owner="w", lease=LEASE, now=NOW) == [held]
    assert store.complete([Completed(ref=held.ref, fence=held.fence, **end | {"output": {"by": "held"}})], now=NOW) == [True]
    assert stages_of(store)[ORDER].output == {"by": "held"}


def test_a_claim_that_was_never_made_ends_nothing(store):
    store.intake([record("a")], now=NOW)
    (held,) = claim(store)
    assert store.complete([Completed(ref=held.ref, fence=held.fence + 1, output={})], now=NOW) == [False]
    assert store.story("ant", "exception", "a").attempts == ()


def test_what_comes_out_the_same_again_leaves_the_rest_alone(store):
    store.intake([record("a")], now=NOW)
    old, new = Made(model_version="1", prompt_version="p"), Made(model_version="2", prompt_version="p")
    for stage in STAGES:
        complete(store, stage, made=old)
    assert store.invalidate(stage=ORDER, keep=("2", "p"), now=NOW) == 1
    assert {s: row.status for s, row in stages_of(store).items()} == {ORDER: "pending", CLASSES: "completed", RESOLUTION: "completed"}
    complete(store, ORDER, made=new)
    assert {row.status for row in stages_of(store).values()} == {"completed"}
    assert store.invalidate(stage=ORDER, keep=("2", "p"), now=NOW) == 0
    store.invalidate(stage=ORDER, keep=("3", "p"), now=NOW)
    (held,) = claim(store)
    store.complete([Completed(ref=held.ref, fence=held.fence, output={"other": 1})], now=NOW)
    assert {s: row.status for s, row in stages_of(store).items()} == {ORDER: "completed", CLASSES: "pending", RESOLUTION: "completed"}


def test_only_unsure_answers_are_asked_again_where_that_is_wanted(store):
    store.intake([record("a"), record("b", tenant="bee")], now=NOW)
    complete(store, ORDER)
    made = Made(model_version="1", prompt_version="p")
    for c, sure in zip(claim(store, CLASSES), (0.4, 0.9), strict=True):
        store.complete([Completed(ref=c.ref, fence=c.fence, output={}, confidence=sure, label="late", made=made)], now=NOW)
    assert store.invalidate(tenant="bee", stage=CLASSES, keep=("2", "p"), below=0.7, now=NOW) == 0
    assert store.invalidate(stage=CLASSES, keep=("2", "p"), below=0.7, now=NOW) == 1
    (held,) = claim(store, CLASSES)
    assert (held.ref.tenant, held.reasked, held.attempt) == ("ant", 1, 1)


def test_low_confidence_waits_for_review_and_a_changed_record_begins_anew(store):
    store.intake([record("a")], now=NOW)
    complete(store, ORDER)
    complete(store, CLASSES, confidence=0.4, skip_rest="low_confidence", review_at=NOW + dt.timedelta(days=1))
    row = stages_of(store)[RESOLUTION]
    assert (row.status, row.message, row.review_at) == ("skipped", "low_confidence", NOW + dt.timedelta(days=1))
    assert store.due(NOW + dt.timedelta(days=2)) == []
    assert store.next_due_at() is None
    found = store.intake([record("a", hashed="h2")], now=NOW)
    assert (found.new, found.changed, found.unchanged) == (0, 1, 0)
    assert {s: (row.status, row.ready) for s, row in stages_of(store).items()} == dict(
        zip(STAGES, [("pending", True), ("pending", False), ("pending", False)], strict=True)
    )


def test_what_has_nothing_to_do_has_nothing_after_it_either(store):
    store.intake([record("a")], now=NOW)
    (held,) = claim(store)
    assert store.skip([Skipped(ref=held.ref, fence=held.fence, reason="no_problem")], now=NOW) == [True]
    assert {(row.status, row.message) for row in stages_of(store).values()} == {("skipped", "no_problem")}
    assert store.invalidate(stage=CLASSES, keep=("9", "9"), now=NOW) == 0


def test_the_last_of_two_in_a_batch_counts_and_weight_may_change_alone(store):
    found = store.intake([record("a", hashed="1"), record("a", hashed="2")], now=NOW)
    assert found.new == 1
    assert store.intake([record("a", hashed="2", priority=7, value=12.5)], now=NOW).unchanged == 1
    (held,) = claim(store)
    assert (held.input_hash, held.priority, held.attempt) == ("2", 7, 1)
    assert store.story("ant", "exception", "a").record.value == 12.5


def test_records_that_are_none_are_refused(store):
    for wrong in (record("", hashed="h"), record("a", hashed=""), record("a", value=math.nan)):
        with pytest.raises(PermanentError):
            store.intake([record("b"), wrong], now=NOW)
    with pytest.raises(NaiveTime):
        store.intake([record("a", arrived_at=NOW.replace(tzinfo=None))], now=NOW)
    assert store.counts(now=NOW) == []


def test_dead_ones_are_found_by_error_and_brought_back_by_hand(store):
    store.intake([record(n) for n in "abc"] + [record("a", tenant="bee")], now=NOW)
    for c, error in zip(sorted(claim(store), key=lambda c: c.ref), list(ErrorClass)[:4], strict=True):
        store.fail([Failed(ref=c.ref, fence=c.fence, error=error, message="no", due_at=None)], now=NOW)
    assert [r.record_id for r in store.records("ant", dead=True)] == ["a", "b", "c"]
    assert [r.record_id for r in store.records("ant", error="rate_limited", status="failed", stage=ORDER)] == ["b"]
    assert [r.record_id for r in store.redrive("ant", error="rate_limited", dry_run=True, now=NOW)] == ["b"]
    assert store.redrive("ant", records=[("exception", "c")], stage=CLASSES, dry_run=False, now=NOW) == []
    assert [r.record_id for r in store.redrive("ant", records=[("exception", "c")], dry_run=False, now=NOW)] == ["c"]
    (held,) = claim(store)
    assert (held.ref.record_id, held.attempt, stages_of(store, "c")[ORDER].redrives) == ("c", 1, 1)
    assert len(store.redrive("ant", dry_run=False, now=NOW)) == 2


def test_what_is_cancelled_is_over_until_it_changes(store):
    store.intake([record("a"), record("b")], now=NOW)
    (first, _) = sorted(claim(store), key=lambda c: c.ref)
    ended = store.cancel("ant", records=[("exception", "a")], reason="withdrawn by the customer", now=NOW)
    assert [r.stage for r in ended] == list(STAGES)
    assert store.complete([Completed(ref=first.ref, fence=first.fence, output={})], now=NOW) == [False]
    story = store.story("ant", "exception", "a")
    assert story.record.withdrawn_at == NOW
    assert "withdrawn by the customer" in story.attempts[-1].message
    store.intake([record("a")], now=NOW)
    assert {row.message for row in stages_of(store).values()} == {"cancelled"}
    store.intake([record("a", hashed="h2")], now=NOW)
    assert store.story("ant", "exception", "a").record.withdrawn_at is None
    assert stages_of(store)[ORDER].ready


def test_reading_pages_through_a_tenant_and_sees_no_other(store):
    store.intake([record(f"r{n}") for n in range(5)] + [record("r9", tenant="bee"), record("x%")], now=NOW)
    pages, after = [], None
    while page := store.records("ant", text="r", limit=2, after=after):
        pages.append([r.record_id for r in page])
        after = (page[-1].record_type, page[-1].record_id)
    assert pages == [["r0", "r1"], ["r2", "r3"], ["r4"]]
    assert [r.record_id for r in store.records("ant", text="x%")] == ["x%"]
    assert store.records("ant", text="%") == []
    assert store.story("bee", "exception", "r0") is None
    assert [(c.tenant, c.stage, c.ingested) for c in store.counts("bee", now=NOW)] == [("bee", s, 1) for s in STAGES]


def test_who_holds_a_stage_while_the_one_before_is_done_again_may_end_it(store):
    store.intake([record("a"), record("b")], now=NOW)
    old = Made(model_version="1", prompt_version="p")
    complete(store, ORDER, made=old)
    fails, ends = sorted(claim(store, CLASSES), key=lambda c: c.ref)
    assert store.invalidate(stage=ORDER, keep=("2", "p"), now=NOW) == 2
    store.fail([Failed(ref=fails.ref, fence=fails.fence, error=ErrorClass.TRANSIENT, message="no", due_at=NOW)], now=NOW)
    row = stages_of(store, "a")[CLASSES]
    assert (row.status, row.ready, row.due_at, row.error) == ("pending", False, None, None)
    assert claim(store, CLASSES) == []
    complete(store, ORDER, made=old)
    assert stages_of(store, "b")[CLASSES].status == "in_progress"
    assert store.complete([Completed(ref=ends.ref, fence=ends.fence, output={}, confidence=0.9, label="late")], now=NOW) == [True]
    assert stages_of(store, "b")[RESOLUTION].ready
    assert [c.ref.record_id for c in claim(store, CLASSES)] == ["a"]


def test_what_had_nothing_to_do_still_has_nothing_where_all_before_it_comes_out_the_same(store):
    store.intake([record("a")], now=NOW)
    old = Made(model_version="1", prompt_version="p")
    complete(store, ORDER, made=old)
    complete(store, CLASSES, confidence=0.4, skip_rest="low_confidence", review_at=NOW)
    store.invalidate(stage=ORDER, keep=("2", "p"), now=NOW)
    complete(store, ORDER, made=old)
    row = stages_of(store)[RESOLUTION]
    assert (row.status, row.message, row.review_at) == ("skipped", "low_confidence", NOW)
    assert store.due(NOW) == []


def test_an_unsure_answer_is_not_done_again_more_often_than_wanted(store):
    store.intake([record("a")], now=NOW)
    complete(store, ORDER)
    made = Made(model_version="1", prompt_version="p")
    for _ in range(2):
        complete(store, CLASSES, confidence=0.4, made=made)
        assert store.invalidate(stage=CLASSES, keep=("", ""), below=0.7, most_reasks=2, now=NOW) == 1
    complete(store, CLASSES, confidence=0.4, made=made)
    assert store.invalidate(stage=CLASSES, keep=("", ""), below=0.7, most_reasks=2, now=NOW) == 0
    assert stages_of(store)[CLASSES].reasked == 2


def test_one_record_is_done_anew_but_neither_what_a_person_said_nor_what_was_cancelled(store):
    store.intake([record("a"), record("b")], now=NOW)
    made = Made(model_version="1", prompt_version="p")
    for stage in STAGES:
        complete(store, stage, made=made)
    assert store.again("ant", ("exception", "a"), stage=CLASSES, now=NOW).record_id == "a"
    assert {n: stages_of(store, n)[CLASSES].status for n in "ab"} == {"a": "pending", "b": "completed"}
    assert stages_of(store)[CLASSES].reasked == 1
    assert store.again("ant", ("exception", "a"), stage=CLASSES, now=NOW) is None
    assert store.again("bee", ("exception", "b"), stage=CLASSES, now=NOW) is None
    store.judge("ant", "exception", "b", label="late", actor="ann", reason="sample", now=NOW)
    assert store.again("ant", ("exception", "b"), stage=CLASSES, now=NOW) is None
    store.cancel("ant", records=[("exception", "a")], reason="test", now=NOW)
    assert store.again("ant", ("exception", "a"), stage=CLASSES, now=NOW) is None


def test_old_attempts_are_forgotten_and_states_stay(store):
    store.intake([record("a")], now=NOW)
    complete(store, ORDER)
    complete(store, CLASSES, now=NOW + dt.timedelta(hours=2))
    assert store.forget_attempts(before=NOW + dt.timedelta(hours=1)) == 1
    assert [a.stage for a in store.story("ant", "exception", "a").attempts] == [CLASSES]
    assert stages_of(store)[ORDER].status == "completed"
