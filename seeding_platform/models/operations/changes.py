"""What follows a change of what serves: who is told, what is noted, which alerts begin and end."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from seeding_platform.models.operations.settings import retraining_of

if TYPE_CHECKING:
    from seeding_platform.models.operations.bench import Bench
    from seeding_platform.storage.ml.deployments import Deployment
    from seeding_platform.storage.ml.whose import Whose

FAILED = {"deploy": "deployment_failed", "rollback": "rollback_failed"}
"""The alert of a change that was undone, by its kind."""
_FIGURES = ("value", "ci_low", "ci_high", "rows")


def rests_until(bench: Bench, whose: Whose) -> dt.datetime | None:
    """Until when nothing but a person's word lets another version serve, because the last change was a rollback; None where it does not rest."""
    change = bench.deployer.ledger.in_force(whose)
    if change is None or change.kind != "rollback" or change.verified_at is None:
        return None
    until = change.verified_at + dt.timedelta(hours=retraining_of(bench.adjusted, whose.model).cool_down_hours)
    return until if bench.now() < until else None


def settled(bench: Bench, done: Deployment) -> None:
    """Tell of a change that is settled: of what serves now, with its figures, or that it could not; a model rests after a rollback."""
    whose, now = done.whose, bench.now()
    if done.state != "verified":
        facts = {"version": done.version, "deployment": done.deployment_id, "previous": done.previous_version or "none"}
        bench.alert(FAILED[done.kind], whose, error="not_verified", **facts)
        return
    for rule in (*FAILED.values(), *(("taken_back",) if done.kind == "deploy" else ())):
        bench.all_clear(rule, whose)
    event = "model.rolled_back" if done.kind == "rollback" else "model.deployed"
    bench.tell(event, whose, mark=done.deployment_id, version=done.version, previous=done.previous_version)
    measured = bench.standings.measurements(whose, source="holdout", version=done.version, limit=1)
    noted: dict[str, Any] = {name: getattr(measured[0], name) if measured else None for name in _FIGURES}
    if done.kind == "rollback":
        noted["cool_until"] = now + dt.timedelta(hours=retraining_of(bench.adjusted, whose.model).cool_down_hours)
    bench.standings.note(whose, now=now, **noted)
