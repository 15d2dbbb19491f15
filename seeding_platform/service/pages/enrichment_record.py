"""One record of enrichment: its facts, its stages, every attempt in order, actions and what people said; tried again, done again or cancelled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from seeding_platform.enrichment.report_words import WORDS
from seeding_platform.service.audited import tell
from seeding_platform.service.auth import service_of
from seeding_platform.service.pages import enrichment_shown as shown
from seeding_platform.service.pages.audit import names_of
from seeding_platform.service.pages.enrichment import LONGEST_REASON
from seeding_platform.service.pages.enrichment_versions import sayable, word_shown
from seeding_platform.service.pages.forms import Form, looking, told_off, typed, writing
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, facts_or_none, page
from seeding_platform.service.record_ids import id_of_page
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.enrichment.states import Stage
from seeding_platform.storage.enrichment.traces import HUMAN
from seeding_platform.storage.enrichment.versions import Versions, joined

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

    from seeding_platform.enrichment.house import House
    from seeding_platform.enrichment.stages import Stages
    from seeding_platform.service.auth import Actor
    from seeding_platform.storage.enrichment.actions import Action
    from seeding_platform.storage.enrichment.reviews import HumanLabel
    from seeding_platform.storage.enrichment.standing import Attempt, StageState, Story

    Words = Mapping[str, Any]

router = APIRouter(include_in_schema=False)
LONGEST_FACT = 600
OUTCOME_TONES = {"completed": "good", "failed": "bad", "lost": "bad", "outdated": "warn", "reset": "warn", "skipped": "wait"}
ACTION_TONES = {"planned": "waiting", "sent": "running", "done": "ok", "failed": "failed", "refused": "warn"}


@router.get("/{lang}/enrichment/records/{record_type}/{record_id:record}")
def record_page(request: Request, lang: Locale, record_type: str, record_id: str) -> Response:
    """The whole story of a record of one's own tenant."""
    actor = looking(request, lang, Role.VIEWER)
    return actor if isinstance(actor, Response) else _record(request, lang, actor, record_type, id_of_page(record_id))


@router.post("/{lang}/enrichment/records/{record_type}/{record_id:record}")
def change_record(request: Request, lang: Locale, record_type: str, record_id: str, form: Form) -> Response:
    """Try it again, have it done again by what is in force, or cancel it; each after a look at what that means."""
    actor = writing(request, lang, Role.OPERATOR, form)
    if isinstance(actor, Response):
        return actor
    k, service = words(lang)["enrichment"], service_of(request)
    house, step, record_id = service.enrichment, typed(form, "step"), id_of_page(record_id)
    found = house.store.story(actor.tenant, record_type, record_id)
    if found is None:
        return told_off(request, lang, actor, k["record"]["none"], status=404)
    if step == "back":
        return RedirectResponse(shown.address(lang, record_type, record_id), status_code=303)
    kind, confirmed = step.removesuffix("_confirmed"), step.endswith("_confirmed")
    if kind not in ("redrive", "again", "cancel"):
        return _record(request, lang, actor, record_type, record_id, said=k["unreadable"], status=422)
    stages = _possible(house, found)[kind]
    if not stages:
        return _record(request, lang, actor, record_type, record_id, said=k["record"]["not_now"][kind], status=409)
    reason = typed(form, "reason")[:LONGEST_REASON]
    if not confirmed or (kind == "cancel" and not reason):
        return _confirm(request, lang, actor, found, kind, stages, wrong=confirmed)
    if typed(form, "expected") != _mark(found):
        return _confirm(request, lang, actor, found, kind, stages, changed=True)
    _do(house, found, kind, stages, reason, now=service.now())
    tell(request, did=kind, stages=",".join(s.stage for s in stages))
    return RedirectResponse(shown.address(lang, record_type, record_id), status_code=303)


def _do(house: House, story: Story, kind: str, stages: list[StageState], reason: str, *, now: dt.datetime) -> None:
    tenant, only = story.record.tenant, [(story.record.record_type, story.record.record_id)]
    if kind == "redrive":
        house.store.redrive(tenant, records=only, dry_run=False, now=now)
    elif kind == "cancel":
        house.store.cancel(tenant, records=only, reason=reason, now=now)
    for one in stages if kind == "again" else []:
        house.store.again(tenant, only[0], stage=one.stage, now=now)


def _possible(house: House, story: Story) -> dict[str, list[StageState]]:
    """In which stages each deed would change something.

    Done again is only what another version made than the one in force: the same version says the same of the same facts.
    """
    live = {s.stage: Versions(house.bench.state).live(story.record.tenant, s.stage) for s in story.record.stages}
    return {
        "redrive": [s for s in story.record.stages if s.dead],
        "again": [
            s for s in story.record.stages
            if s.status in ("completed", "skipped") and s.model_version is not None and s.provider != HUMAN
            and live[s.stage] not in (None, joined((s.model_version, s.prompt_version or "")))
        ],
        "cancel": [s for s in story.record.stages if s.status in ("pending", "in_progress", "failed")],
    }  # fmt: skip


