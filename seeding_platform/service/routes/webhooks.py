"""Webhooks of one's own organisation: made, tried, rotated, switched off and on, with every delivery. Stewards only: data leaves here."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from seeding_platform.exchange.addresses import LONGEST_URL, AddressRefused, place_of
from seeding_platform.monitoring.events import EVENTS, queued_for
from seeding_platform.monitoring.webhook_keys import secret_of
from seeding_platform.service.audited import tell
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.webhooks import Webhook, Webhooks

if TYPE_CHECKING:
    from seeding_platform.service.context import Service
    from seeding_platform.storage.live import Message

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])
Steward = Annotated[Actor, Depends(may(Role.STEWARD))]
ID_BYTES, MOST_WEBHOOKS, MOST_DELIVERIES = 8, 50, 200


class NewWebhook(BaseModel, extra="forbid"):
    """Where to, and what it is told of."""

    url: str = Field(min_length=1, max_length=LONGEST_URL)
    events: list[str] = Field(min_length=1, max_length=len(EVENTS), description=f"Types of events: {', '.join(EVENTS)}")


class WebhookRotation(BaseModel, extra="forbid"):
    """How the secret of a webhook is changed."""

    overlap_hours: int = Field(24, ge=0, le=168, strict=True, description="How long the secret before signs too")
    seen: int | None = Field(None, ge=1, strict=True, description="The revision that was looked at; another one is refused with 409")


class WebhookAnswer(BaseModel):
    """A webhook; its secret is shown once, when it is made or changed."""

    webhook_id: str
    url: str
    events: list[str]
    enabled: bool
    disabled_at: dt.datetime | None
    disabled_why: str
    failures: int
    created_at: dt.datetime
    made_by: str
    revision: int
    rotated_at: dt.datetime | None
    old_until: dt.datetime | None
    secret: str | None = None


class AttemptAnswer(BaseModel):
    """One try."""

    attempt: int
    at: dt.datetime
    code: int | None
    took_ms: int
    error: str


class DeliveryAnswer(BaseModel):
    """Something that a webhook was or is to be told."""

    delivery_id: str
    event: str
    created_at: dt.datetime
    state: Literal["sent", "waiting", "given_up"]
    next_at: dt.datetime | None
    sent_at: dt.datetime | None
    attempts: list[AttemptAnswer]


@router.get("")
def list_webhooks(request: Request, actor: Steward) -> list[WebhookAnswer]:
    """Webhooks of one's own organisation, the oldest first, without their secrets."""
    return [answered(w) for w in Webhooks(service_of(request).state).all(tenant=actor.tenant)]


@router.post("", status_code=201)
def post_webhook(request: Request, actor: Steward, wanted: NewWebhook) -> WebhookAnswer:
    """Make a webhook; the answer is the only place where its secret is ever shown."""
    return made_webhook(request, actor, wanted)


@router.get("/{webhook_id}")
def get_webhook(request: Request, actor: Steward, webhook_id: str) -> WebhookAnswer:
    """One webhook, without its secret."""
    return answered(existing(service_of(request), actor, webhook_id))


@router.delete("/{webhook_id}", status_code=204)
def delete_webhook(request: Request, actor: Steward, webhook_id: str) -> None:
    """Take a webhook away; what still waits for it is not sent."""
    service = service_of(request)
    found = existing(service, actor, webhook_id)
    Webhooks(service.state).adjust(found.webhook_id, removed_at=service.now())
    _forgiven(service, found)
    tell(request, did="webhooks.remove", webhook=webhook_id)


@router.post("/{webhook_id}/rotate")
def rotate_webhook(request: Request, actor: Steward, webhook_id: str, wanted: WebhookRotation) -> WebhookAnswer:
    """Give a webhook a new secret; for a while the one before signs as well, so that nobody misses anything."""
    service = service_of(request)
    found, now, store = existing(service, actor, webhook_id), service.now(), Webhooks(service.state)
    until = now + dt.timedelta(hours=wanted.overlap_hours) if wanted.overlap_hours else None
    if wanted.seen not in (None, found.revision) or not store.rotate(webhook_id, seen=found.revision, now=now, old_until=until):
        raise Problem(409, "changed-meanwhile", "Somebody changed the secret meanwhile; look at it again.")
    tell(request, did="webhooks.rotate", webhook=webhook_id, overlap_hours=wanted.overlap_hours)
    made = existing(service, actor, webhook_id)
    return answered(made, secret_of(made, service.settings))


@router.post("/{webhook_id}/enable")
def enable_webhook(request: Request, actor: Steward, webhook_id: str) -> WebhookAnswer:
    """Tell a webhook of events again; what it missed is replayed one by one."""
    service = service_of(request)
    found = existing(service, actor, webhook_id)
    Webhooks(service.state).adjust(webhook_id, disabled_at=None, disabled_why="", failures=0)
    _forgiven(service, found)
    tell(request, did="webhooks.enable", webhook=webhook_id)
    return answered(existing(service, actor, webhook_id))


@router.post("/{webhook_id}/disable")
def disable_webhook(request: Request, actor: Steward, webhook_id: str) -> WebhookAnswer:
    """Tell a webhook of nothing until it is switched on again."""
    service = service_of(request)
    if existing(service, actor, webhook_id).enabled:
        Webhooks(service.state).adjust(webhook_id, disabled_at=service.now(), disabled_why="by hand")
        tell(request, did="webhooks.disable", webhook=webhook_id)
    return answered(existing(service, actor, webhook_id))


