"""What of quality people should know: a gate that is closed, figures that are unlike those of the runs before, sources that are behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.monitoring.desk import AlertDesk
    from seeding_platform.quality.gate import Gate

CLOSED, UNUSUAL, STALE = "quality.gate_closed", "quality.monitor", "quality.stale"
FRESHNESS = "freshness_hours"


def gate_alarm(desk: AlertDesk, table: str, gate: Gate, *, run_id: str, now: dt.datetime) -> None:
    """Raise or clear the alert about the gate of a table, which is everybody's.

    Args:
        desk: where alerts are raised.
        table: its contract.
        gate: what it says.
        run_id: of the run that judged the table.
        now: the moment.
    """
    from seeding_platform.monitoring.alert import Alert

    subject = f"quality/{table}"
    if gate.is_open:
        desk.clear(CLOSED, "", subject, now=now)
        return
    desk.raise_(Alert(rule=CLOSED, tenant="", subject=subject, evidence={"why": list(gate.below), "run": run_id}), now=now)


def monitor_alarms(desk: AlertDesk, history: pl.DataFrame, *, now: dt.datetime) -> int:
    """Raise an alert for each figure that the run of this moment tells of, clear those that are usual again; returns how many were raised.

    Args:
        desk: where alerts are raised.
        history: `MONITORS` rows.
        now: the moment.
    """
    from seeding_platform.monitoring.alert import Alert

    latest = history.filter(pl.col("at") == pl.col("at").max().over("table"))
    raised = 0
    for row in latest.filter(pl.col("alerted") & (pl.col("at") == now)).sort("tenant", "table", "column", "metric").iter_rows(named=True):
        rule, subject = _named(row)
        evidence = {"metric": row["metric"], "value": _round(row["value"]), "usual": _round(row["middle"]), "distance": _round(row["distance"])}
        desk.raise_(Alert(rule=rule, tenant=row["tenant"], subject=subject, evidence={**evidence, "version": row["version"]}), now=now)
        raised += 1
    odd = {(row["tenant"], *_named(row)) for row in latest.filter(pl.col("verdict") == "unusual").iter_rows(named=True)}
    for rule in (UNUSUAL, STALE):
        for standing in desk.alerts.standing(rule=rule):
            if (standing.tenant, rule, standing.subject) not in odd:
                desk.clear(rule, standing.tenant, standing.subject, now=now)
    return raised


def _named(row: dict[str, str]) -> tuple[str, str]:
    """Rule and subject of a figure."""
    place = f"quality/{row['table']}" + (f".{row['column']}" if row["column"] else "")
    return (STALE, place) if row["metric"] == FRESHNESS else (UNUSUAL, f"{place}:{row['metric']}")


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
