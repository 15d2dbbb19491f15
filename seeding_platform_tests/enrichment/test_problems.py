"""Rules over orders: each fires on what shows it, with its evidence, and on nothing else."""

import datetime as dt

import pytest

from seeding_platform.enrichment.problems import milestones, problems, severity
from seeding_platform_tests.enrichment.asking import ORDER
from seeding_platform_tests.enrichment.conftest import NOW

CALM = dt.datetime(2026, 10, 3, 13, tzinfo=dt.UTC)


def kinds(as_of=NOW, **changes):
    return {f.kind: f.severity for f in problems({**ORDER, **changes}, as_of=as_of)}


def test_a_sound_order_has_none():
    assert kinds() == {}
    assert severity([]) == "none"


UNSENT = {"shipped_at": None, "delivered_at": None, "carrier": None}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"delivered_at": "2026-10-03T20:00:00Z"}, {"delivered_late": "low"}),
        ({"delivered_at": "2026-10-08T20:00:00Z"}, {"delivered_late": "high"}),
        ({"status": "shipped", "delivered_at": None}, {"overdue": "critical", "stuck_in_transit": "critical"}),
        ({"status": "created", **UNSENT}, {"overdue": "critical", "stuck_unshipped": "critical"}),
        ({"status": "cancelled", **UNSENT}, {}),
        ({"paid_amount": 79.0}, {"amount_mismatch": "low"}),
        ({"paid_amount": 70.0}, {"amount_mismatch": "medium"}),
        ({"paid_amount": 8000.0}, {"amount_mismatch": "critical"}),
        ({"paid_amount": 0.0}, {"unpaid": "high"}),
        ({"paid_amount": None}, {}),
        ({"amount": None}, {"missing_fields": "low"}),
        ({"ship_country": ""}, {"no_country": "medium"}),
        ({"carrier": None}, {"no_carrier": "low"}),
        ({"shipped_at": "2026-09-30T09:00:00Z"}, {"dates_out_of_order": "medium"}),
        ({"delivered_at": None}, {"status_conflict": "medium"}),
        ({"status": "created"}, {"status_conflict": "medium"}),
        ({"status": "cancelled", "delivered_at": None}, {"status_conflict": "high"}),
        ({"duplicate_of": "O-0"}, {"duplicate": "high"}),
        ({"promised_at": "not a day"}, {}),
    ],
)
def test_each_rule(changes, found):
    assert kinds(**changes) == found


def test_waiting_is_no_problem_before_its_time():
    assert kinds(CALM, status="shipped", delivered_at=None) == {}
    assert kinds(dt.datetime(2026, 10, 3, 9, tzinfo=dt.UTC), status="created", **UNSENT) == {}


def test_the_worst_comes_first_and_shows_its_fields():
    found = problems({**ORDER, "paid_amount": 8000.0, "carrier": None}, as_of=NOW)
    assert [f.kind for f in found] == ["amount_mismatch", "no_carrier"]
    assert found[0].evidence == (("amount", "80.0"), ("paid_amount", "8000.0"), ("currency", "EUR"))
    assert severity(found) == "critical"


def test_the_moment_among_the_facts_goes_before_the_clock():
    order = {**ORDER, "status": "shipped", "delivered_at": None}
    assert problems(order, as_of=NOW)
    assert problems({**order, "as_of": "2026-10-03T13:00:00Z"}, as_of=NOW) == []


def test_milestones_change_only_when_one_is_passed():
    order = {**ORDER, "status": "shipped", "delivered_at": None}
    days = [milestones(order, as_of=CALM + dt.timedelta(days=n)) for n in range(14)]
    assert [m for i, m in enumerate(days) if i == 0 or m != days[i - 1]] == [[], ["overdue"], ["overdue", "stuck_in_transit"]]
