"""The state of every record as rows of the tables of layer `enriched`: read in one transaction, so that they belong together."""

from __future__ import annotations

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


def enriched_frames(state: State) -> dict[str, pl.DataFrame]:
    """Frame by table name, `tenant` first, sorted by its key; of all tenants."""
    records, stages, actions = _read(state)
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


def _read(state: State) -> tuple[Sequence[Row], Sequence[Row], Sequence[Row]]:
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment import schema

    with state.engine.execution_options(**_snapshot(state)).connect() as connection, connection.begin():
        return tuple([dict(r) for r in connection.execute(sa.select(t)).mappings()] for t in (schema.records, schema.stages, schema.actions))  # type: ignore[return-value]


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
