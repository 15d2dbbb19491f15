"""Records: the same facts give the same record, a change gives another, what is no record is refused with a reason and nothing else is lost."""

import datetime as dt
import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeding_platform.enrichment.payload import MOST_BYTES, MOST_LINE, from_exceptions, from_lines, from_orders, priority, unworkable
from seeding_platform_tests.enrichment.conftest import NOW


def lines(*told):
    return b"\n".join(t if isinstance(t, bytes) else json.dumps(t).encode() for t in told)


def one(**facts):
    taken = from_lines(lines({"record_type": "exception", "record_id": "E-1", **facts}), tenant="acme")
    assert not taken.refused
    return taken.records[0]


def test_rows_become_records_with_their_order(tables):
    records = from_exceptions(tables["exception_records"], tables["orders"])
    assert len(records) == tables["exception_records"].height == len({r.record_id for r in records})
    by_id = {r.record_id: r for r in records}
    assert by_id["EX-026"].payload["order"] is None  # its order is not known
    assert by_id["EX-026"].value is None
    known = by_id["EX-001"]
    assert known.payload["order"]["order_id"] == known.payload["order_id"]
    assert known.value == known.payload["order"]["amount"]
    assert known.payload["description"]
    assert known.arrived_at == dt.datetime(2026, 7, 12, 18, 47, tzinfo=dt.UTC)
    assert all(0 <= r.priority <= 100 and len(r.input_hash) == 64 for r in records)


def test_personal_data_is_treated_before_it_gets_here(tables):
    told = json.dumps(
        [
            r.payload
            for r in from_lines(lines({"record_type": "order", "record_id": "1", "note": "mail jan@example.nl or 06-12345678"}), tenant="t").records
        ]
    )
    assert "jan@" not in told
    assert "12345678" not in told
    assert "[EMAIL]" in told


def test_the_order_of_rows_and_columns_changes_nothing(tables):
    orders = tables["orders"]
    again = from_orders(orders.sample(fraction=1, shuffle=True, seed=3).select(sorted(orders.columns)))
    assert {r.record_id: r for r in again} == {r.record_id: r for r in from_orders(orders)}


def test_a_fact_that_changes_is_another_input():
    base = one(description="broken")
    assert one(description="broken") == base
    assert one(description="Broken").input_hash != base.input_hash
    assert one(description="broken", order={"amount": 3}).input_hash != base.input_hash


def test_an_order_counts_as_changed_on_the_day_that_it_is_overdue():
    frame = pl.DataFrame(
        {"tenant": ["t"], "order_id": ["1"], "status": ["shipped"], "promised_at": [NOW], "shipped_at": [NOW - dt.timedelta(days=1)]}
    )
    hashes = [from_orders(frame, as_of=NOW + dt.timedelta(hours=h))[0].input_hash for h in (-2, -1, 1, 2)]
    assert hashes[0] == hashes[1] != hashes[2] == hashes[3]


def test_money_is_told_in_euros_or_not_at_all():
    def value(**order):
        return from_lines(lines({"record_type": "order", "record_id": "1", **order}), tenant="t", rates={"USD": 0.9}).records[0].value

    assert value(amount=10, currency="EUR") == 10
    assert value(amount=10, currency="USD") == 9
    assert value(amount=10, currency="SEK") is None
    assert value(amount=10) is None
    assert value(currency="EUR") is None


def test_more_money_and_more_delay_are_more_urgent():
    late = {"promised_at": "2026-10-01T00:00:00Z", "created_at": "2026-09-29T00:00:00Z"}
    raised = dt.datetime(2026, 10, 3, tzinfo=dt.UTC)
    assert priority("exception", late, raised, 900) > priority("exception", late, raised, 9) > priority("exception", {}, raised, 9)
    assert priority("order", None, None, 0) == 0
    assert priority("order", {"promised_at": "2026-01-01T00:00:00Z", "delivered_at": "2027-01-01T00:00:00Z"}, None, 1e9) == 80


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"record_type": "order", "record_id": "\xff"}', "not UTF-8"),
        (b"{", "no JSON"),
        (b"[1]", "no JSON object"),
        (b'{"record_type": "order", "record_id": "1", "amount": NaN}', "no JSON"),
        (b'{"record_type": "order", "record_id": "1", "amount": 1e999}', "no JSON"),
        (b'{"record_type": "order", "record_id": "1", "note": "\\ud800"}', "not UTF-8"),
        (b'{"record_type": "parcel", "record_id": "1"}', "record_type"),
        (b'{"record_type": "order"}', "record_id"),
        (b'{"record_type": "order", "record_id": 7}', "record_id"),
        (b'{"record_type": "order", "record_id": " "}', "record_id"),
        (b'{"record_type": "order", "record_id": "a\\u0000b"}', "record_id"),
        (b'{"record_type": "order", "record_id": "' + b"a" * 201 + b'"}', "record_id"),
        (b'{"record_type": "order", "record_id": "1", "amount": "12k"}', "amount"),
        (b'{"record_type": "order", "record_id": "1", "amount": true}', "amount"),
        (b'{"record_type": "order", "record_id": "1", "created_at": "gisteren"}', "created_at"),
        (b'{"record_type": "order", "record_id": "1", "note": {"a": 1}}', "note"),
        (b'{"record_type": "exception", "record_id": "1", "order": "O-1"}', "order"),
        (b'{"record_type": "exception", "record_id": "1", "order": {"amount": "x"}}', "amount"),
        (b"[" * 100_000, "no JSON"),
        (b'"' + b"a" * MOST_LINE + b'"', "longer"),
    ],
)
def test_what_is_no_record_is_refused_with_its_line(line, why):
    good = {"record_type": "order", "record_id": "good"}
    taken = from_lines(lines(good, line, b"", good | {"record_id": "too"}), tenant="t")
    assert [r.record_id for r in taken.records] == ["good", "too"]
    assert [r.line for r in taken.refused] == [2]
    assert why in taken.refused[0].why


def test_what_is_too_long_is_taken_in_and_can_be_seen_to_be_too_long():
    record = one(description="x" * MOST_BYTES)
    assert "too long" in unworkable(record.payload)
    assert len(json.dumps(record.payload)) < 100
    assert record.input_hash != one(description="y" * MOST_BYTES).input_hash
    assert unworkable(one(description="x").payload) == ""


def test_a_row_that_is_too_long_is_taken_in_too():
    frame = pl.DataFrame({"tenant": ["t"], "exception_id": ["E"], "order_id": [None], "description": ["é" * MOST_BYTES], "raised_at": [NOW]})
    record = from_exceptions(frame, pl.DataFrame(schema={"tenant": pl.String, "order_id": pl.String}))[0]
    assert "too long" in unworkable(record.payload)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_taken_or_refused_line_by_line(content):
    taken = from_lines(content, tenant="t", scrub=False)
    assert len(taken.records) + len(taken.refused) == sum(1 for line in content.splitlines() if line.strip())


def test_an_id_that_is_a_mail_address_is_refused():
    taken = from_lines(b'{"record_type": "order", "record_id": "jan@example.nl"}', tenant="acme")
    assert taken.records == []
    assert "name nobody" in taken.refused[0].why
    assert "jan" not in taken.refused[0].why
