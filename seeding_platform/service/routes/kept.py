"""What people keep, one set of routes for each kind: list, add, read, change at a version, remove, history; and what becomes of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel, create_model

from seeding_platform.analytics import keeping
from seeding_platform.analytics.language import asked
from seeding_platform.analytics.language.lexicon import LANGUAGES
from seeding_platform.analytics.metrics import OwnRatio, catalogue
from seeding_platform.analytics.watching import alert_state, pace
from seeding_platform.monitoring.callbacks import CHANNEL as CALLBACK
from seeding_platform.monitoring.callbacks import host_of
from seeding_platform.monitoring.channels import chosen
from seeding_platform.service import sharing
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.kept import VersionConflict

if TYPE_CHECKING:
    from seeding_platform.service.context import Service
    from seeding_platform.storage.kept import Item

Viewer = Annotated[Actor, Depends(may(Role.VIEWER))]
Analyst = Annotated[Actor, Depends(may(Role.ANALYST))]
IfMatch = Annotated[str | None, Header(max_length=40, description="ETag of the version that was read; 412 when another is in force")]
MOST_OF_A_KIND = 500
PLURALS = {kind: "alert-rules" if kind == "alert" else f"{kind}s" for kind in keeping.KINDS}
"""What a kind is called in addresses; `/api/v1/alerts` are those that are raised."""


class Kept(BaseModel):
    """A kept thing at a version."""

    item_id: str
    version: int
    actor: str
    written_at: dt.datetime


class Version(Kept):
    """A version of a kept thing; a null body says that it was removed."""

    body: dict[str, Any] | None


def answered(item: Item) -> dict[str, Any]:
    """A kept thing as the API tells it."""
    return {"item_id": item.item_id, "version": item.version, "actor": item.actor, "written_at": item.written_at, "body": item.body}


def existing(service: Service, kind: str, item_id: str, tenant: str) -> Item:
    """A thing of a tenant.

    Raises:
        Problem: 404.
    """
    found = service.kept.one(item_id, tenant=tenant, kind=kind)
    if found is None:
        raise Problem(404, f"no-such-{kind}", f"There is no such {kind}.")
    return found


def kept(service: Service, kind: str, body: BaseModel, actor: Actor) -> Item:
    """Keep a new thing.

    Raises:
        Problem: 422 when it cannot work, 409 when there are too many.
    """
    checked(service, kind, body, actor.tenant)
    if len(service.kept.all(kind, tenant=actor.tenant)) >= MOST_OF_A_KIND:
        raise Problem(409, "too-many", f"{MOST_OF_A_KIND} are kept already.")
    made = service.kept.add(kind, body.model_dump(mode="json"), tenant=actor.tenant, actor=actor.key_id, item_id=service.new_id(8), now=service.now())
    service.forget_ratios(actor.tenant)
    return made


def changed(service: Service, item: Item, body: BaseModel | None, actor: Actor, if_match: str | None = None) -> Item:
    """A new version of a thing, or its removal.

    Raises:
        Problem: 412 when somebody changed it meanwhile, 422 when it cannot work.
    """
    if if_match is not None and if_match.strip('"') != str(item.version):
        raise Problem(412, "changed-meanwhile", f"Version {item.version} is in force.")
    if body is not None:
        checked(service, item.kind, body, item.tenant, old=item)
    if item.kind == "ratio" and item.body is not None and (not isinstance(body, OwnRatio) or body.name != item.body["name"]):
        users = [a for a in service.kept.all("alert", tenant=item.tenant) if a.body is not None and a.body["metric"] == item.body["name"]]
        if users:
            raise Problem(409, "in-use", f"{len(users)} alert(s) watch this ratio. Remove them first.")
    try:
        made = service.kept.change(item, None if body is None else body.model_dump(mode="json"), actor=actor.key_id, now=service.now())
    except VersionConflict as conflict:
        raise Problem(412, "changed-meanwhile", f"Version {conflict.version} is in force.") from conflict
    service.forget_ratios(item.tenant)
    return made


def checked(service: Service, kind: str, body: BaseModel, tenant: str, *, old: Item | None = None) -> None:
    """What only the installation can say: a channel is set up, a ratio's names are free.

    Raises:
        Problem: 422.
    """
    if isinstance(body, (keeping.Alert, keeping.Report)) and body.channel not in ("none", *chosen(service.settings)):
        raise Problem(422, "no-channel", f"{body.channel} is not set up in this installation.")
    if isinstance(body, keeping.Alert):
        service.know_ratios(tenant)
        if body.metric not in catalogue().metrics:
            raise Problem(422, "no-such-metric", f"{body.metric!r} is no metric; there are {', '.join(catalogue().metrics)}.")
    if not isinstance(body, OwnRatio):
        return
    before = None if old is None else OwnRatio.model_validate(old.body)
    others = [OwnRatio.model_validate(i.body) for i in service.kept.all(kind, tenant=tenant) if old is None or i.item_id != old.item_id]
    if any(body.name == o.name or body.en.lower() == o.en.lower() or body.nl.lower() == o.nl.lower() for o in others):
        raise Problem(422, "name-taken", "Another ratio has this name.")
    facts = service.facts(tenant)
    for lang in LANGUAGES:
        said = getattr(body, lang)
        if before is not None and said == getattr(before, lang):
            continue
        if not asked(said, facts, lang=lang).not_understood:
            raise Problem(422, "name-means-something", f"{said!r} already means something in questions; use a word that has no meaning there.")


def _router(kind: str, form: type[BaseModel]) -> APIRouter:
    """The routes of one kind."""
    name, plural = kind.capitalize(), PLURALS[kind]
    told: Any = create_model(f"{name}Kept", __base__=Kept, body=(form, ...))
    router = APIRouter(prefix=f"/api/v1/{plural}", tags=[plural])

    def listing(request: Request, actor: Viewer) -> list[Any]:
        return [answered(i) for i in service_of(request).kept.all(kind, tenant=actor.tenant)]

    def add(request: Request, response: Response, actor: Analyst, body: Any) -> Any:
        made = kept(service_of(request), kind, body, actor)
        response.headers["Location"] = f"/api/v1/{plural}/{made.item_id}"
        return answered(made)

    def read(request: Request, response: Response, actor: Viewer, item_id: str) -> Any:
        found = existing(service_of(request), kind, item_id, actor.tenant)
        response.headers["ETag"] = f'"{found.version}"'
        return answered(found)

    def change(request: Request, actor: Analyst, item_id: str, body: Any, if_match: IfMatch = None) -> Any:
        service = service_of(request)
        return answered(changed(service, existing(service, kind, item_id, actor.tenant), body, actor, if_match))

    def remove(request: Request, actor: Analyst, item_id: str, if_match: IfMatch = None) -> Response:
        service = service_of(request)
        changed(service, existing(service, kind, item_id, actor.tenant), None, actor, if_match)
        return Response(status_code=204)

    def history(request: Request, actor: Viewer, item_id: str) -> list[Any]:
        found = [i for i in service_of(request).kept.history(item_id, tenant=actor.tenant) if i.kind == kind]
        if not found:
            raise Problem(404, f"no-such-{kind}", f"There is no such {kind}.")
        return [answered(i) for i in found]

    add.__annotations__["body"] = change.__annotations__["body"] = form
    one, what = "/{item_id}", str(form.__doc__).strip().split("\n")[0]

    def route(path: str, made: Any, method: str, does: str, model: Any, status: int = 200) -> None:
        router.add_api_route(
            path, made, methods=[method], response_model=model, status_code=status, name=f"{made.__name__}_{kind}", description=f"{does} {what}"
        )

    route("", listing, "GET", f"All {plural}, the oldest first.", list[told])
    route("", add, "POST", f"Keep a {kind}.", told, 201)
    route(one, read, "GET", f"One {kind}; its version is the ETag.", told)
    route(one, change, "PUT", f"A new version of a {kind}.", told)
    route(one, remove, "DELETE", f"Remove a {kind}; its history stays.", None, 204)
    route(f"{one}/history", history, "GET", f"Every version of a {kind}, with who wrote it.", list[Version])
    return router


routers = [_router(kind, form) for kind, form in keeping.KINDS.items()]
more = APIRouter(prefix="/api/v1")


class AlertStateAnswer(BaseModel):
    """Whether a limit is passed; a null value says that it cannot be judged (no facts, or more than one currency)."""

    holds: bool
    value: float | None
    since: dt.date | None
    start: dt.date
    end: dt.date


@more.get("/alert-rules/{item_id}/state", tags=["alert-rules"])
def get_alert_state(request: Request, actor: Viewer, item_id: str) -> AlertStateAnswer:
    """An alert judged on the facts in force."""
    service = service_of(request)
    found = existing(service, "alert", item_id, actor.tenant)
    state = alert_state(keeping.Alert.model_validate(found.body), service.facts(actor.tenant))
    return AlertStateAnswer(holds=state.holds, value=state.value, since=state.since, start=state.window.start, end=state.window.end)


class PaceAnswer(BaseModel):
    """How far a target is; `pace` is null where amounts are in more than one currency."""

    pace: dict[str, float | int | None] | None


@more.get("/targets/{item_id}/pace", tags=["targets"])
def get_pace(request: Request, actor: Viewer, item_id: str) -> PaceAnswer:
    """A target against its complete days so far: done, expected by even days, where it will end."""
    service = service_of(request)
    found = existing(service, "target", item_id, actor.tenant)
    told = pace(keeping.Target.model_validate(found.body), service.facts(actor.tenant))
    return PaceAnswer(pace=None if told is None else asdict(told))


class ShareAnswer(BaseModel):
    """A link by which whoever has it may look at one dashboard."""

    path: str
    expires_at: dt.datetime


@more.post("/dashboards/{item_id}/share", tags=["dashboards"], status_code=201)
def post_share(request: Request, actor: Analyst, item_id: str, days: int = 30) -> ShareAnswer:
    """Make a read-only link, for 1 to 365 days. A new version of the dashboard, or its removal, ends every link to it."""
    if not 1 <= days <= 365:
        raise Problem(422, "invalid-days", "days: 1 to 365.")
    service = service_of(request)
    found = existing(service, "dashboard", item_id, actor.tenant)
    expires = service.now() + dt.timedelta(days=days)
    return ShareAnswer(path=f"/shared/{sharing.token_for(service, found, expires)}", expires_at=expires)


class MessageAnswer(BaseModel):
    """A message that was sent, waits, or was given up (no `sent_at`, no `next_at`)."""

    message_id: str
    channel: str
    target: str
    subject: str
    created_at: dt.datetime
    attempts: int
    next_at: dt.datetime | None
    sent_at: dt.datetime | None
    error: str


@more.get("/messages", tags=["messages"])
def list_messages(request: Request, actor: Analyst) -> list[MessageAnswer]:
    """The last fifty messages of alerts, reports and callbacks; of a callback's address only the host."""
    found = [{name: getattr(m, name) for name in MessageAnswer.model_fields} for m in service_of(request).live.messages(tenant=actor.tenant)]
    return [MessageAnswer(**{**m, "target": host_of(m["target"]) if m["channel"] == CALLBACK else m["target"]}) for m in found]