@router.post("/{webhook_id}/test")
def try_webhook(request: Request, actor: Steward, webhook_id: str) -> DeliveryAnswer:
    """Send an event `webhook.test` now; the answer says what became of it."""
    service, now = service_of(request), service_of(request).now()
    found = _switched_on(existing(service, actor, webhook_id))
    named = service.new_id(12)
    message = queued_for(service.state, found, "webhook.test", {"webhook_id": webhook_id}, tenant=actor.tenant, now=now, mark=named)
    if message is None:
        raise Problem(409, "under-way", "This test is under way.")
    service.delivery.send_now(message.message_id, now=now)
    tell(request, did="webhooks.test", webhook=webhook_id)
    return _delivery(service, actor, webhook_id, message.message_id)


@router.get("/{webhook_id}/deliveries")
def list_deliveries(
    request: Request, actor: Steward, webhook_id: str, limit: Annotated[int, Query(ge=1, le=MOST_DELIVERIES)] = 50
) -> list[DeliveryAnswer]:
    """What a webhook was and is to be told, the newest first, with every attempt."""
    service = service_of(request)
    existing(service, actor, webhook_id)
    return [delivered(service, m) for m in service.live.messages(tenant=actor.tenant, to=webhook_id, limit=limit)]


@router.post("/{webhook_id}/deliveries/{delivery_id}/replay")
def replay_delivery(request: Request, actor: Steward, webhook_id: str, delivery_id: str) -> DeliveryAnswer:
    """Send one delivery again now, under its own id and with a new signature."""
    service, now = service_of(request), service_of(request).now()
    _switched_on(existing(service, actor, webhook_id))
    _delivery(service, actor, webhook_id, delivery_id)
    if not service.live.again(delivery_id, tenant=actor.tenant, now=now):
        raise Problem(409, "under-way", "This delivery is under way; look again in two minutes.")
    service.delivery.send_now(delivery_id, now=now)
    tell(request, did="webhooks.replay", webhook=webhook_id, delivery=delivery_id)
    return _delivery(service, actor, webhook_id, delivery_id)


def made_webhook(request: Request, actor: Actor, wanted: NewWebhook) -> WebhookAnswer:
    """Make a webhook of one's own organisation.

    Raises:
        Problem: 422 an address or an event that is not taken; 409 there are too many.
    """
    service = service_of(request)
    unknown = [name for name in wanted.events if name not in EVENTS]
    if unknown:
        raise Problem(422, "no-such-event", f"events: there are {', '.join(EVENTS)}.")
    try:
        place = place_of(wanted.url, private=service.settings.private_addresses)
    except AddressRefused as refused:
        raise Problem(422, "address-refused", str(refused)) from refused
    store = Webhooks(service.state)
    if len(store.all(tenant=actor.tenant)) >= MOST_WEBHOOKS:
        raise Problem(409, "too-many", f"{MOST_WEBHOOKS} webhooks are kept already.")
    events = tuple(name for name in EVENTS if name in wanted.events)
    made = Webhook(
        webhook_id=f"wh_{service.new_id(ID_BYTES)}",
        tenant=actor.tenant,
        url=wanted.url,
        events=events,
        created_at=service.now(),
        made_by=actor.key_id,
    )
    store.add(made)
    tell(request, did="webhooks.create", webhook=made.webhook_id, host=place.host, events=list(events))
    return answered(made, secret_of(made, service.settings))


def existing(service: Service, actor: Actor, webhook_id: str) -> Webhook:
    """A webhook of one's own organisation.

    Raises:
        Problem: 404.
    """
    found = Webhooks(service.state).one(webhook_id, tenant=actor.tenant)
    if found is None:
        raise Problem(404, "no-such-webhook", "There is no such webhook.")
    return found


def answered(webhook: Webhook, secret: str | None = None) -> WebhookAnswer:
    """A webhook as the API tells it."""
    told = dataclasses.asdict(webhook)
    names = [name for name in WebhookAnswer.model_fields if name not in ("secret", "enabled")]
    return WebhookAnswer.model_validate({**{name: told[name] for name in names}, "enabled": webhook.enabled, "secret": secret})


def delivered(service: Service, message: Message) -> DeliveryAnswer:
    """A delivery as the API tells it."""
    state = "sent" if message.sent_at is not None else "waiting" if message.next_at is not None else "given_up"
    attempts = [AttemptAnswer.model_validate(dataclasses.asdict(a)) for a in service.live.attempts(message.message_id)]
    told = {"delivery_id": message.message_id, "event": message.subject, "created_at": message.created_at, "attempts": attempts}
    return DeliveryAnswer.model_validate({**told, "state": state, "next_at": message.next_at, "sent_at": message.sent_at})


def _delivery(service: Service, actor: Actor, webhook_id: str, delivery_id: str) -> DeliveryAnswer:
    message = service.live.message(delivery_id, tenant=actor.tenant)
    if message is None or message.channel != "webhook" or message.target != webhook_id:
        raise Problem(404, "no-such-delivery", "There is no such delivery.")
    return delivered(service, message)


def _switched_on(webhook: Webhook) -> Webhook:
    if not webhook.enabled:
        raise Problem(409, "switched-off", "This webhook is switched off; switch it on first.")
    return webhook


def _forgiven(service: Service, webhook: Webhook) -> None:
    """The alert that it cannot be reached is over."""
    service.desk.clear("delivery.failed", webhook.tenant, f"webhook/{webhook.webhook_id}", now=service.now())
