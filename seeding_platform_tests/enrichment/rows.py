"""Rows of the tables of enrichment, put straight into the database: the store has its own tests."""

import datetime as dt

from seeding_platform.storage.database import writing
from seeding_platform.storage.enrichment import schema

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
STAGES = ("order_analysis", "exception_classification", "automated_resolution")


def put(state, table, rows):
    """Insert rows into one of the tables."""
    if rows:
        with writing(state.engine) as connection:
            connection.execute(table.insert(), rows)


def record(record_id, *, tenant="t", hours=48.0, withdrawn=False, now=NOW):
    """A record whose input came some hours ago."""
    at = now - hours * HOUR
    return {
        "tenant": tenant, "record_type": "exception", "record_id": record_id, "payload": "{}", "input_hash": "h", "priority": 0, "value": None,
        "ingested_at": at, "arrived_at": at, "updated_at": at, "withdrawn_at": now if withdrawn else None,
    }  # fmt: skip


def stage(record_id, name, status, *, tenant="t", now=NOW, due=0.0, ended=1.0, dead=False, ready=True, took=30.0, owner=None):
    """A row of a stage; times in hours before now, `due` negative = still to come."""
    classified = status == "completed" and name == "exception_classification"
    waits = ready and (status == "pending" or (status == "failed" and not dead))
    finished = now - ended * HOUR if status in ("completed", "skipped") else None
    return {
        "tenant": tenant, "record_type": "exception", "record_id": record_id, "stage": name, "status": status, "ready": ready, "priority": 0,
        "attempts": 1, "asked": 1, "losses": 0, "reasked": 0, "redrives": 0, "fence": 1, "input_hash": "h",
        "due_at": now - due * HOUR if waits or (status == "failed" and not dead) else None,
        "lease_owner": "w" if status == "in_progress" else None, "lease_until": now if status == "in_progress" else None,
        "output": "{}" if status == "completed" else None, "output_hash": "o" if status == "completed" else None,
        "confidence": 0.9 if classified else None, "label": "late" if classified else None,
        "provider": None, "model_version": None, "prompt_version": None, "error": "transient" if status == "failed" else None, "message": None,
        "escalated_at": now - ended * HOUR if dead else None, "owner": owner, "review_at": None,
        "started_at": None if finished is None else finished - dt.timedelta(seconds=took), "finished_at": finished, "moved_at": now,
    }  # fmt: skip


def attempt(record_id, outcome, *, tenant="t", name="exception_classification", fence=1, hours=0.5, now=NOW, **more):
    """An attempt some hours ago."""
    told = {"error": None, "confidence": None, "label": None, "provider": "p", "model_version": "m", "prompt_version": "1"}
    figures = {"took_ms": 200, "calls": 1, "tokens": 10, "cost": 0.001, "cached": False, "worker": "w", "message": None}
    key = {"tenant": tenant, "record_type": "exception", "record_id": record_id, "stage": name, "fence": fence}
    return {**key, "outcome": outcome, **told, **figures, "at": now - hours * HOUR, **more}


def label(record_id, said, *, tenant="t", machine="late", confidence=0.9, actor="ann", hours=5.0, reason="sample", now=NOW):
    """What a person said."""
    return {
        "label_id": f"{tenant}:{record_id}:{actor}", "tenant": tenant, "record_type": "exception", "record_id": record_id, "input_hash": "h",
        "label": said, "machine_label": machine, "machine_confidence": confidence, "reason": reason, "actor": actor, "at": now - hours * HOUR,
    }  # fmt: skip


def fill(state, *, tenant="t", age=48.0, now=NOW):
    """100 old records: 90 through, 4 skipped for low confidence, 3 dead, 3 waiting; 20 new ones wait; one was withdrawn."""
    records, stages, attempts = [], [], []
    for i in range(100):
        name = f"r{i:03}"
        records.append(record(name, tenant=tenant, hours=age, now=now))
        stages.append(stage(name, STAGES[0], "completed", tenant=tenant, ended=20, now=now))
        if i < 94:
            end = "completed" if i < 90 else "skipped"
            stages += [
                stage(name, STAGES[1], "completed", tenant=tenant, ended=20, now=now),
                stage(name, STAGES[2], end, tenant=tenant, ended=0.5 if i < 30 else 20, now=now),
            ]
            certain = 0.95 if i < 90 else 0.55
            attempts.append(attempt(name, "completed", tenant=tenant, fence=2, confidence=certain, label="late" if i % 2 else "lost", now=now))
        else:
            dead = i < 97
            stages += [
                stage(name, STAGES[1], "failed", tenant=tenant, dead=dead, due=-2 if i == 99 else 2, ended=3, now=now),
                stage(name, STAGES[2], "pending", tenant=tenant, ready=False, now=now),
            ]
            attempts.append(attempt(name, "failed", tenant=tenant, error="transient", now=now))
    for i in range(20):
        name = f"n{i:03}"
        records.append(record(name, tenant=tenant, hours=0.2, now=now))
        stages += [stage(name, s, "pending", tenant=tenant, ready=s == STAGES[0], due=0.2, now=now) for s in STAGES]
        attempts.append(attempt(name, "failed", tenant=tenant, name=STAGES[0], error="provider_down", now=now))
    records.append(record("gone", tenant=tenant, withdrawn=True, now=now))
    stages += [stage("gone", s, "skipped", tenant=tenant, ended=47, now=now) for s in STAGES]
    for table, rows in ((schema.records, records), (schema.stages, stages), (schema.attempts, attempts)):
        put(state, table, rows)
