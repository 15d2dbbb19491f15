"""Dashboards, what is watched, and dashboards shared by a link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from seeding_platform.analytics.keeping import Alert, Annotation, Dashboard, Report, Target
from seeding_platform.analytics.language.model import asked_with
from seeding_platform.analytics.metrics import OwnRatio, catalogue
from seeding_platform.analytics.watching import alert_state, pace
from seeding_platform.monitoring.channels import chosen
from seeding_platform.service import sharing
from seeding_platform.service.auth import service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.pages.figures import currency_of, notices, table_of, tops_of
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, page, signed_in, to_sign_in, with_facts
from seeding_platform.service.routes.kept import existing
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from seeding_platform.analytics.facts import Known
    from seeding_platform.service.auth import Actor
    from seeding_platform.service.context import Service

router = APIRouter(include_in_schema=False)


@router.get("/{lang}/dashboards")
def dashboards_page(request: Request, lang: Locale) -> Response:
    """All dashboards, and a form for a new one."""
    actor = signed_in(request)
    if actor is None:
        return to_sign_in(request, lang)
    items = service_of(request).kept.all("dashboard", tenant=actor.tenant)
    listed = [{"id": i.item_id, **Dashboard.model_validate(i.body).model_dump()} for i in items]
    return page(request, "dashboards", lang, actor, None, listed=listed, may_keep=actor.role.may(Role.ANALYST))


@router.get("/{lang}/dashboards/{item_id}")
def dashboard_page(request: Request, lang: Locale, item_id: str) -> Response:
    """One dashboard: each question with its answer."""

    def body(actor: Actor, facts: Known) -> dict[str, Any]:
        service = service_of(request)
        item = existing(service, "dashboard", item_id, actor.tenant)
        board = Dashboard.model_validate(item.body)
        cards = answers(service, board, facts, lang)
        return {"board": board, "item_id": item_id, "cards": cards, "may_keep": actor.role.may(Role.ANALYST), "inner": f"/{item_id}"}

    return with_facts(request, "dashboard", lang, body)


@router.get("/shared/{token}")
def shared_page(request: Request, token: str) -> Response:
    """A dashboard for whoever has the link; no name and no figure of anything else."""
    service = service_of(request)
    item = sharing.shared_item(service, token)
    if item is None:
        raise Problem(404, "no-such-link", "This link is over, or never was. Ask for a new one.")
    board = Dashboard.model_validate(item.body)
    facts = service.facts(item.tenant)
    cards = answers(service, board, facts, board.lang)
    return page(request, "dashboard", board.lang, None, None, board=board, item_id="", cards=cards, may_keep=False, shared=True)


def answers(service: Service, board: Dashboard, facts: Known, lang: str) -> list[dict[str, Any]]:
    """The questions of a dashboard with their answers; a refused one says why in its place."""
    w, say = words(lang), Speaker(lang, currency_of(facts))
    cards = []
    for question in board.questions:
        answer = asked_with(service.model, question, facts, prefer=board.lang)
        table = table_of(answer, say) if answer.plan is not None and answer.rows else None
        cards.append(
            {
                "question": question,
                "answer": answer,
                "table": table,
                "tops": tops_of(table) if table is not None else {},
                "notices": notices(answer, w, say) if answer.plan is not None else [],
                "say": say,
            }
        )
    return cards


@router.get("/{lang}/watch")
def watch_page(request: Request, lang: Locale) -> Response:
    """Alerts, targets, notes, reports and ratios, with forms to add one."""

    def body(actor: Actor, facts: Known) -> dict[str, Any]:
        service, say = service_of(request), Speaker(lang, currency_of(facts))
        tenant, kept = actor.tenant, service.kept
        alerts = [(i, Alert.model_validate(i.body)) for i in kept.all("alert", tenant=tenant)]
        targets = [(i, Target.model_validate(i.body)) for i in kept.all("target", tenant=tenant)]
        return {
            "alerts": [{"id": i.item_id, "alert": a, "state": alert_state(a, facts)} for i, a in alerts],
            "targets": [{"id": i.item_id, "target": t, "pace": pace(t, facts)} for i, t in targets],
            "notes": [{"id": i.item_id, "note": Annotation.model_validate(i.body)} for i in kept.all("annotation", tenant=tenant)],
            "reports": [{"id": i.item_id, "report": Report.model_validate(i.body)} for i in kept.all("report", tenant=tenant)],
            "ratios": [{"id": i.item_id, "ratio": OwnRatio.model_validate(i.body)} for i in kept.all("ratio", tenant=tenant)],
            "figures": {name: say.metric(name) for name in catalogue().metrics},
            "sums": {m.name: say.metric(m.name) for m in catalogue().metrics.values() if m.kind == "sum"},
            "channels": ["none", *chosen(service.settings)],
            "say": say,
            "may_keep": actor.role.may(Role.ANALYST),
        }

    return with_facts(request, "watch", lang, body)
