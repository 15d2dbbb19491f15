"""Records of enrichment as a service would have them: worked through, unsure, dead, waiting; made by the moves of a worker, not by hand."""

from __future__ import annotations

import datetime as dt
import random

from seeding_platform.enrichment.monitor import EnrichmentMonitor
from seeding_platform.enrichment.payload import input_hash
from seeding_platform.storage.enrichment.actions import Action, ActionLedger
from seeding_platform.storage.enrichment.spending import Spending, Spent
from seeding_platform.storage.enrichment.states import STAGES, Completed, ErrorClass, Failed, Made, Record, Skipped
from seeding_platform.storage.enrichment.store import EnrichmentStore
from seeding_platform.storage.enrichment.versions import Versions, joined

ORDER, CLASSES, RESOLUTION = STAGES
LEASE = dt.timedelta(minutes=5)
VERSION = ("exception_classification:3", "1-ab12cd34")
LABELS = ("late_delivery", "payment_mismatch", "stock_out", "damaged", "address_problem")
TEXTS = (
    "Second time I ask. Please refund the shipping.", "The parcel was promised for Monday and is still not here.", 
    "Paid 12.40 less than the invoice says.",
    "Box arrived crushed, two glasses are broken.", "House number is missing in the address.",
)  # fmt: skip


def record(name: str, text: str = "", *, tenant: str = "default") -> Record:
    """An exception with the facts of its order."""
    order = {"order_id": f"O-{name}", "status": "shipped", "promised_at": "2026-11-08T00:00:00+00:00", "amount": 89.5, "currency": "EUR"}
    facts = {"exception_id": name, "order_id": f"O-{name}", "description": text or TEXTS[sum(map(ord, name)) % len(TEXTS)], "order": order}
    return Record(tenant=tenant, record_type="exception", record_id=name, payload=facts, input_hash=input_hash(facts), priority=40, value=89.5)


class Worker:
    """Moves of a worker over all that is due of one tenant.

    Args:
        state: the database.
        tenant: whose records.
    """

    def __init__(self, state, tenant: str = "default") -> None:
        self.state, self.store, self.tenant, self.rng = state, EnrichmentStore(state), tenant, random.Random(5)

    def claim(self, stage, now, limit=10_000):
        return self.store.claim(stage, owner="worker-1", limit=limit, lease=LEASE, now=now, tenants=[self.tenant])

    def analysed(self, now, limit=10_000):
        """Every order has one problem."""
        problem = {"kind": "overdue", "severity": "medium", "evidence": [{"field": "promised_at", "value": "2026-11-08"}]}
        made = Made(provider="offline", model_version="rules", prompt_version="1", took_ms=3, calls=1)
        ends = [
            Completed(
                ref=c.ref, fence=c.fence, made=made, confidence=0.95,
                output={"record_id": c.ref.record_id, "problems": [problem], "severity": "medium", "confidence": 0.95},
            )
            for c in self.claim(ORDER, now, limit)
        ]  # fmt: skip
        assert all(self.store.complete(ends, now=now))

    def classified(self, now, *, sure: float | None = None, review_at=None, label: str | None = None):
        """All that is due, with this confidence or a drawn one; what is below .7 waits for a person from `review_at` on."""
        ends = []
        for c in self.claim(CLASSES, now):
            confidence = sure if sure is not None else round(min(0.99, max(0.2, self.rng.gauss(0.85, 0.12))), 2)
            unsure = confidence < 0.7
            said = label or self.rng.choice(LABELS)
            made = Made(provider="offline", model_version=VERSION[0], prompt_version=VERSION[1], took_ms=12, calls=1, tokens=410, cost=0.0004)
            ends.append(
                Completed(
                    ref=c.ref, fence=c.fence, confidence=confidence, label=said, skip_rest="low_confidence" if unsure else "",
                    review_at=(review_at or now) if unsure else None, made=made,
                    output={"record_id": c.ref.record_id, "ai_label": said, "ai_confidence": confidence, "notes": "Like what was labelled before."},
                )
            )  # fmt: skip
        assert all(self.store.complete(ends, now=now))

    def failed(self, stage, now, error: ErrorClass, n: int, *, dead: bool):
        """The first so many that are due in a stage fail."""
        ends = [
            Failed(ref=c.ref, fence=c.fence, error=error, message=f"HTTP 503 after 30 s at attempt {c.attempt}",
                   due_at=None if dead else now + dt.timedelta(minutes=5), made=Made(provider="openai", took_ms=30_000, calls=1))
            for c in self.claim(stage, now, n)
        ]  # fmt: skip
        assert all(self.store.fail(ends, now=now))

    def resolved(self, now, limit=10_000):
        """What is due in the last stage, with a plan in the ledger."""
        claims, ledger = self.claim(RESOLUTION, now, limit), ActionLedger(self.state)
        for c in claims[:2]:  # each plan is a transaction of its own
            action = Action(
                tenant=self.tenant, record_type=c.ref.record_type, record_id=c.ref.record_id, action="notify_customer", policy_version="1",
                planned_at=now, parameters={"template": "delay_apology"}, fence=c.fence,
            )  # fmt: skip
            (planned,) = ledger.plan([action])
            ledger.done(planned.key, "dry run: nothing went out", now=now)
        output = {"resolvable": True, "action": "notify_customer", "confidence": 0.9}
        ends = [Completed(ref=c.ref, fence=c.fence, confidence=0.9, output={"record_id": c.ref.record_id, **output}) for c in claims]
        assert all(self.store.complete(ends, now=now))

    def skipped(self, stage, now, n, reason="no_problem"):
        ends = [Skipped(ref=c.ref, fence=c.fence, reason=reason) for c in self.claim(stage, now, n)]
        assert all(self.store.skip(ends, now=now))


