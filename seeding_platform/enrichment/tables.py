"""The state of every record as rows of the tables of layer `enriched`: read in one transaction, so that they belong together."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.catalog.tables.enriched import ENRICHED, enriched_schema
from seeding_platform.storage.enrichment.states import Stage, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seeding_platform.storage.state import State

Row = dict[str, Any]


OVERLAP = dt.timedelta(hours=1)
"""How far before the tables were built last changes are looked for: clocks of workers differ, and a moment is noted before it is written."""
RECORD, EXCEPTION = ("tenant", "record_type", "record_id"), ("tenant", "exception_id")
OF_RECORD: Mapping[str, tuple[str, ...]] = {
    "order_analysis": RECORD, "exception_records": EXCEPTION, "resolutions": EXCEPTION, "dead_letters": RECORD, "action_ledger": ("key",),
}  # fmt: skip
"""By which columns rows of a table are told from those that take their place; rows of the ledger never go away."""


def enriched_frames(state: State) -> dict[str, pl.DataFrame]:
    """Frame by table name, `tenant` first, sorted by its key; of all tenants."""
    return _frames(*_read(state, None))


def brought_up_to_date(state: State, before: Mapping[str, pl.DataFrame], *, built_at: dt.datetime) -> dict[str, pl.DataFrame] | None:
    """The same of tables as they were built at a moment, by the records that have moved since; None where that does not come to what there is.

    Args:
        state: the database.
        before: the tables, with the columns that they have.
        built_at: before which all that they tell was read.
    """
    read = _read(state, built_at - OVERLAP)
    moved = pl.DataFrame([{c: r[c] for c in RECORD} for r in read[0]], schema=dict.fromkeys(RECORD, pl.String))
    fresh, frames = _frames(*read), {}
    for name, frame in fresh.items():
        key = list(OF_RECORD[name])
        gone = moved.filter(pl.col("record_type") == "exception").rename({"record_id": "exception_id"}) if key == list(EXCEPTION) else moved
        gone = frame if name == "action_ledger" else gone
        kept = before[name].join(gone.select(key), on=key, how="anti")
        frames[name] = pl.concat([kept, frame]).sort("tenant", *ENRICHED[name].key)
    return frames if {name: frame.height for name, frame in frames.items()} == _heights(state) else None


def _heights(state: State) -> dict[str, int]:
    """How many rows each table must have."""
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment import schema

    s, r = schema.stages.c, schema.records.c
    done = [s.status == Status.COMPLETED.value]
    wanted = {
        "order_analysis": sa.select(sa.func.count()).where(*done, s.stage == Stage.ORDER_ANALYSIS.value),
        "exception_records": sa.select(sa.func.count()).where(r.record_type == "exception"),
        "resolutions": sa.select(sa.func.count()).where(*done, s.stage == Stage.RESOLUTION.value, s.record_type == "exception"),
        "dead_letters": sa.select(sa.func.count()).where(s.escalated_at.is_not(None)),
        "action_ledger": sa.select(sa.func.count()).select_from(schema.actions),
    }
    with state.engine.connect() as connection:
        return {name: int(connection.execute(query).scalar_one()) for name, query in wanted.items()}


def _frames(records: Sequence[Row], stages: Sequence[Row], actions: Sequence[Row]) -> dict[str, pl.DataFrame]:
    by_record: dict[tuple[str, str, str], dict[str, Row]] = defaultdict(dict)
    for row in stages:
        by_record[row["tenant"], row["record_type"], row["record_id"]][row["stage"]] = row
    whole = [(record, by_record[record["tenant"], record["record_type"], record["record_id"]]) for record in records]
    rows = {
        "order_analysis": [_analysis(record, of[Stage.ORDER_ANALYSIS]) for record, of in whole if _is_done(of.get(Stage.ORDER_ANALYSIS))],
        "exception_records": [_exception(record, of) for record, of in whole if record["record_type"] == "exception"],
        "resolutions": [
            _resolution(record, of[Stage.RESOLUTION])
            for record, of in whole
            if record["record_type"] == "exception" and _is_done(of.get(Stage.RESOLUTION))
        ],
        "dead_letters": [_dead(row) for row in stages if row["escalated_at"] is not None],
        "action_ledger": actions,
    }
    return {name: _frame(name, given) for name, given in rows.items()}


def _read(state: State, since: dt.datetime | None) -> tuple[Sequence[Row], Sequence[Row], Sequence[Row]]:
    """Rows of records, stages and actions at one moment; `since`: of the records that have moved from then on, and actions of theirs."""
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment import schema

    r, s, a = schema.records, schema.stages, schema.actions
    queries = [sa.select(t) for t in (r, s, a)]
    if since is not None:
        names = [s.c[c] for c in RECORD]
        moved = (
            sa.select(*names).where(s.c.moved_at >= since).union(sa.select(*(r.c[c] for c in RECORD)).where(r.c.updated_at >= since)).subquery()
        )  # fmt: skip
        theirs = [sa.select(t).join(moved, sa.and_(*(t.c[c] == moved.c[c] for c in RECORD))) for t in (r, s, a)]
        queries = [*theirs[:2], theirs[2].union(sa.select(a).where(a.c.planned_at >= since))]  # type: ignore[list-item]
    with state.engine.execution_options(**_snapshot(state)).connect() as connection, connection.begin():
        return tuple([dict(row) for row in connection.execute(query).mappings()] for query in queries)  # type: ignore[return-value]


def _snapshot(state: State) -> dict[str, str]:
    """Several statements see one state: SQLite's transactions do so by themselves."""
    return {"isolation_level": "REPEATABLE READ"} if state.engine.dialect.name == "postgresql" else {}


