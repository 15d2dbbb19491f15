"""What Dagster hears of the delivery: who uses what, and what is wrong with it. Delivering itself is the service's: none of these starts one."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from seeding_platform.catalog.engine import EngineContract
from seeding_platform.defs.platform import Platform
from seeding_platform.distribution.rules import as_adjusted

if TYPE_CHECKING:
    from seeding_platform.distribution.delivery.watching import Damaged

MOST = 200
"""Acknowledgements of one tick."""
FIRST, OVERLAP = dt.timedelta(days=1), dt.timedelta(minutes=2)
"""How far back the first tick looks, and for how long after a moment something from before it may still be written."""
BEHIND, BROKEN = "engine.behind", "engine.bundle_broken"


def acknowledgements_sensor(engines: Sequence[EngineContract]) -> dg.SensorDefinition:
    """`engine_acknowledgements`: each proven acknowledgement is an observation of its bundle."""
    names = {engine.name for engine in engines}

    @dg.sensor(
        name="engine_acknowledgements",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Records who uses which generation, and how long after its release, as observations of the bundles. Starts no run.",
    )
    def engine_acknowledgements(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult:
        publisher, now = platform.publisher, platform.now()
        known: dict[str, Any] = json.loads(context.cursor) if context.cursor else {"since": (now - FIRST).isoformat(), "seen": []}
        since, seen = dt.datetime.fromisoformat(known["since"]), set(known["seen"])
        found = publisher.queue.acknowledged_since(since, limit=MOST + len(seen))
        marks = {f"{d.delivery_id}@{d.acknowledged_at}": d for d in found}
        issued: dict[tuple[str, str, int], dt.datetime | None] = {}
        told = []
        for delivery in (d for mark, d in marks.items() if mark not in seen and d.engine in names):
            which = (delivery.tenant, delivery.engine, delivery.generation)
            if which not in issued:
                made = publisher.ledger.one(*which)
                issued[which] = made.issued_at if made else None
            begun, done = issued[which], delivery.acknowledged_at
            facts: dict[str, str | int | float] = {
                "engine": delivery.engine, "tenant": delivery.tenant, "generation": delivery.generation, "content_id": delivery.content_id,
                "endpoint": delivery.endpoint_id, "via": delivery.via, "attempts": delivery.attempts,
            }  # fmt: skip
            lag = {"lag_s": round((done - begun).total_seconds(), 3)} if begun and done else {}
            told.append(dg.AssetObservation(asset_key=dg.AssetKey(["bundle", delivery.engine]), metadata={**facts, **lag}))
        newest = max((d.acknowledged_at for d in found if d.acknowledged_at), default=since)
        after = max(since, newest - OVERLAP)
        kept = sorted(mark for mark, d in marks.items() if d.acknowledged_at is not None and d.acknowledged_at >= after)
        skip = dg.SkipReason(f"{len(told)} acknowledgements recorded")
        return dg.SensorResult(asset_events=told, cursor=json.dumps({"since": after.isoformat(), "seen": kept}), skip_reason=skip)

    return engine_acknowledgements


def failed_sensor(engines: Sequence[EngineContract]) -> dg.SensorDefinition:
    """`failed_distributions`: alerts about what does not get there, and a new build of what is damaged here."""
    from seeding_platform.distribution.delivery.watching import behind, damaged, mended

    contracts = {engine.name: engine for engine in engines}

    @dg.sensor(
        name="failed_distributions",
        target=dg.AssetSelection.assets(*(dg.AssetKey(["bundle", name]) for name in contracts)),
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Alerts about dead letters, late engines and damaged bundles, ended when it is over; a damaged bundle is built again.",
    )
    def failed_distributions(platform: dg.ResourceParam[Platform]) -> dg.SensorResult:
        now, publisher = platform.now(), platform.publisher
        limits = {name: as_adjusted(engine, platform.adjusted).maximum_lag_seconds for name, engine in contracts.items()}
        late = {(b.tenant, f"engine/{b.engine}"): b for b in behind(publisher, limits, now=now)}
        evidence = {
            place: {"engine": b.engine, "generation": b.generation, "lag_s": round(b.lag_s), "limit_s": b.limit_s, "addresses": b.addresses}
            for place, b in late.items()
        }
        broken = damaged(publisher)
        _kept_standing(platform, BEHIND, evidence, now=now)
        _kept_standing(platform, BROKEN, {(d.tenant, f"engine/{d.engine}"): {"engine": d.engine, "file": d.file} for d in broken}, now=now)
        dead = _dead_told(platform, now=now)
        again = mended(publisher, broken, now=now)
        requests = [_rebuilt(d, now) for d in broken if d.engine in contracts]
        said = f"{len(late)} engines are late, {dead} letters are dead, {len(broken)} bundles are damaged, {again} are sent again"
        return dg.SensorResult(run_requests=requests, skip_reason=None if requests else dg.SkipReason(said))

    return failed_distributions


@dg.sensor(
    name="engine_batches",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Lets go what was held for the hours of batches (setting `distribution.schedule`), and moves it when they change. Starts no run.",
)
def batches_sensor(platform: dg.ResourceParam[Platform]) -> dg.SkipReason:
    """Let go what is due; the service does so too, to the second."""
    from seeding_platform.distribution.delivery.batches import replanned

    return dg.SkipReason(f"{replanned(platform.publisher, now=platform.now())} deliveries moved or went")


def _kept_standing(platform: Platform, rule: str, wrong: Mapping[tuple[str, str], Mapping[str, object]], *, now: dt.datetime) -> None:
    """Raise what is wrong and not yet told, and end what is over."""
    from seeding_platform.monitoring.alert import Alert, fingerprint_of

    desk = platform.desk
    for (tenant, subject), evidence in wrong.items():
        if desk.alerts.active(fingerprint_of(rule, tenant, subject)) is None:
            desk.raise_(Alert(rule=rule, tenant=tenant, subject=subject, evidence=evidence), now=now)
    for alert in desk.alerts.standing(rule=rule):
        if (alert.tenant, alert.subject) not in wrong:
            desk.clear(rule, alert.tenant, alert.subject, now=now)


def _dead_told(platform: Platform, *, now: dt.datetime) -> int:
    """Alerts about dead letters: raised once for a generation, also where the service could not; returns how many letters are dead."""
    from seeding_platform.distribution.delivery.courier import UNDELIVERED
    from seeding_platform.distribution.delivery.watching import dead_letters, recovered
    from seeding_platform.monitoring.alert import Alert, fingerprint_of

    desk, publisher = platform.desk, platform.publisher
    letters = dead_letters(publisher)
    for dead in letters:
        subject = f"engine/{dead.engine}/{dead.endpoint_id}"
        before = desk.alerts.newest(fingerprint_of(UNDELIVERED, dead.tenant, subject))
        if before is None or before.evidence.get("generation") != dead.generation:
            evidence = {"generation": dead.generation, "attempts": dead.attempts, "code": None, "why": dead.error}
            desk.raise_(Alert(rule=UNDELIVERED, tenant=dead.tenant, subject=subject, evidence=evidence), now=now)
    for alert in desk.alerts.standing(rule=UNDELIVERED):
        if recovered(publisher, alert.subject.rpartition("/")[2]):
            desk.clear(UNDELIVERED, alert.tenant, alert.subject, now=now)
    return len(letters)


def _rebuilt(broken: "Damaged", now: dt.datetime) -> dg.RunRequest:
    """A run that builds a damaged bundle again, once an hour while it stays so."""
    key = f"rebuild:{broken.tenant}/{broken.engine}@{now:%Y-%m-%dT%H}"
    return dg.RunRequest(run_key=key, asset_selection=[dg.AssetKey(["bundle", broken.engine])], tags={"seeding/because": "the bundle is damaged"})