def unsure(state, now, *names: str, tenant: str = "default", text: str = "", sure: float = 0.61) -> EnrichmentStore:
    """Records that wait for a person by now."""
    worker, before = Worker(state, tenant), now - dt.timedelta(hours=26)
    worker.store.intake([record(n, text, tenant=tenant) for n in names], now=before)
    worker.analysed(before)
    worker.classified(before, sure=sure, review_at=now - dt.timedelta(hours=2), label="late_delivery")
    return worker.store


def dead(state, now, *names: str, tenant: str = "default", error: ErrorClass = ErrorClass.CONTENT_PERMANENT) -> EnrichmentStore:
    """Records whose classification gave up."""
    worker = Worker(state, tenant)
    worker.store.intake([record(n, tenant=tenant) for n in names], now=now - dt.timedelta(hours=3))
    worker.analysed(now - dt.timedelta(hours=3))
    worker.failed(CLASSES, now - dt.timedelta(hours=2), error, len(names), dead=True)
    return worker.store


def filled(state, settings, now, *, looks: int = 23) -> EnrichmentStore:
    """A day of a shop: figures, failures, dead letters, labels, a backlog, and so many hours of measurements."""
    worker, hour = Worker(state), dt.timedelta(hours=1)
    store = worker.store
    for stage, version in ((ORDER, ("rules", "1")), (CLASSES, VERSION), (RESOLUTION, ("table", "1"))):
        Versions(state).put("default", stage, joined(version), "live", report={}, now=now - 30 * hour)
    for back in range(30, 0, -1):
        at = now - back * hour
        store.intake([record(f"48-{20000 + back * 40 + i}") for i in range(24)], now=at)
        worker.analysed(at)
        if back % 6 == 0:
            worker.failed(CLASSES, at, ErrorClass.TRANSIENT, 5, dead=False)
        if back in (20, 9):
            worker.failed(CLASSES, at, ErrorClass.INVALID_OUTPUT, 3, dead=True)
        if back == 14:
            worker.failed(CLASSES, at, ErrorClass.CONTENT_PERMANENT, 4, dead=True)
        worker.classified(at, review_at=at + dt.timedelta(hours=6))
        worker.resolved(at, 22)
    for i, review in enumerate(store.reviews("default", now=now, limit=24)):
        said = review.label if i % 3 else "other"
        store.judge("default", review.record_type, review.record_id, label=said, actor="analystdefault", reason=review.reason, now=now - hour)
    store.sample("default", 0.15, rng=random.Random(1), now=now - 0.75 * hour)
    for i, review in enumerate(r for r in store.reviews("default", now=now, limit=500) if r.reason == "sample"):
        if i < 40:
            said = review.label if i % 8 else "other"
            store.judge("default", review.record_type, review.record_id, label=said, actor="analystdefault", reason="sample", now=now - 0.5 * hour)
    store.intake([record(f"49-{i:05}") for i in range(36)], now=now - 0.3 * hour)
    worker.analysed(now - 0.2 * hour, 20)
    worker.claim(CLASSES, now - 0.02 * hour, 9)
    spending = Spending(state)
    spending.settle("default", now.astimezone(dt.UTC).date(), "openai", reserved=Spent(), spent=Spent(91, 41_200, 0.42))
    monitor = EnrichmentMonitor(state, settings)
    for back in range(looks, 0, -1):
        monitor.check("default", now=now - back * hour)
    for minutes in (11, 6, 1):
        monitor.check("default", now=now - dt.timedelta(minutes=minutes))
    return store