def _frame(name: str, rows: Iterable[Row]) -> pl.DataFrame:
    schema = enriched_schema(name)
    return pl.DataFrame([{c: r.get(c) for c in schema} for r in rows], schema=schema).sort("tenant", *ENRICHED[name].key)


def _is_done(row: Row | None) -> bool:
    return row is not None and row["status"] == Status.COMPLETED


def _output(row: Row) -> Mapping[str, Any]:
    return json.loads(row["output"]) if row["output"] is not None else {}


def _text(value: object) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False)


def _analysis(record: Row, row: Row) -> Row:
    told = _output(row)
    problems = [p if isinstance(p, str) else p["kind"] for p in told.get("problems", ())]
    named = {name: record[name] for name in ("tenant", "record_type", "record_id")}
    evidence = told.get("evidence") or [p for p in told.get("problems", ()) if not isinstance(p, str)]
    return {**named, "problems": problems, "severity": told.get("severity"), "evidence": _text(evidence), "confidence": row["confidence"]}


def _exception(record: Row, stages: Mapping[str, Row]) -> Row:
    facts, label = json.loads(record["payload"]), stages.get(Stage.CLASSIFICATION)
    tried = [row["started_at"] for row in stages.values() if row["started_at"] is not None]
    done = label if label is not None and _is_done(label) else None
    return {
        "tenant": record["tenant"],
        "exception_id": record["record_id"],
        "order_id": facts.get("order_id"),
        "raised_at": record["arrived_at"],
        "source": facts.get("source"),
        "ai_label": done["label"] if done else None,
        "ai_confidence": done["confidence"] if done else None,
        "analysis_notes": _output(done).get("notes") if done else None,
        "labelled_by": done["provider"] if done else None,
        "created_at": record["arrived_at"],
        "updated_at": max([record["updated_at"], *(row["moved_at"] for row in stages.values())]),
        "enrichment_state": json.dumps({stage: row["status"] for stage, row in sorted(stages.items())}),
        "last_enrichment_attempt": max(tried, default=None),
        "enrichment_retry_count": max([0, *(row["attempts"] - 1 for row in stages.values())]),
    }


def _resolution(record: Row, row: Row) -> Row:
    told = _output(row)
    shown = {name: told.get(name) for name in ("resolvable", "action", "mode", "outcome")}
    named = {"tenant": record["tenant"], "exception_id": record["record_id"], "confidence": row["confidence"]}
    return {**named, **shown, "parameters": _text(told.get("parameters"))}


def _dead(row: Row) -> Row:
    return {**row, "error": row["error"]}
