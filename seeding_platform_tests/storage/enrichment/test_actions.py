"""The ledger of actions: nothing is done twice, whatever asks for it."""

import dataclasses
import datetime as dt
import math
import threading

import pytest

from seeding_platform.errors import PermanentError
from seeding_platform.storage.enrichment.actions import Action, ActionLedger
from seeding_platform_tests.storage.enrichment.conftest import NOW, record

DAY = dt.timedelta(days=1)


@pytest.fixture
def ledger(state):
    return ActionLedger(state)


def refund(amount=5.0, *, mode="executed", version="1", **more) -> Action:
    values = {"tenant": "ant", "record_type": "exception", "record_id": "a", "parameters": {"eur": amount}, "planned_at": NOW} | more
    return Action(action="refund", amount=amount, mode=mode, policy_version=version, **values)


def test_a_plan_is_kept_once_and_its_key_is_its_content(ledger):
    (first,) = ledger.plan([refund()])
    assert first.state == "planned"
    assert ledger.plan([dataclasses.replace(refund(), planned_at=NOW + DAY)]) == [first]
    (other,) = ledger.plan([refund(record_id="b")])
    assert other.key != first.key
    assert [a.key for a in ledger.of("ant", record=("exception", "a"))] == [first.key]
    assert ledger.of("bee") == []


def test_what_was_done_is_never_sent_under_any_key(ledger):
    (plan,) = ledger.plan([refund()])
    assert ledger.sent(plan.key, 3)
    assert ledger.sent(plan.key, 3)  # again under the same key: it had no end
    assert not ledger.sent(plan.key, 2)  # by an older claim
    for other in (refund(version="2"), refund(6.0)):
        assert [a.key for a in ledger.plan([other])] == [plan.key]
    assert ledger.done(plan.key, "refunded", now=NOW + DAY)
    (standing,) = ledger.plan([refund(6.0, version="3")])
    assert (standing.key, standing.state, standing.outcome, standing.done_at) == (plan.key, "done", "refunded", NOW + DAY)
    assert not ledger.sent(plan.key, 9)
    assert not ledger.failed(plan.key, "no", now=NOW)
    assert not ledger.refused(plan.key, "no", now=NOW)


def test_two_plans_of_which_one_is_sent_leave_the_other_unsent(ledger):
    first, second = ledger.plan([refund(), refund(6.0)])
    assert first.key != second.key
    assert ledger.sent(first.key, 1)
    assert not ledger.sent(second.key, 1)


def test_a_dry_run_stands_in_nobodys_way(ledger):
    (shown,) = ledger.plan([refund(mode="dry_run")])
    assert not ledger.sent(shown.key, 1)
    assert ledger.done(shown.key, "would be refunded", now=NOW)
    assert ledger.spent("ant", NOW - DAY) == 0
    (meant,) = ledger.plan([refund()])
    assert (meant.key, meant.state, meant.mode) == (shown.key, "planned", "executed")
    assert ledger.sent(meant.key, 1)


def test_what_failed_may_be_sent_again_and_what_was_refused_not(ledger):
    failed, refused = ledger.plan([refund(), refund(record_id="b")])
    assert ledger.sent(failed.key, 1)
    assert ledger.failed(failed.key, "no answer", now=NOW)
    assert ledger.sent(failed.key, 2)
    assert ledger.refused(refused.key, "above the limit", now=NOW)
    assert not ledger.sent(refused.key, 1)
    assert [a.state for a in ledger.of("ant", state="refused")] == ["refused"]


def test_what_was_sent_counts_as_spent(ledger):
    plans = ledger.plan([refund(n, record_id=str(n)) for n in (1.0, 2.0, 4.0, 8.0)])
    for plan in plans[:3]:
        ledger.sent(plan.key, 1)
    ledger.done(plans[0].key, "ok", now=NOW + DAY)
    ledger.failed(plans[1].key, "no", now=NOW)
    assert ledger.spent("ant", NOW) == 5.0
    assert ledger.spent("ant", NOW + DAY) == 1.0
    assert ledger.spent("bee", NOW) == 0


def test_an_amount_that_is_none_is_refused(ledger):
    for wrong in (math.nan, math.inf, -1.0):
        with pytest.raises(PermanentError):
            ledger.plan([refund(parameters={}), dataclasses.replace(refund(record_id="b"), amount=wrong)])
    assert ledger.of("ant") == []


def test_of_two_that_send_at_once_one_goes_out(ledger, store):
    store.intake([record("a")], now=NOW)
    plans = ledger.plan([refund(n, version=str(n)) for n in (1.0, 2.0, 3.0, 4.0)])
    went = []
    threads = [threading.Thread(target=lambda key=p.key: went.append(key) if ledger.sent(key, 1) else None) for p in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(went) == 1
