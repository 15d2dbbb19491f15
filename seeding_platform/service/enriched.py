"""What the API says about enrichment of a tenant; who may ask is its routes', what is done is in `enriching`."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

from seeding_platform.enrichment.comparison import beside_others, sharing
from seeding_platform.enrichment.forecast import HOURS, forecast
from seeding_platform.enrichment.measures import measured_now
from seeding_platform.enrichment.monitor import next_check_at
from seeding_platform.enrichment.report import report_of
from seeding_platform.service.errors import Problem
from seeding_platform.storage.enrichment.states import STAGES, Dead
from seeding_platform.storage.enrichment.versions import Versions, parted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeding_platform.enrichment.forecast import Forecast
    from seeding_platform.enrichment.house import House
    from seeding_platform.enrichment.report import Kind, Lang
    from seeding_platform.service.context import Service
    from seeding_platform.service.sessions import Actor
    from seeding_platform.storage.enrichment.measured import Waiting
    from seeding_platform.storage.enrichment.measurements import Measurement
    from seeding_platform.storage.enrichment.standing import RecordState, StageState, Story
    from seeding_platform.storage.enrichment.states import Stage

BACK_DAYS = 90
"""How far back the answers of two versions are compared."""


def own(actor: Actor, tenant: str) -> str:
    """The tenant of an address, where it is the actor's.

    Raises:
        Problem: 404: it is another's, or no tenant's at all; which of the two is not told.
    """
    if tenant != actor.tenant:
        raise Problem(404, "no-such-tenant", "There is no such tenant.")
    return tenant


def figures(service: Service, tenant: str) -> Mapping[str, Measurement]:
    """Figures of a tenant by metric: what the monitor measured last, or measured now where it has not looked yet; none where nothing came in."""
    house, now = service.enrichment, service.now()
    newest = house.monitor.kept.newest(tenant).get(tenant)
    if newest or not house.store.counts(tenant, now=now):
        return newest or {}
    days = house.monitor.thresholds().completeness_days
    return {m.metric: m for m in measured_now(house.monitor.source, tenant, now=now, completeness_days=days)}


def ahead(service: Service, tenant: str) -> tuple[Waiting, Forecast]:
    """What waits by now, and what becomes of it."""
    monitor, now = service.enrichment.monitor, service.now()
    waiting = monitor.source.waiting(tenant, now=now)
    by_hour = monitor.source.by_hour(tenant, until=now, hours=HOURS)
    return waiting, forecast(waiting.records, by_hour, limit=monitor.thresholds().backlog_critical)


def health(service: Service, tenant: str) -> dict[str, Any]:
    """How enrichment of a tenant stands: its alerts, its newest figures, what is paused."""
    house, measured = service.enrichment, figures(service, tenant)
    standing, kept = house.monitor.standing(tenant), house.monitor.kept.newest(tenant).get(tenant, {})
    last = max((m.at for m in kept.values()), default=None)
    return {
        "tenant": tenant,
        "status": _status([severity for _, severity in standing], known=bool(measured)),
        "measured_at": max((m.at for m in measured.values()), default=None),
        "next_check_at": None if last is None else next_check_at([s for _, s in standing], house.monitor.thresholds(), now=last),
        "alerts": [{"rule": rule, "severity": severity} for rule, severity in standing],
        "figures": {name: {"value": m.value, "n": m.n, "detail": dict(m.detail)} for name, m in sorted(measured.items())},
        "pauses": [dataclasses.asdict(pause) for pause in house.store.pauses(tenant)],
        "providers": {name: {"state": row.state, "opened_at": row.opened_at} for name, row in _breakers(house).items()},
    }


def _status(severities: Sequence[str], *, known: bool) -> str:
    """The worst alert that stands; `nothing` where there is nothing to judge.

    >>> _status(["info", "critical"], known=True), _status([], known=True), _status([], known=False)
    ('critical', 'healthy', 'nothing')
    """
    worst = next((s for s in ("critical", "warning") if s in severities), "healthy")
    return worst if known or severities else "nothing"


def report(service: Service, tenant: str, period: Kind, lang: Lang) -> dict[str, Any]:
    """What became of a tenant's records in a day or a week, as figures and as a text."""
    house = service.enrichment
    made = report_of(house.monitor.source, tenant, period, thresholds=house.monitor.thresholds(), now=service.now())
    return {**made.as_json(), "text": made.markdown(lang)}


def backlog(service: Service, tenant: str) -> dict[str, Any]:
    """What waits: by stage and state, since when the oldest, and how long it will last."""
    waiting, told = ahead(service, tenant)
    return {
        "tenant": tenant,
        "records": waiting.records,
        "due": waiting.due,
        "oldest_due_at": waiting.oldest_due_at,
        "stages": [dataclasses.asdict(c) for c in service.enrichment.store.counts(tenant, now=service.now())],
        "forecast": dataclasses.asdict(told),
    }


