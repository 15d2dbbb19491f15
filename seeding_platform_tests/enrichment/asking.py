"""Questions as a worker would ask them, and orders to ask about."""

from seeding_platform.enrichment.providers.protocol import Question
from seeding_platform.storage.enrichment.states import Stage

ORDER = {
    "order_id": "O-1",
    "customer_ref": "K1",
    "status": "delivered",
    "created_at": "2026-10-01T10:00:00Z",
    "promised_at": "2026-10-03T18:00:00Z",
    "shipped_at": "2026-10-02T09:00:00Z",
    "delivered_at": "2026-10-03T12:00:00Z",
    "carrier": "DemoKoerier",
    "amount": 80.0,
    "currency": "EUR",
    "paid_amount": 80.0,
    "items": 2,
    "ship_country": "NL",
}


def question(stage, *, facts=None, record_id="X-1", record_type="exception", tenant="acme", upstream=None, **more):
    """One question."""
    return Question(stage=str(stage), tenant=tenant, record_type=record_type, record_id=record_id, facts=facts or {}, upstream=upstream or {}, **more)


def classified(label, confidence=0.9, record_id="X-1"):
    """What classification said before."""
    return {Stage.CLASSIFICATION: {"record_id": record_id, "ai_label": label, "ai_confidence": confidence, "notes": "x"}}
