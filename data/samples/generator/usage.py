"""How the organisation uses its own dashboards and workflows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from generator.records import Findings, Sample, iso, rng_for

if TYPE_CHECKING:
    import random

    from generator.records import Row

EVENTS = 2000
NEXT_PAGE: dict[str, dict[str, str]] = {
    "analyst": {
        "start": "kpi kpi kpi posts ads",
        "kpi": "ads ads ads posts posts export",
        "ads": "campaign campaign kpi export",
        "campaign": "ads ads kpi export",
        "posts": "hashtags hashtags kpi competitors",
        "hashtags": "posts competitors competitors",
        "competitors": "kpi posts",
        "export": "kpi kpi start",
    },
    "manager": {
        "start": "kpi kpi kpi kpi campaign",
        "kpi": "campaign campaign competitors",
        "campaign": "kpi budget budget",
        "budget": "kpi kpi campaign",
        "competitors": "kpi kpi start",
    },
    "operator": {
        "start": "exceptions exceptions exceptions orders",
        "exceptions": "orders orders orders resolve",
        "orders": "exceptions exceptions resolve customer",
        "resolve": "exceptions exceptions exceptions orders",
        "customer": "orders orders exceptions",
    },
}
"""Markov chain of each role: the next page is drawn from the words behind the page; the first page is "start"."""
STOP = 0.13
"""Probability that a session ends after a page."""
DEVICES = {"analyst": ("pc", "pc", "pc", "tablet"), "manager": ("phone", "phone", "tablet", "pc"), "operator": ("pc", "tablet", "tablet")}


def _session(rng: random.Random, number: int, room: int) -> list[Row]:
    role = rng.choices(list(NEXT_PAGE), (4, 2, 4))[0]
    user = f"u{rng.randrange(1, 9) + 10 * list(NEXT_PAGE).index(role):02d}"
    device, page = rng.choice(DEVICES[role]), "start"
    at = datetime(2026, 9, 1) + timedelta(days=number * 60 // 320, hours=rng.randrange(6, 17), seconds=rng.randrange(3600))
    rows = []
    while len(rows) < room:
        dwell = int(rng.lognormvariate(9.2, 0.8))
        rows.append({"s": f"s{number:03d}", "n": len(rows) + 1, "u": user, "r": role, "p": page, "ms": dwell, "d": device, "t": iso(at)})
        at += timedelta(milliseconds=dwell)
        page = rng.choice(NEXT_PAGE[role][page].split())
        if len(rows) > 1 and rng.random() < STOP:
            break
    return rows


def navigation(findings: Findings) -> Sample:
    """2,000 steps of sessions in September and October."""
    rng = rng_for("navigation")
    sample = Sample("navigation.jsonl", "navigation_events", ("s", "n"), "short field names; ISO 8601 UTC")
    number = 0
    while len(sample.records) < EVENTS:
        number += 1
        for row in _session(rng, number, EVENTS - len(sample.records)):
            sample.add(row)
    sessions: dict[str, list[Row]] = {}
    for record in sample.records:
        sessions.setdefault(record.values["s"], []).append(record.values)
    for rows in [rows for rows in sessions.values() if len(rows) >= 6][20:23]:  # a step was lost: the later ones count on
        for row in rows[3:]:
            row["n"] += 1
        Findings.note(findings.flagged, "navigation_events", "sequence_has_no_gap", sample.label(rows[3]))
    sample.repeat([100, 555, 901, 1300, 1777])
    sample.restate([400, 1200, 1600], lambda row: {"ms": None, "d": None})
    for place, (reason, values) in enumerate(
        (
            ("minimum:seq", {"n": 0}),
            ("not_null:page", {"p": None}),
            ("not_null:page", {"p": None}),
            ("cast:at", {"t": "gisteren"}),
            ("minimum:dwell_ms", {"ms": -50}),
        )
    ):
        sample.break_with(reason, {"s": f"s9{place:02d}", "n": 1, **values}, 200 * place + 30)
    return sample


WORKFLOWS = (
    ("daily-post-sync", "cron", 48, 60),
    ("weekly-kpi-mail", "cron", 6, 40),
    ("exception-intake", "webhook", 5, 8),
    ("catalogue-refresh", "manual", 900, 300),
    ("ad-cost-import", "cron", 120, 90),
)
"""Name, usual trigger, usual number of items, usual seconds."""


def workflows() -> Sample:
    """62 runs; about one in eight fails."""
    rng = rng_for("workflows")
    sample = Sample("workflow_runs.json", "workflow_executions", ("id",), "ISO 8601 UTC")
    for number in range(62):
        name, trigger, items, seconds = WORKFLOWS[number % len(WORKFLOWS)]
        started = datetime(2026, 10, 1, 5) + timedelta(hours=number * 11.7, minutes=rng.randrange(30))
        failed = rng.random() < 0.13
        sample.add(
            {
                "id": f"run-{number + 1:03d}",
                "workflow": name,
                "trigger": trigger if rng.random() < 0.85 else "manual",
                "status": "failed" if failed else "succeeded",
                "started_at": iso(started),
                "finished_at": iso(started + timedelta(seconds=int(seconds * rng.lognormvariate(0, 0.4)) + 1)),
                "items": 0 if failed else int(items * rng.lognormvariate(0, 0.3)) + 1,
                "error": rng.choice(("time-out after 30 s", "sign-in expired")) if failed else None,
            }
        )
    sample.repeat([17])
    sample.restate([29, 50], lambda row: {"status": "running", "finished_at": None, "items": None, "error": None})
    sample.break_with(
        "finished_not_before_started", {"id": "run-901", "started_at": "2026-10-12T09:00:00Z", "finished_at": "2026-10-12T08:58:00Z"}, 4
    )
    sample.break_with("not_null:workflow_name", {"id": "run-902", "workflow": None}, 11)
    sample.break_with("values:trigger", {"id": "run-903", "trigger": "maanstand"}, 20)
    sample.break_with("minimum:items_processed", {"id": "run-904", "items": -7}, 33)
    return sample