def records(
    service: Service,
    tenant: str,
    *,
    status: str | None,
    stage: str | None,
    error: str | None,
    dead: bool | None,
    text: str | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """Records by type and id, a page of them, and where the next one begins."""
    found = service.enrichment.store.records(
        tenant, status=status, stage=stage, error=error, dead=dead, text=text, after=cursor(after), limit=limit + 1
    )
    return {"records": [record_told(r) for r in found[:limit]], "next": _next(found, limit)}


def aged(
    service: Service, *, stage: str | None = None, error: str | None = None, older_hours: float | None = None, younger_hours: float | None = None
) -> Dead:
    """Which dead letters are meant: of a stage, of a class, dead for longer or shorter than so many hours by now."""
    since, until = (None if hours is None else service.now() - dt.timedelta(hours=hours) for hours in (younger_hours, older_hours))
    return Dead(stage=stage, error=error, since=since, until=until)


def dead_letters(service: Service, tenant: str, wanted: Dead, *, after: str | None, limit: int) -> dict[str, Any]:
    """Rows that are not tried again by themselves, by record, and where the next page begins."""
    found = service.enrichment.store.dead(tenant, wanted, after=cursor(after), limit=limit + 1)
    letters = [
        {
            "record_type": r.record_type, "record_id": r.record_id, "stage": s.stage, "error": s.error, "message": s.message,
            "escalated_at": s.escalated_at, "attempts": s.attempts, "losses": s.losses, "redrives": s.redrives, "owner": s.owner,
        }
        for r in found[:limit]
        for s in r.stages
        if wanted.fits(s.stage, s.error, s.escalated_at)
    ]  # fmt: skip
    return {"dead_letters": letters, "next": _next(found, limit)}


def reviews(service: Service, tenant: str, *, dead: bool, after: str | None, limit: int) -> dict[str, Any]:
    """Classifications that wait for a person, and where the next page begins."""
    found = service.enrichment.store.reviews(tenant, now=service.now(), limit=limit + 1, after=cursor(after), dead=dead)
    return {"reviews": [dataclasses.asdict(r) for r in found[:limit]], "next": _next(found, limit)}


def story(service: Service, tenant: str, record_type: str, record_id: str) -> Story:
    """All that is known of a record.

    Raises:
        Problem: 404.
    """
    found = service.enrichment.store.story(tenant, record_type, record_id)
    if found is None:
        raise Problem(404, "no-such-record", "There is no such record.")
    return found


def story_told(found: Story) -> dict[str, Any]:
    """A record for whoever asks: its facts, stages with their outputs, every attempt, action and label."""
    return {
        **record_told(found.record),
        "payload": dict(found.payload),
        "stages": [{**dataclasses.asdict(s), "dead": s.dead, "retry_count": s.retry_count} for s in found.record.stages],
        "attempts": [dataclasses.asdict(a) for a in found.attempts],
        "actions": [dataclasses.asdict(a) for a in found.actions],
        "labels": [dataclasses.asdict(label) for label in found.labels],
    }


def record_told(record: RecordState) -> dict[str, Any]:
    """A record in a list."""
    names = ("record_type", "record_id", "priority", "value", "ingested_at", "updated_at", "withdrawn_at")
    return {**{name: getattr(record, name) for name in names}, "stages": [_stage_told(s) for s in record.stages]}


def _stage_told(stage: StageState) -> dict[str, Any]:
    names = (
        "stage", "status", "attempts", "retry_count", "dead", "due_at", "confidence", "label", "provider", "error", "message", "review_at",
        "finished_at",
    )  # fmt: skip
    return {name: getattr(stage, name) for name in names}


def versions(service: Service, tenant: str) -> list[dict[str, Any]]:
    """Every version of each stage, the newest first; a candidate beside what is live, on records that both answered and a person judged."""
    known = Versions(service.enrichment.bench.state).all(tenant)
    live = {v["stage"]: v["version"] for v in known if v["state"] == "live"}
    since = service.now() - dt.timedelta(days=BACK_DAYS)
    told = []
    for one in known:
        beside = None
        if one["state"] == "candidate" and one["stage"] in live:
            beside = _beside(service, tenant, one["stage"], live[one["stage"]], one["version"], since)
        told.append({**{k: v for k, v in one.items() if k != "tenant"}, "beside_live": beside})
    return told


def _beside(service: Service, tenant: str, stage: str, live: str, candidate: str, since: dt.datetime) -> dict[str, Any]:
    import numpy as np

    from seeding_platform.enrichment.ab import compared

    one, other = (parted(v) for v in (live, candidate))
    source = service.enrichment.monitor.source
    pairs = source.paired(tenant, one, other, after=since, stage=stage)
    alike = source.alike(tenant, one, other, after=since, stage=stage)
    told = dataclasses.asdict(compared(pairs, rng=np.random.default_rng(0)))
    return {**told, **dataclasses.asdict(alike)}


def comparison(service: Service, tenant: str) -> dict[str, Any]:
    """A tenant's figures beside the quartiles of others, where it shares its own."""
    shared = sharing(service.state)
    figures = beside_others(tenant, service.enrichment.monitor.kept.newest(), shared) if tenant in shared else []
    return {"shared": tenant in shared, "figures": [dataclasses.asdict(b) for b in figures]}


def cursor(after: str | None) -> tuple[str, str] | None:
    """Where a page begins: after `type:id`.

    Raises:
        Problem: 422.

    >>> cursor("exception:a:b"), cursor(None)
    (('exception', 'a:b'), None)
    """
    if after is None:
        return None
    kind, colon, name = after.partition(":")
    if not colon or kind not in ("order", "exception"):
        raise Problem(422, "invalid-request", "after: it is not what `next` of a page says.")
    return kind, name


def stage_wanted(found: Story, stage: Stage | None) -> str:
    """The stage that is meant: the one that is named, else the first that failed, else the first."""
    if stage is not None:
        return str(stage)
    return next((s.stage for s in found.record.stages if s.status == "failed"), str(STAGES[0]))


def _next(found: Sequence[Any], limit: int) -> str | None:
    return f"{found[limit - 1].record_type}:{found[limit - 1].record_id}" if len(found) > limit else None


def _breakers(house: House) -> dict[str, Any]:
    from seeding_platform.storage.enrichment.breakers import Breakers

    return dict(Breakers(house.bench.state).all())
