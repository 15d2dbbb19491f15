"""Models for people: what serves and how good it is, trainings as they go, gates side by side; trained, deployed and rolled back by forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from seeding_platform.models.kinds import FeatureKind
from seeding_platform.models.operations.drifting import FOUND, Drifting
from seeding_platform.models.spec import shipped_specs
from seeding_platform.monitoring.alert import AlertState
from seeding_platform.monitoring.notices import title_of
from seeding_platform.service import alerted, modelled
from seeding_platform.service.audited import tell
from seeding_platform.service.auth import service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.pages import model_shown as shown
from seeding_platform.service.pages.audit import names_of
from seeding_platform.service.pages.forms import Form, looking, told_off, typed, typed_all, writing
from seeding_platform.service.pages.model_words import data_rows, gain_said, why_shown
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, facts_or_none, page
from seeding_platform.service.routes import model_reasons
from seeding_platform.service.routes import models as api
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from starlette.datastructures import FormData

    from seeding_platform.service.auth import Actor
    from seeding_platform.service.routes.model_reasons import ReasonsAnswer

router = APIRouter(include_in_schema=False)
JOBS_SHOWN, CHANGES_SHOWN, ALERTS_SHOWN, DATA_SHOWN = 25, 15, 100, 10
DATA_LOOKED_AT = 200
LONGEST_REASON, MOST_DIGITS = 500, 9
STANDING = [str(s) for s in AlertState if s != AlertState.RESOLVED]
Number = Annotated[str, Query(max_length=12)]


@router.get("/{lang}/models")
def models_page(request: Request, lang: Locale) -> Response:
    """Every model: key figures, what serves, trends, what is being trained, and what was."""
    actor = looking(request, lang, Role.VIEWER)
    return actor if isinstance(actor, Response) else _list(request, lang, actor)


@router.post("/{lang}/models")
def train_models(request: Request, lang: Locale, form: Form) -> Response:
    """Ask for trainings, or check models, by hand."""
    actor = writing(request, lang, Role.OPERATOR, form)
    if isinstance(actor, Response):
        return actor
    k, chosen = words(lang)["models"], [m for m in typed_all(form, "model") if m in shipped_specs()]
    step = typed(form, "step")
    if step not in ("train", "check"):
        return _list(request, lang, actor, said=k["unreadable"], status=422)
    if not chosen:
        return _list(request, lang, actor, said=k["choose"], status=422)
    try:
        _asked(request, actor, step, chosen, force=bool(typed(form, "force")))
    except Problem as problem:
        return _list(request, lang, actor, said=_why(problem, k), status=problem.status)
    return RedirectResponse(f"/{lang}/models", status_code=303)


@router.get("/{lang}/models/{model}")
def model_page(request: Request, lang: Locale, model: str, a: Number = "", b: Number = "") -> Response:
    """One model: its figures, two versions side by side, drift, what served when, and what may be done."""
    actor = looking(request, lang, Role.VIEWER)
    if isinstance(actor, Response):
        return actor
    return _one(request, lang, actor, model, sides=(a, b))


@router.post("/{lang}/models/{model}")
def change_model(request: Request, lang: Locale, model: str, form: Form) -> Response:
    """Train, check, deploy, roll back (after a look at what that means), set what answers beside what serves, or ask why an answer is as it is."""
    step = typed(form, "step")
    actor = writing(request, lang, Role.ANALYST if step == "why" else Role.OPERATOR, form)
    if isinstance(actor, Response):
        return actor
    k = words(lang)["models"]
    if model not in shipped_specs():
        return told_off(request, lang, actor, k["no_such"], status=404)
    if step in ("deploy", "rollback", "rollback_confirmed") and not typed(form, "reason"):
        return _one(request, lang, actor, model, wrong={"deploy" if step == "deploy" else "rollback": words(lang)["forms"]["no_reason"]}, status=422)
    try:
        if step in ("train", "check"):
            _asked(request, actor, step, [model], force=bool(typed(form, "force")))
        elif step in _LOOKS:
            return _LOOKS[step](request, lang, actor, model, form)
        elif step in _DEEDS:
            _DEEDS[step](request, actor, model, form)
        elif step != "back":
            return _one(request, lang, actor, model, said=k["unreadable"], status=422)
    except ValidationError:
        return _one(request, lang, actor, model, said=k["unreadable"], status=422)
    except Problem as problem:
        return _one(request, lang, actor, model, said=_why(problem, k), status=problem.status)
    return RedirectResponse(f"/{lang}/models/{model}", status_code=303)


def _asked(request: Request, actor: Actor, step: str, chosen: list[str], *, force: bool) -> None:
    service = service_of(request)
    if step == "train":
        made, _ = modelled.ask(service, actor.tenant, chosen, by=actor.key_id, force=force)
        tell(request, did="train", models=len(made), forced=force)
    else:
        modelled.check_models(service, actor.tenant, chosen, threshold=None, time_window=None, by=actor.key_id)
        tell(request, did="check", models=len(chosen))


def _deploy(request: Request, actor: Actor, model: str, form: FormData) -> None:
    """Let a version serve, if what serves is still what was shown."""
    asked = api.DeploymentWanted(model=model, version=typed(form, "version"), reason=typed(form, "reason")[:LONGEST_REASON])
    _expected(request, actor, model, form)
    api.post_deployment(request, actor, asked.model_copy(update={"expected_champion": typed(form, "expected") or None}))


def _roll_back(request: Request, actor: Actor, model: str, form: FormData) -> None:
    """Let an earlier version serve again, if what serves is still what was shown."""
    told = {"reason": typed(form, "reason")[:LONGEST_REASON], "to": typed(form, "to") or None, "expected_champion": typed(form, "expected") or None}
    _expected(request, actor, model, form)
    api.post_rollback(request, actor, api.RollbackWanted.model_validate({"model": model, **told}))


def _expected(request: Request, actor: Actor, model: str, form: FormData) -> None:
    """Where nothing served when the page was made, something else than nothing is a change too."""
    standing = service_of(request).bench.standings.one(modelled.at(actor.tenant, model))
    serves = standing.version if standing else None
    if typed(form, "expected") != (serves or ""):
        raise Problem(412, "champion-changed", f"Version {serves or 'none'} serves.")


def _shadow(request: Request, actor: Actor, model: str, form: FormData) -> None:
    """What answers beside what serves, and its share of the requests in percent."""
    version, percent = typed(form, "version"), typed(form, "percent").replace(",", ".") or "0"
    api.put_shadow(request, actor, model, api.ShadowWanted.model_validate({"version": version or None, "share": _share(percent)}))
    tell(request, did="shadow", version=version, percent=percent)


def _row(model: str, form: FormData) -> dict[str, Any]:
    """A row as it was typed: numbers where numbers belong, nothing where nothing was typed."""
    spec, row = shipped_specs()[model], {}
    for name, kind in spec.features.items():
        text = typed(form, f"x_{name}")[:LONGEST_REASON]
        number = text.replace(",", ".").removeprefix("-")
        plain = kind == FeatureKind.NUMERIC and number.replace(".", "", 1).isdecimal() and len(number) <= MOST_DIGITS
        row[name] = (float(text.replace(",", ".")) if plain else text) if text else None
    return row


def _typed(value: float | str | None) -> str:
    """A value as it stands in its field."""
    return "" if value is None else value if isinstance(value, str) else f"{value:.9g}"


def _share(percent: str) -> float | str:
    """A share of a text in percent; the text itself where it is none, which is then refused."""
    return float(percent) / 100 if percent.replace(".", "", 1).isdecimal() and len(percent) <= MOST_DIGITS else percent


_DEEDS = {"deploy": _deploy, "rollback_confirmed": _roll_back, "shadow": _shadow}


def _confirm(request: Request, lang: str, actor: Actor, model: str, form: FormData) -> Response:
    """What a rollback would change, before it does."""
    versions = {v["version"]: v for v in modelled.versions_told(service_of(request), modelled.at(actor.tenant, model))}
    k, say = words(lang)["models"], Speaker(lang, None)
    standing = service_of(request).bench.standings.one(modelled.at(actor.tenant, model))
    serves, to = (standing.version if standing else None), typed(form, "to")
    if serves is None or to not in versions or to == serves or serves not in versions:
        raise Problem(404, "no-such-version", k["no_version"])
    more: dict[str, Any] = {
        "model": model, "serves": serves, "to": to, "reason": typed(form, "reason")[:LONGEST_REASON],
        "sides": shown.side_by_side(versions[serves], versions[to], say, k), "inner": f"/{model}",
    }  # fmt: skip
    return page(request, "models_confirm", lang, actor, facts_or_none(request, actor), **more)


def _explained(request: Request, lang: str, actor: Actor, model: str, form: FormData) -> Response:
    """What each value that was typed does to the answer."""
    row = _row(model, form)
    found = model_reasons.post_reasons(request, actor, model_reasons.ReasonsWanted(model=model, row=row))
    return _one(request, lang, actor, model, row=row, why=found)


_LOOKS = {"rollback": _confirm, "why": _explained}


def _why(problem: Problem, k: Mapping[str, Any]) -> str:
    """A refusal in the words of the page; in its own where there are none."""
    return str(k["refused"].get(problem.code, problem.detail))


def _alerts(request: Request, actor: Actor, say: Speaker) -> dict[str, list[dict[str, str]]]:
    """Alerts about models that stand, by model."""
    wanted = alerted.readable(actor, scope="own", rule="model.", states=STANDING)
    found: dict[str, list[dict[str, str]]] = {}
    for alert in service_of(request).desk.alerts.listed(wanted, limit=ALERTS_SHOWN):
        model = alert.subject.removeprefix("model/").removeprefix(f"{actor.tenant}.")
        found.setdefault(model, []).append({"id": alert.alert_id, "title": title_of(alert, say.lang), "severity": alert.severity})
    return found


def _list(request: Request, lang: str, actor: Actor, *, said: str = "", status: int = 200) -> Response:
    service, say, k, names = service_of(request), Speaker(lang, None), words(lang)["models"], names_of(request, actor)
    models, told, alerts = modelled.listed(service, actor.tenant), modelled.status(service, actor.tenant), _alerts(request, actor, say)
    charts, clock = [], service.runs.clock_runs()
    for m in models:
        found = service.bench.standings.measurements(modelled.at(actor.tenant, m["model"]), since=service.now() - modelled.SERIES)
        charts.append(shown.charts_of(found, model=m["model"], metric=m["metric"], floor=m["floor"], say=say, k=k))
    jobs, ended = service.bench.jobs, told["jobs"]
    data = {d.job_id: d for d in service.bench.standings.training_data(tenant=actor.tenant, limit=DATA_LOOKED_AT)}
    success = {"good": ended["succeeded"], "all": ended["succeeded"] + ended["failed"], "skipped": ended["skipped"], "same": ended["no_change"]}
    active = [*jobs.recent(tenant=actor.tenant, state="running"), *jobs.recent(tenant=actor.tenant, state="queued")]
    more: dict[str, Any] = {
        "said": said,
        "figures": [
            (k["serving"], f"{say.count(told['serving'])} / {say.count(told['models'])}", ""),
            (k["active"], say.count(len(active)), ""),
            (k["success"], say.share(told["success_rate"]), k["success_of"].format(**{n: say.count(v) for n, v in success.items()})),
            (k["improvement"], gain_said(told["average_improvement"], say), ""),
        ],
        "checked": shown.moment_said(told["checked_at"], say),
        "spread": shown.distribution(models, k),
        "rows": [shown.model_row(m, alerts.get(m["model"], []), say, k) for m in models],
        "charts": [c for c in charts if c is not None],
        "active": [shown.job_shown(j, names, data, say, k) for j in active],
        "jobs": [shown.job_shown(j, names, data, say, k) for j in jobs.recent(tenant=actor.tenant, limit=JOBS_SHOWN)],
        "schedules": _schedules(told["schedules"], service.now(), clock=clock, say=say, k=k),
        "clock": clock,
        "may_run": actor.role.may(Role.OPERATOR),
        "may_look": actor.role.may(Role.ANALYST),
    }
    return page(request, "models", lang, actor, facts_or_none(request, actor), status=status, **more)


def _schedules(found: list[dict[str, Any]], now: dt.datetime, *, clock: bool, say: Speaker, k: Mapping[str, Any]) -> list[dict[str, str]]:
    """What the clock does; what is due already happens at the next check, and nothing does while nobody follows the clock."""

    def following(moment: dt.datetime | None) -> str:
        if not clock:
            return str(k["next_none"])
        return str(k["next_check"]) if moment is not None and moment <= now else shown.moment_said(moment, say)

    return [
        {
            "model": s["model"], "kind": k["schedule_kinds"][s["kind"]], "cron": s["cron"], "last": shown.moment_said(s["last_run_at"], say),
            "next": following(s["next_run_at"]),
        }
        for s in found
        if s["environment"] == "prod"
    ]  # fmt: skip


def _one(
    request: Request,
    lang: str,
    actor: Actor,
    model: str,
    *,
    sides: tuple[str, str] = ("", ""),
    said: str = "",
    wrong: Mapping[str, str] | None = None,
    row: Mapping[str, Any] | None = None,
    why: ReasonsAnswer | None = None,
    status: int = 200,
) -> Response:
    """The page of a model, as it stands, with what was wrong about a form, or with the reasons of an answer."""
    service, say, k, names = service_of(request), Speaker(lang, None), words(lang)["models"], names_of(request, actor)
    told = next((m for m in modelled.listed(service, actor.tenant) if m["model"] == model), None)
    if told is None:
        return told_off(request, lang, actor, k["no_such"], status=404)
    bench, whose = service.bench, modelled.at(actor.tenant, model)
    found = bench.standings.measurements(whose, since=service.now() - modelled.SERIES)
    versions, jobs = modelled.versions_told(service, whose), bench.jobs.recent(tenant=actor.tenant, model=model, limit=JOBS_SHOWN)
    data = bench.standings.training_data(tenant=actor.tenant, model=model)
    by_job = {d.job_id: d for d in data}
    changes = bench.deployer.ledger.recent(tenant=actor.tenant, model=model, environment="prod", limit=CHANGES_SHOWN)
    served = [d.version for d in changes if d.state == "verified" and d.version != told["version"]]
    by_number = {v["version"]: v for v in versions}
    chosen = _sides(sides, list(by_number), told["version"])
    pair = shown.side_by_side(by_number[chosen[0]], by_number[chosen[1]], say, k) if chosen else None
    more: dict[str, Any] = {
        "m": shown.model_row(told, _alerts(request, actor, say).get(model, []), say, k),
        "features": told["features"],
        "chart": shown.charts_of(found, model=model, metric=told["metric"], floor=told["floor"], say=say, k=k),
        "active": [shown.job_shown(j, names, by_job, say, k) for j in jobs if j.state in ("queued", "running")],
        "jobs": [shown.job_shown(j, names, by_job, say, k) for j in jobs],
        "data": data_rows(data[:DATA_SHOWN], say, k),
        "versions": versions,
        "sides": pair,
        "drift": shown.drift_shown(_drift(request, actor, model, told["version"]), say, k),
        "changes": [shown.deployment_shown(d, names, say, k) for d in changes],
        "deployable": [v["version"] for v in versions if v["version"] != told["version"] and not v["withdrawn"]],
        "served": [v for v in dict.fromkeys(served) if v in by_number],
        "held": told.get("shadow"),
        "share": round(100 * (told.get("shadow_share") or 0.0)),
        "row": {name: _typed((row or {}).get(name)) for name in told["features"]},
        "why": None if why is None else why_shown(why, say, k),
        "said": said,
        "wrong": wrong or {},
        "may_run": actor.role.may(Role.OPERATOR),
        "may_look": actor.role.may(Role.ANALYST),
        "inner": f"/{model}",
    }
    return page(request, "model", lang, actor, facts_or_none(request, actor), status=status, **more)


def _sides(asked: tuple[str, str], there: list[str], serves: str | None) -> tuple[str, str] | None:
    """Two versions to lay side by side: those that were asked for; else what serves and the newest other one."""
    if len(there) < 2:
        return None
    first = asked[0] if asked[0] in there else serves if serves in there else there[1]
    others = [v for v in there if v != first]
    return str(first), asked[1] if asked[1] in others else others[0]


def _drift(request: Request, actor: Actor, model: str, serves: str | None) -> Drifting | None:
    """What the newest check found of what serves."""
    registry, whose = service_of(request).bench.registry, modelled.at(actor.tenant, model)
    version = None if serves is None else registry.version(whose.registered, serves)
    document = None if version is None else registry.document(version, FOUND)
    return None if document is None else Drifting.parsed(document)
