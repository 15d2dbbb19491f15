"""An organisation whose engines have lived for a while: all but one with a bundle, most with an address, one behind, one given up, one put back."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from seeding_platform.distribution.delivery.standing import again, registered, rollback, switched
from seeding_platform.storage.delivery.records import EndpointKind, GenerationState, Trace
from seeding_platform_tests.distribution.test_bundle import ENGINES, build, more_posts

if TYPE_CHECKING:
    from seeding_platform.distribution.delivery.publishing import Publisher

TENANT = "t1"
ENGINE = "content_performance_ml"
UNBUILT, UNADDRESSED = "research_scraping", "content_ideation"
BEHIND, DEAD, BACK, OFF = "navigation_assistant_bridge", "churn_prediction", "analytics", "roi_algorithm"


def published(publisher: Publisher, engine: str, *, now: dt.datetime, number: int | None = None) -> Any:
    build(publisher.root, engine, **({} if number is None else {"inputs": more_posts(number)}))
    return publisher.published(TENANT, engine, now=now)


def addressed(publisher: Publisher, engine: str, *, now: dt.datetime, target: str = "", named: str = "") -> Any:
    return registered(
        publisher, TENANT, engine, kind=EndpointKind.HTTP, target=target or f"https://{engine.replace('_', '-')}.example/in",
        endpoint_id=named or f"ep_{engine}", actor="test", now=now, private=True,
    )[0]  # fmt: skip


def tried(publisher: Publisher, *, now: dt.datetime, but: tuple[str, ...] = (), took: dt.timedelta = dt.timedelta(seconds=1)) -> None:
    """Everything that is due arrives, but at some engines, where nobody answers or what was sent is refused for good."""
    queue = publisher.queue
    for claim in queue.claim(owner="w", limit=99, lease=publisher.rules.lease, now=now):
        if claim.engine not in but:
            queue.acknowledged(claim, Trace(took_ms=900, sent=1_204_331, code=200), via="full", now=now + took)
        elif claim.engine == DEAD:
            queue.failed(claim, Trace("validation-failed", "column plan: unknown value", 422, 41, 512), again_at=None, now=now, answers=True)
        else:
            again = now + dt.timedelta(seconds=90)
            queue.failed(claim, Trace("unreachable", "nobody answers", None, 3000, 0), again_at=again, now=now)


def filled(publisher: Publisher, *, now: dt.datetime) -> None:
    """Fill it, as of some hours ago."""
    began = now - dt.timedelta(hours=5)
    for engine in ENGINES:
        if engine == UNBUILT:
            continue
        if engine != UNADDRESSED:
            addressed(publisher, engine, now=began)
        published(publisher, engine, now=began)
    tried(publisher, now=began, took=dt.timedelta(milliseconds=1300))
    for made in publisher.ledger.heads(TENANT):
        publisher.ledger.judge(made, GenerationState.GOOD, seen=GenerationState.SOAKING)
    published(publisher, ENGINE, now=now - dt.timedelta(minutes=9), number=7)
    build(publisher.root, BACK, inputs={})
    publisher.published(TENANT, BACK, now=now - dt.timedelta(minutes=9))
    for engine in (BEHIND, DEAD):
        again(publisher, TENANT, engine, reason="asked for", actor="test", now=now - dt.timedelta(minutes=9))
    tried(publisher, now=now - dt.timedelta(minutes=9), but=(BEHIND, DEAD))
    for minutes in (8, 6, 5):
        tried(publisher, now=now - dt.timedelta(minutes=minutes), but=(BEHIND, DEAD))
    rollback(publisher, TENANT, BACK, reason="the new rows halve its precision", actor="soak", now=now - dt.timedelta(minutes=4))
    tried(publisher, now=now - dt.timedelta(minutes=4), but=(BEHIND, DEAD))
    again(publisher, TENANT, "optimization", reason="asked for", actor="test", now=now)
    switched(publisher, addressed(publisher, OFF, now=now, named="ep_off", target="https://old.example/in?token=t0p"), on=False, now=now)
    for at, engine in enumerate(ENGINES):
        for day in range(30):
            verdict = "down" if (at * 7 + day) % 61 == 3 else "slow" if (at * 5 + day) % 23 == 1 else "up"
            for hour in (1, 5) if verdict != "down" else (1,):
                if engine not in (UNBUILT, UNADDRESSED):
                    when = now - dt.timedelta(days=day, hours=hour)
                    publisher.health.count(TENANT, engine, f"ep_{engine}", verdict, now=when)