def _mark(story: Story) -> str:
    """What the stages were when they were looked at; time that passes does not change it."""
    return " ".join(f"{s.fence}{s.status}{'!' if s.dead else ''}" for s in story.record.stages)


def _confirm(
    request: Request, lang: str, actor: Actor, story: Story, kind: str, stages: list[StageState], *, wrong: bool = False, changed: bool = False
) -> Response:
    k, record = words(lang)["enrichment"], story.record
    c = k["confirm"]
    names = ", ".join(k["stages"][s.stage] for s in stages)
    more: dict[str, Any] = {
        "title": c[kind]["title"].format(id=record.record_id),
        "lead": c["changed"] if changed else c["stages"].format(stages=names),
        "warn": changed,
        "spread": [],
        "rows": [],
        "more": "",
        "points": [c[kind]["changes"], c[kind]["stays"]],
        "action": shown.address(lang, record.record_type, record.record_id),
        "fields": [("expected", _mark(story))],
        "step": f"{kind}_confirmed",
        "do": c[kind]["do"],
        "danger": kind == "cancel",
        "reason": (words(lang)["forms"]["no_reason"] if wrong else "") if kind == "cancel" else None,
        "inner": shown.address(lang, record.record_type, record.record_id).removeprefix(f"/{lang}/enrichment"),
    }
    status = 409 if changed else 422 if wrong else 200
    return page(request, "enrichment_confirm", lang, actor, facts_or_none(request, actor), status=status, **more)


def _record(request: Request, lang: str, actor: Actor, record_type: str, record_id: str, *, said: str = "", status: int = 200) -> Response:
    service, say, k = service_of(request), Speaker(lang, None), words(lang)["enrichment"]
    house = service.enrichment
    story = house.store.story(actor.tenant, record_type, record_id)
    if story is None:
        return told_off(request, lang, actor, k["record"]["none"], status=404)
    names, record, r = names_of(request, actor), story.record, k["record"]
    here = shown.address(lang, record_type, record_id)
    waits = house.store.reviews(actor.tenant, now=service.now(), limit=1, record=(record_type, record_id), dead=True)
    more: dict[str, Any] = {
        "said": said,
        "id": record.record_id,
        "kind": k["types"].get(record.record_type, record.record_type),
        "about": [
            (r["came"], say.moment(record.ingested_at)), (r["changed"], say.moment(record.updated_at)), (r["priority"], f"{record.priority} / 100"),
            (r["value"], shown.money(record.value, say) if record.value is not None else "–"),
            *([(r["withdrawn"], say.moment(record.withdrawn_at))] if record.withdrawn_at is not None else []),
        ],
        "stages": [stage_shown(s, say=say, k=k, lang=lang) for s in record.stages],
        "told": list(facts_shown(story.payload)),
        "events": [e for _, _, e in sorted(_events(story, house.stages, names, say, k, lang), key=lambda x: x[:2])],
        "actions": [_action(a, say, k) for a in story.actions],
        "possible": {kind: bool(found) for kind, found in _possible(house, story).items()},
        "may_run": actor.role.may(Role.OPERATOR),
        "may_judge": actor.role.may(Role.ANALYST),
        "sayable": sayable(story, house.stages, lang=lang, k=k),
        "key": f"{record_type}/{record_id}",
        "review": shown.review_address(lang, record_type, record_id) if waits and actor.role.may(Role.ANALYST) else "",
        "here": here,
        "inner": here.removeprefix(f"/{lang}/enrichment"),
    }  # fmt: skip
    return page(request, "enrichment_record", lang, actor, facts_or_none(request, actor), status=status, **more)


def stage_shown(s: StageState, *, say: Speaker, k: Words, lang: str) -> dict[str, Any]:
    """A stage as it stands."""
    r, state = k["record"], "dead" if s.dead else s.status
    if s.status == "pending" and not s.ready:
        state = "gated"
    told = []
    if s.label is not None:
        told.append(k["labels"].get(s.label, s.label))
    if s.confidence is not None:
        told.append(r["sure"].format(share=say.share(s.confidence)))
    if s.status == "skipped":
        told.append(r["reasons"].get(s.message or "", s.message or ""))
    if s.error:
        told.append(WORDS[lang].get(s.error, s.error))
    dates = [(r["next"], s.due_at if s.status in ("pending", "failed") else None), (r["review_at"], s.review_at), (r["dead_at"], s.escalated_at)]
    by = (
        k["by_person"]
        if s.provider == HUMAN
        else " ".join(x for x in (s.provider, joined((s.model_version or "", s.prompt_version or "")).strip("|")) if x)
    )
    return {
        "name": k["stages"][s.stage], "state": k["statuses"][state], "tone": shown.STATUS_TONES.get(state, "waiting"),
        "told": shown.first_up(", ".join(x for x in told if x)),
        "tries": r["tries"].format(n=s.attempts, asked=s.asked) if s.asked else "", "by": by, "owner": s.owner or "", "redrives": s.redrives,
        "dates": [(name, say.moment(at)) for name, at in dates if at is not None], "output": list(facts_shown(s.output or {})),
    }  # fmt: skip


