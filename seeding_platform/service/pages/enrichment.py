"""The page of enrichment: what is so, where the records are, what failed and how long it lasts; dead letters are tried again, work is paused."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from seeding_platform.enrichment.house import House
from seeding_platform.enrichment.measures import Metric
from seeding_platform.enrichment.monitor import STANDING
from seeding_platform.enrichment.report import report_of
from seeding_platform.enrichment.report_words import WORDS
from seeding_platform.enrichment.settings import limits_of
from seeding_platform.monitoring.notices import title_of
from seeding_platform.service import alerted, enriched
from seeding_platform.service.audited import tell
from seeding_platform.service.auth import service_of
from seeding_platform.service.pages import enrichment_shown as shown
from seeding_platform.service.pages.audit import names_of
from seeding_platform.service.pages.enrichment_versions import versions_shown
from seeding_platform.service.pages.forms import Form, looking, typed, typed_all, writing
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, facts_or_none, page
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.enrichment.pauses import ALL, Pause
from seeding_platform.storage.enrichment.states import STAGES, Dead, ErrorClass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.datastructures import FormData

    from seeding_platform.service.auth import Actor
    from seeding_platform.service.context import Service
    from seeding_platform.storage.enrichment.states import Ref

router = APIRouter(include_in_schema=False)
DEAD_SHOWN, PREVIEWED, ALERTS_SHOWN, REVIEWS_COUNTED = 50, 25, 20, 100
LONGEST_REASON = 500
DAY = dt.timedelta(days=1)
Word = Annotated[str, Query(max_length=40)]
Kind = Literal["", "daily", "weekly"]
Rows = list[tuple[str, str]]


@router.get("/{lang}/enrichment")
def enrichment_page(request: Request, lang: Locale, stage: Word = "", error: Word = "", age: Word = "", report: Kind = "") -> Response:
    """Figures, the flow of records, failures, the backlog, dead letters, alerts, pauses; a report where it is asked for."""
    actor = looking(request, lang, Role.VIEWER)
    return actor if isinstance(actor, Response) else _overview(request, lang, actor, chosen=Chosen.of(stage, error, age), report=report)


@router.post("/{lang}/enrichment")
def change_enrichment(request: Request, lang: Locale, form: Form) -> Response:
    """Try dead letters again, after a look at which; pause and resume."""
    actor = writing(request, lang, Role.OPERATOR, form)
    if isinstance(actor, Response):
        return actor
    step = typed(form, "step")
    if step in ("redrive", "redriven"):
        return _redrive(request, lang, actor, form, done=step == "redriven")
    if step in ("pause", "resume"):
        return _steer(request, lang, actor, form, step)
    if step == "back":
        return RedirectResponse(f"/{lang}/enrichment#dead", status_code=303)
    return _overview(request, lang, actor, said=words(lang)["enrichment"]["unreadable"], status=422)


def _redrive(request: Request, lang: str, actor: Actor, form: FormData, *, done: bool) -> Response:
    """Which dead letters would be tried again; then, if they are still those, do it."""
    k, store, now = words(lang)["enrichment"], service_of(request).enrichment.store, service_of(request).now()
    filtered = Chosen.of(*(typed(form, name) for name in Chosen._fields))
    every = typed(form, "all") == "on"
    chosen = None if every else _named(typed_all(form, "record"))
    if not every and not chosen:
        return _overview(request, lang, actor, chosen=filtered, said=k["dead"]["choose"], status=422)
    asked: dict[str, Any] = {**dataclasses.asdict(filtered.wanted(now)), "records": chosen}
    refs = store.redrive(actor.tenant, **asked, dry_run=True, now=now)
    same = not done or typed(form, "expected") == shown_mark(refs)
    if done and same and refs:
        back = store.redrive(actor.tenant, **asked, dry_run=False, now=now)
        tell(request, did="redrive", rows=len(back))
        return RedirectResponse(f"/{lang}/enrichment#dead", status_code=303)
    say, c = Speaker(lang, None), k["redrive"]
    more: dict[str, Any] = {
        "title": c["title"].format(n=say.count(len(refs))) if refs else c["none"],
        "lead": c["lead"] if same else c["changed"],
        "warn": not same,
        "spread": [(k["stages"][s], say.count(sum(r.stage == s for r in refs))) for s in STAGES if any(r.stage == s for r in refs)],
        "rows": [(r.record_id, shown.address(lang, r.record_type, r.record_id), k["stages"][r.stage]) for r in refs[:PREVIEWED]],
        "more": c["more"].format(n=say.count(len(refs) - PREVIEWED)) if len(refs) > PREVIEWED else "",
        "points": [c["changes"], c["stays"]],
        "action": f"/{lang}/enrichment",
        "fields": [*filtered._asdict().items(), ("all", "on" if every else ""), ("expected", shown_mark(refs)),
                   *(("record", "/".join(r)) for r in chosen or [])],
        "step": "redriven" if refs else "",
        "do": c["do"].format(n=say.count(len(refs))),
        "danger": False,
        "reason": None,
    }  # fmt: skip
    return page(request, "enrichment_confirm", lang, actor, facts_or_none(request, actor), status=200 if same else 409, **more)


def shown_mark(refs: Sequence[Ref]) -> str:
    """Names exactly these rows, so that what is done is what was looked at."""
    from seeding_platform.storage.enrichment import bulk

    return bulk.digest(*(f"{len(r.record_type)}:{r.record_type}{len(r.record_id)}:{r.record_id}{r.stage}" for r in sorted(refs)))[:32]


def _named(told: Sequence[str]) -> Rows:
    """Records as a form names them: type, a slash, id."""
    return [(kind, name) for kind, slash, name in (one.partition("/") for one in told) if slash and kind and name][:DEAD_SHOWN]


AGES = {"hour": (dt.timedelta(hours=1), None), "day": (DAY, None), "over_day": (None, DAY), "over_week": (None, 7 * DAY)}
"""Names of ages: dead for less than the first, for longer than the second."""


class Chosen(NamedTuple):
    """By what dead letters are narrowed down; empty = all."""

    stage: str = ""
    error: str = ""
    age: str = ""

    @classmethod
    def of(cls, stage: str, error: str, age: str) -> Chosen:
        """What there is of what was asked for."""
        return cls(stage if stage in list(STAGES) else "", error if error in list(ErrorClass) else "", age if age in AGES else "")

    def wanted(self, now: dt.datetime) -> Dead:
        """The same as the store is asked for it."""
        younger, older = AGES.get(self.age, (None, None))
        since, until = (None if age is None else now - age for age in (younger, older))
        return Dead(stage=self.stage or None, error=self.error or None, since=since, until=until)


ALL_DEAD = Chosen()


def _steer(request: Request, lang: str, actor: Actor, form: FormData, step: str) -> Response:
    k, service = words(lang)["enrichment"], service_of(request)
    store, stage, reason = service.enrichment.store, typed(form, "stage"), typed(form, "reason")[:LONGEST_REASON]
    if stage not in (ALL, *STAGES):
        return _overview(request, lang, actor, said=k["unreadable"], status=422)
    if step == "pause" and not reason:
        return _overview(request, lang, actor, wrong=words(lang)["forms"]["no_reason"], status=422)
    if step == "pause":
        store.pause(Pause(tenant=actor.tenant, stage=stage, reason=reason, actor=actor.key_id, at=service.now()))
    elif not store.resume(actor.tenant, stage):
        return _overview(request, lang, actor, said=k["pauses"]["none_such"], status=409)
    tell(request, did=step, stage=stage or "all")
    return RedirectResponse(f"/{lang}/enrichment#pauses", status_code=303)


def _overview(
    request: Request,
    lang: str,
    actor: Actor,
    *,
    chosen: Chosen = ALL_DEAD,
    report: str = "",
    said: str = "",
    wrong: str = "",
    status: int = 200,
) -> Response:
    """The page, as it stands or with what was wrong about a form."""
    service, say, w = service_of(request), Speaker(lang, None), words(lang)
    k, house, now, tenant = w["enrichment"], service.enrichment, service.now(), actor.tenant
    store, source, bars = house.store, house.monitor.source, house.monitor.thresholds()
    flow = shown.flow_shown(store.counts(tenant, now=now), say=say, k=k)
    reviews = len(store.reviews(tenant, now=now, limit=REVIEWS_COUNTED + 1, dead=True))
    pauses = [shown.pause_shown(p, names_of(request, actor), say=say, k=k) for p in store.pauses(tenant)]
    may_run = actor.role.may(Role.OPERATOR)
    more: dict[str, Any] = {
        "said": said, "wrong": wrong, "flow": flow, "pauses": pauses, "reviews": reviews, "may_run": may_run,
        "lead": _lead(flow, reviews, pauses, say, k), "may_judge": actor.role.may(Role.ANALYST), "may_set": actor.role.may(Role.ANALYST),
        "pausable": [(str(s), k["stages"][s]) for s in (ALL, *STAGES) if s and not any(p["own"] and p["stage"] == s for p in pauses)],
        "alerts": _alerts(service, actor, lang), **chosen._asdict(),
        "report": None,
    }  # fmt: skip
    if flow["came"]:
        measured, kept, today = enriched.figures(service, tenant), house.monitor.kept, now.astimezone(dt.UTC).date()
        waiting, ahead = enriched.ahead(service, tenant)
        history = kept.since(tenant, now - DAY, metrics=(Metric.BACKLOG,), until=now).get(Metric.BACKLOG, [])
        spent = source.spent(tenant, first=today, last=today)
        more |= {
            "tiles": shown.tiles(measured, waiting, spent, limits_of(house.bench.adjusted).eur_a_day, bars, now=now, say=say, k=k),
            "measured": k["measured"].format(at=say.moment(max(m.at for m in measured.values()))),
            "confidence": shown.confidence_shown(measured.get(Metric.CONFIDENCE), say=say, k=k),
            "failures": shown.failures_shown(measured.get(Metric.FAILURE_DAY), say=say, lang=lang),
            "backlog": shown.backlog_shown(ahead, history, say=say, k=k),
            **_dead(house, tenant, flow["dead"], chosen, now, say, lang),
        }
        more["versions"] = versions_shown(enriched.versions(service, tenant), say=say, k=k)
        if report in ("daily", "weekly"):
            kind: Any = report
            more["report"] = shown.report_shown(report_of(source, tenant, kind, thresholds=bars, now=now), say=say)
    return page(request, "enrichment", lang, actor, facts_or_none(request, actor), status=status, **more)


def _dead(house: House, tenant: str, total: int, chosen: Chosen, now: dt.datetime, say: Speaker, lang: str) -> dict[str, Any]:
    k, wanted = words(lang)["enrichment"], chosen.wanted(now)
    found = house.store.dead(tenant, wanted, limit=DEAD_SHOWN + 1)
    names = WORDS[lang]
    return {
        "dead": [shown.dead_row(r, wanted, say=say, lang=lang, k=k) for r in found[:DEAD_SHOWN]],
        "dead_total": total, "dead_more": len(found) > DEAD_SHOWN, "stages": [(str(s), k["stages"][s]) for s in STAGES],
        "errors": [(str(e), shown.first_up(names[e])) for e in ErrorClass], "ages": [(name, k["dead"]["ages"][name]) for name in AGES],
    }  # fmt: skip


def _alerts(service: Service, actor: Actor, lang: str) -> list[dict[str, str]]:
    wanted = alerted.readable(actor, scope="own", rule="enrichment.", states=[str(s) for s in STANDING])
    found = service.desk.alerts.listed(wanted, limit=ALERTS_SHOWN)
    return [{"id": a.alert_id, "title": title_of(a, lang), "severity": a.severity, "since": Speaker(lang, None).moment(a.opened_at)} for a in found]


def _lead(flow: Mapping[str, Any], reviews: int, pauses: Sequence[Mapping[str, Any]], say: Speaker, k: Mapping[str, Any]) -> str:
    """A sentence on what is so."""
    s = k["lead"]
    if not flow["came"]:
        return str(s["empty"])
    told = [s["whole" if flow["closes"] else "broken"].format(n=say.count(flow["came"]))]
    waits = s["reviews_many"].format(n=REVIEWS_COUNTED) if reviews > REVIEWS_COUNTED else s["reviews"].format(n=say.count(reviews)) if reviews else ""
    dead = s["dead"].format(n=say.count(flow["dead"])) if flow["dead"] else ""
    told.append(" ".join(x for x in (waits, dead) if x) or s["nobody"])
    return " ".join([*told, s["paused"]] if pauses else told)
