"""Records of enrichment from rows of the quality layer and from lines of JSON: facts in one form, their hash, what is at stake, how urgent they are.

The same facts give the same record whenever they are read: no clock enters, and what is unknown is left out of no hash.
"""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.enrichment.problems import milestones, moment, number
from seeding_platform.storage.enrichment.states import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

MOST_BYTES = 100_000
"""A record with more facts than this is taken in, so that it is not lost, and fails for good as too long."""
MOST_LINE = 1_000_000
"""A line longer than this is refused: nothing of it is kept."""
LONGEST_ID = 200
ORDER_FACTS = (
    "order_id", "customer_ref", "status", "created_at", "promised_at", "shipped_at", "delivered_at", "carrier", "amount", "currency", "paid_amount",
    "items", "ship_country", "utm_source", "utm_campaign", "note", "duplicate_of",
)  # fmt: skip
EXCEPTION_FACTS = ("exception_id", "order_id", "raised_at", "source", "description")
MOMENTS = ("created_at", "promised_at", "shipped_at", "delivered_at", "raised_at", "as_of")
NUMBERS = ("amount", "paid_amount", "items")
TOO_LONG = "too_long_bytes"
UNKNOWN_VALUE_POINTS = 25.0
"""Where the value is not known a record ranks in the middle, neither first nor last."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that is no record.

    Args:
        line: from 1.
        why: without the words of the line.
    """

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of lines: every one that is not empty is in exactly one of the two."""

    records: list[Record]
    refused: list[Refused]


def from_orders(orders: pl.DataFrame, *, rates: Mapping[str, float] | None = None, as_of: dt.datetime | None = None) -> list[Record]:
    """Records of the rows of `quality/orders`, whose tenants stand in them.

    Args:
        orders: rows; columns that are not there count as unknown.
        rates: EUR for one unit of a currency.
        as_of: what is overdue by then becomes a fact of the record, so that it counts as changed when that happens; None leaves that out.
    """
    return [_order(row["tenant"], _facts(row, ORDER_FACTS), rates, as_of) for row in orders.iter_rows(named=True)]


def from_exceptions(
    exceptions: pl.DataFrame, orders: pl.DataFrame, *, rates: Mapping[str, float] | None = None, as_of: dt.datetime | None = None
) -> list[Record]:
    """Records of the rows of `quality/exception_records`, each with the facts of its order as `order` (null where that is unknown)."""
    by_id = {(row["tenant"], row["order_id"]): _facts(row, ORDER_FACTS) for row in orders.iter_rows(named=True)}
    records = []
    for row in exceptions.iter_rows(named=True):
        facts = _facts(row, EXCEPTION_FACTS)
        records.append(_exception(row["tenant"], facts | {"order": by_id.get((row["tenant"], facts.get("order_id")))}, rates, as_of))
    return records


def from_lines(content: bytes, *, tenant: str, rates: Mapping[str, float] | None = None, scrub: bool = True) -> Taken:
    """Records of lines of JSON: `{"record_type": "order" | "exception", "record_id": "...", ...facts}`; an exception may carry its `order`.

    Args:
        content: UTF-8; empty lines are left out.
        tenant: whose they are.
        rates: EUR for one unit of a currency.
        scrub: whether personal data that is found in texts is replaced by its label.
    """
    told: list[tuple[int, dict[str, Any], int]] = []
    refused: list[Refused] = []
    for number_, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        facts = _line(line)
        if isinstance(facts, str):
            refused.append(Refused(number_, facts))
        else:
            told.append((number_, facts, len(line)))
    kept = [(n, facts, size) for n, facts, size in told if size <= MOST_BYTES]
    treated = scrubbed([f for _, f, _ in kept]) if scrub else [f for _, f, _ in kept]
    by_line: dict[int, dict[str, Any]] = {n: facts for (n, _, _), facts in zip(kept, treated, strict=True)}
    records = [_taken(tenant, facts, size, by_line.get(n), rates) for n, facts, size in told]
    return Taken(records, refused)


def unworkable(facts: Mapping[str, Any]) -> str:
    """Why no stage can work on a record at all; empty where one can."""
    size = facts.get(TOO_LONG)
    return f"too long: {size} bytes of facts, {MOST_BYTES} are worked on" if size is not None else ""


def canonical(facts: Mapping[str, Any]) -> str:
    """Facts as text: names in order, no spaces; the same facts are the same text.

    >>> canonical({"b": 1, "a": None})
    '{"a":null,"b":1}'
    """
    return json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def input_hash(facts: Mapping[str, Any]) -> str:
    """SHA-256 of the facts, hex."""
    return hashlib.sha256(canonical(facts).encode("utf-8", "surrogatepass")).hexdigest()


def value_eur(order: Mapping[str, Any] | None, rates: Mapping[str, float] | None = None) -> float | None:
    """Money at stake in EUR: the order's amount; None where amount, currency or its rate is not known."""
    if order is None:
        return None
    amount, currency = number(order, "amount"), order.get("currency")
    rate = 1.0 if currency == "EUR" else (rates or {}).get(str(currency))
    return None if amount is None or rate is None else round(amount * rate, 2)