def facts_shown(facts: Mapping[str, Any], *, under: str = "") -> Iterator[tuple[str, str]]:
    """Facts as name and text, those within others with both names; what is nested deeper as JSON."""
    for name, value in facts.items():
        told = f"{under}{name}"
        if isinstance(value, dict) and not under:
            yield from facts_shown(value, under=f"{told}.")
        elif isinstance(value, dict | list):
            yield told, json.dumps(value, ensure_ascii=False)[:LONGEST_FACT]
        else:
            yield told, "–" if value is None else str(value)[:LONGEST_FACT]


def _events(
    story: Story, stages: Stages, names: Mapping[str, str], say: Speaker, k: Words, lang: str
) -> Iterator[tuple[dt.datetime, int, dict[str, Any]]]:
    """Everything that happened, with its moment and, for what shares one, its place."""
    r = k["record"]
    yield (
        story.record.ingested_at,
        -1,
        {"at": say.moment(story.record.ingested_at), "tone": "", "title": r["landed"], "says": "", "notes": [], "message": ""},
    )
    for place, a in enumerate(a for a in story.attempts if a.provider != HUMAN):  # what a person said is told below, with what was said before
        yield a.at, place, _attempt(a, stages, names, say, k, lang)
    after = len(story.attempts)
    for place, action in enumerate(story.actions):
        yield action.done_at or action.planned_at, after + place, {
            "at": say.moment(action.done_at or action.planned_at), "tone": "good" if action.state == "done" else "warn",
            "title": f"{k['actions'].get(action.action, action.action)}: {r['states'][action.state]}", "says": r["modes"][action.mode], "notes": [],
            "message": action.outcome,
        }  # fmt: skip
    for place, label in enumerate(story.labels):
        yield label.at, after + len(story.actions) + place, _label(label, stages, names, say, k, lang)


def _attempt(a: Attempt, stages: Stages, names: Mapping[str, str], say: Speaker, k: Words, lang: str) -> dict[str, Any]:
    r = k["record"]
    said = []
    if a.label is not None:
        said.append(word_shown(a.stage, a.label, stages=stages, lang=lang, k=k))
    if a.confidence is not None:
        said.append(r["sure"].format(share=say.share(a.confidence)))
    if a.error:
        said.append(shown.first_up(WORDS[lang].get(a.error, a.error)))
    made = [x for x in (a.provider, joined((a.model_version, a.prompt_version)).strip("|")) if x]
    notes = [*made, *([names.get(a.worker, a.worker)] if a.worker else [])]
    if a.outcome in ("completed", "failed", "shadow"):
        notes.append(r["took"].format(ms=say.count(a.took_ms), calls=say.count(a.calls), tokens=say.count(a.tokens), cost=shown.money(a.cost, say)))
        notes += [r["cached"]] if a.cached else []
    return {
        "at": say.moment(a.at), "tone": OUTCOME_TONES.get(a.outcome, ""),
        "title": f"{k['stages'][a.stage]}: {r['outcomes'].get(a.outcome, a.outcome)}",
        "says": ", ".join(said), "notes": notes, "message": a.message or "",
    }  # fmt: skip


def _action(a: Action, say: Speaker, k: Words) -> dict[str, str]:
    r = k["record"]
    return {
        "name": k["actions"].get(a.action, a.action), "mode": r["modes"][a.mode], "state": r["states"][a.state], "tone": ACTION_TONES[a.state],
        "amount": "–" if a.amount is None else shown.money(a.amount, say), "outcome": a.outcome, "at": say.moment(a.done_at or a.planned_at),
    }  # fmt: skip


def _label(label: HumanLabel, stages: Stages, names: Mapping[str, str], say: Speaker, k: Words, lang: str) -> dict[str, Any]:
    r, before = k["record"], label.machine_label
    said = r["labelled"].format(label=word_shown(label.stage, label.label, stages=stages, lang=lang, k=k).removesuffix("."))
    if before is not None:
        told = word_shown(label.stage, before, stages=stages, lang=lang, k=k).removesuffix(".")
        said += " " + r["machine_said"].format(label=told, share=say.share(label.machine_confidence))
    title = r["person"] if label.stage == Stage.CLASSIFICATION else f"{k['stages'][label.stage]}: {r['person_says']}"
    return {
        "at": say.moment(label.at), "tone": "good", "title": title, "says": said, "notes": [names.get(label.actor, label.actor)], "message": "",
    }  # fmt: skip
