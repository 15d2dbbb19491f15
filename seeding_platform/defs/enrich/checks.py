"""Checks of the enriched tables: nothing is lost, nothing masked, nothing done twice, and enough of it is complete and sure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    import polars as pl

    from seeding_platform.enrichment.house import House

EXCEPTIONS, LEDGER, DEAD = "exception_records", "action_ledger", "dead_letters"
LEAST_COMPLETE, LEAST_SURE = 0.95, 0.80
CHECKS: dict[str, tuple[tuple[str, str], ...]] = {
    EXCEPTIONS: (
        ("no_lost_records", "Every record that was taken in is completed, skipped, dead, due or under way in each stage; every exception has a row"),
        ("no_null_completed", "What is completed has a label and a confidence, and what is not has none"),
        ("completeness", "95 % of the exceptions that are a day old have a label"),
        ("retries", "No record was retried more than five times"),
        ("high_confidence", "80 % of the labels have a confidence of .7 or more"),
    ),
    LEDGER: (("ledger_unique", "No action was carried out twice for one record"),),
    DEAD: (("dead_letters", "No record waits for somebody to look at it"),),
}
WARN = ("completeness", "high_confidence", "dead_letters")


def check_specs() -> list[dg.AssetCheckSpec]:
    """Every check with its table."""
    return [dg.AssetCheckSpec(name, asset=["enriched", table], description=says) for table, listed in CHECKS.items() for name, says in listed]


def results(house: House, frames: Mapping[str, pl.DataFrame], *, quality: pl.DataFrame, now: dt.datetime) -> dict[str, list[dg.AssetCheckResult]]:
    """Results by table.

    Args:
        house: whose state is counted.
        frames: the tables as they are written.
        quality: rows of `quality/exception_records` that were taken in.
        now: the moment, aware.
    """
    rows = frames[EXCEPTIONS]
    found = {
        EXCEPTIONS: [_lost(house, rows, quality, now), _masked(rows), _complete(rows, now), _retries(rows), _sure(rows)],
        LEDGER: [_unique(frames[LEDGER])],
        DEAD: [_result(DEAD, "dead_letters", frames[DEAD].is_empty(), {"dead": frames[DEAD].height})],
    }
    assert {t: [r.check_name for r in listed] for t, listed in found.items()} == {t: [n for n, _ in listed] for t, listed in CHECKS.items()}  # noqa: S101
    return found


def _result(table: str, name: str, passed: bool, metadata: dict[str, Any]) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.WARN if name in WARN else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(asset_key=["enriched", table], check_name=name, passed=passed, severity=severity, metadata=metadata)


def _lost(house: House, rows: pl.DataFrame, quality: pl.DataFrame, now: dt.datetime) -> dg.AssetCheckResult:
    counts = house.store.counts(now=now)
    astray = sum(abs(c.ingested - c.completed - c.skipped - c.dead - c.due - c.leased) for c in counts)
    key = ["tenant", "exception_id"]
    without = quality.select(key).join(rows.select(key), on=key, how="anti").height
    facts = {"astray": astray, "exceptions_without_a_row": without, "records": sum(c.ingested for c in counts)}
    return _result(EXCEPTIONS, "no_lost_records", astray == 0 and without == 0, facts)


def _masked(rows: pl.DataFrame) -> dg.AssetCheckResult:
    import polars as pl

    done = pl.col("enrichment_state").str.json_path_match("$.exception_classification") == "completed"
    has = pl.col("ai_label").is_not_null() & pl.col("ai_confidence").is_not_null()
    some = pl.col("ai_label").is_not_null() | pl.col("ai_confidence").is_not_null()
    wrong = rows.filter((done & ~has) | (~done & some)).height
    return _result(EXCEPTIONS, "no_null_completed", wrong == 0, {"wrong": wrong, "rows": rows.height})


def _complete(rows: pl.DataFrame, now: dt.datetime) -> dg.AssetCheckResult:
    import polars as pl

    from seeding_platform.enrichment.measures import SLA

    old = rows.filter(pl.col("created_at") < now - SLA)
    share = None if old.is_empty() else old["ai_label"].is_not_null().mean()
    told = {"older_than_a_day": old.height, "without_a_label": int(old["ai_confidence"].is_null().sum())}
    return _result(EXCEPTIONS, "completeness", share is None or float(share) >= LEAST_COMPLETE, told)  # type: ignore[arg-type]


def _retries(rows: pl.DataFrame) -> dg.AssetCheckResult:
    from seeding_platform.storage.enrichment.states import MOST_RETRIES

    above = int((rows["enrichment_retry_count"] > MOST_RETRIES).sum())
    return _result(EXCEPTIONS, "retries", above == 0, {"above_five": above})


def _sure(rows: pl.DataFrame) -> dg.AssetCheckResult:
    from seeding_platform.enrichment.measures import HIGH

    known = rows["ai_confidence"].drop_nulls()
    share = None if known.is_empty() else float((known >= HIGH).mean())  # type: ignore[arg-type]
    return _result(EXCEPTIONS, "high_confidence", share is None or share >= LEAST_SURE, {"labels": known.len(), "share": share})


def _unique(ledger: pl.DataFrame) -> dg.AssetCheckResult:
    import polars as pl

    done = ledger.filter((pl.col("mode") == "executed") & pl.col("state").is_in(["sent", "done"]))
    twice = done.group_by("tenant", "record_type", "record_id", "action").len().filter(pl.col("len") > 1).height
    return _result(LEDGER, "ledger_unique", twice == 0 and ledger["key"].is_unique().all(), {"twice": twice, "actions": ledger.height})