def priority(record_type: str, order: Mapping[str, Any] | None, raised_at: dt.datetime | None, value: float | None) -> int:
    """How urgent a record is, 0-100, of what does not change by waiting.

    `50 min(1, ln(1 + value) / ln(1001)) + 30 min(1, days late / 7) + 10 min(1, days from order to exception / 14) + 10 for an exception`:
    value in EUR (half of its points where it is unknown), days late = arrival, or the raising of the exception while there is none, after the day
    that was promised. How long a record has waited in the queue is the queue's own business.

    >>> priority("exception", {"promised_at": "2026-01-01T00:00:00Z"}, dt.datetime(2026, 1, 8, tzinfo=dt.UTC), 1000.0)
    90
    """
    facts = order or {}
    points = UNKNOWN_VALUE_POINTS if value is None else 50 * min(1.0, math.log1p(max(value, 0.0)) / math.log(1001))
    promised, until, created = moment(facts, "promised_at"), moment(facts, "delivered_at") or raised_at, moment(facts, "created_at")
    if promised is not None and until is not None and until > promised:
        points += 30 * min(1.0, (until - promised) / dt.timedelta(days=7))
    if created is not None and raised_at is not None and raised_at > created:
        points += 10 * min(1.0, (raised_at - created) / dt.timedelta(days=14))
    return max(0, min(100, round(points + (10 if record_type == "exception" else 0))))


def _order(tenant: str, facts: dict[str, Any], rates: Mapping[str, float] | None, as_of: dt.datetime | None) -> Record:
    told = facts | ({"passed": milestones(facts, as_of=as_of)} if as_of is not None else {})
    value = value_eur(facts, rates)
    urgent = priority("order", facts, None, value)
    return _record(tenant, "order", facts["order_id"], told, value, urgent, moment(facts, "created_at"))


def _exception(tenant: str, facts: dict[str, Any], rates: Mapping[str, float] | None, as_of: dt.datetime | None) -> Record:
    order = facts["order"]
    if order is not None and as_of is not None:
        facts = facts | {"order": order | {"passed": milestones(order, as_of=as_of)}}
    value, raised = value_eur(order, rates), moment(facts, "raised_at")
    return _record(tenant, "exception", facts["exception_id"], facts, value, priority("exception", order, raised, value), raised)


def _record(tenant: str, kind: str, record_id: str, facts: dict[str, Any], value: float | None, urgent: int, arrived: dt.datetime | None) -> Record:
    text = canonical(facts)
    if len(text.encode()) > MOST_BYTES:
        facts = {TOO_LONG: len(text.encode())}
    mark = hashlib.sha256(text.encode()).hexdigest()  # of all of the facts, kept or not: a shorter version is a change
    return Record(
        tenant=tenant, record_type=kind, record_id=record_id, payload=facts, input_hash=mark, priority=urgent, value=value, arrived_at=arrived
    )


def _facts(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: _plain(row.get(name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        at = value if value.tzinfo is not None else value.replace(tzinfo=dt.UTC)
        return at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, decimal.Decimal):
        return float(value)
    return value


def _line(line: bytes) -> dict[str, Any] | str:
    """Facts of a line, or why it is none."""
    if len(line) > MOST_LINE:
        return f"it is longer than {MOST_LINE} bytes"
    try:
        told = json.loads(line.decode("utf-8"), parse_constant=_no_number)
        json.dumps(told, ensure_ascii=False, allow_nan=False).encode()  # 1e999 is infinite, and half of a surrogate pair is no text
    except UnicodeError:
        return "it is not UTF-8"
    except (ValueError, RecursionError):
        return "it is no JSON"
    if not isinstance(told, dict):
        return "it is no JSON object"
    if told.get("record_type") not in ("order", "exception"):
        return "record_type is neither order nor exception"
    name = told.get("record_id")
    if not isinstance(name, str) or not len(name.strip()) > 0 or len(name) > LONGEST_ID or not name.isprintable():
        return f"record_id is no text of 1 to {LONGEST_ID} plain characters"
    if "@" in name:
        return "record_id is a mail address: an id stays when a person is erased, so it may name nobody"
    order = told.get("order")
    if order is not None and (not isinstance(order, dict) or told["record_type"] == "order"):
        return "order is no object, or stands in an order"
    return _wrong(told) or ("" if order is None else _wrong(order)) or told


def _wrong(facts: Mapping[str, Any]) -> str:
    for name in MOMENTS:
        if facts.get(name) is not None and moment(facts, name) is None:
            return f"{name} is no moment in ISO 8601"
    for name in NUMBERS:
        told = facts.get(name)
        if told is not None and (isinstance(told, bool) or not isinstance(told, int | float)):
            return f"{name} is no number"
    texts = ("currency", "status", "note", "description", "carrier", "ship_country", "duplicate_of")
    return next((f"{name} is no text" for name in texts if facts.get(name) is not None and not isinstance(facts[name], str)), "")


def _no_number(name: str) -> Any:
    raise ValueError(name)


def _taken(tenant: str, told: dict[str, Any], size: int, treated: dict[str, Any] | None, rates: Mapping[str, float] | None) -> Record:
    kind, name = told["record_type"], told["record_id"]
    if treated is None:
        mark = input_hash(told)
        return Record(tenant=tenant, record_type=kind, record_id=name, payload={TOO_LONG: size}, input_hash=mark)
    facts = {k: v for k, v in treated.items() if k not in ("record_type", "record_id")}
    if kind == "order":
        return _order(tenant, facts | {"order_id": name}, rates, None)
    return _exception(tenant, facts | {"exception_id": name, "order": facts.get("order")}, rates, None)


def scrubbed(facts: list[dict[str, Any]], *, weak: bool = False) -> list[dict[str, Any]]:
    """The same with personal data in texts replaced by its label; keys, moments and codes stay as they are.

    Args:
        facts: plain JSON.
        weak: names and addresses by lists of words too.
    """
    import polars as pl

    from seeding_platform.governance.pii import detect_pii, redacted

    texts: list[str] = []

    def seen(text: str) -> str:
        texts.append(text)
        return text

    for told in facts:
        _each(told, seen)
    if not texts:
        return facts
    column = pl.Series(texts, dtype=pl.String)
    clean = iter(redacted(column, spans=detect_pii(column, weak=weak)).to_list())
    return [_each(told, lambda _: next(clean)) for told in facts]


_CODES = frozenset({"record_type", "record_id", "order_id", "exception_id", "currency", "status", "ship_country", *MOMENTS})


def _each(told: Any, what: Any, name: str = "") -> Any:
    if isinstance(told, str):
        return told if name in _CODES else what(told)
    if isinstance(told, dict):
        return {key: _each(value, what, key) for key, value in told.items()}
    if isinstance(told, list):
        return [_each(value, what, name) for value in told]
    return told
