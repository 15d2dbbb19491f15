"""Records that wait for a person: one at a time beside their list, worked through by keyboard or by plain forms.

What a person says is the classification from then on, and what the classifier learns from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from seeding_platform.enrichment.outputs import NO_PROBLEMS, word_told
from seeding_platform.service.audited import tell
from seeding_platform.service.auth import service_of
from seeding_platform.service.pages import enrichment_shown as shown
from seeding_platform.service.pages.enrichment_record import facts_shown
from seeding_platform.service.pages.forms import Form, looking, typed, typed_all, writing
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, facts_or_none, page
from seeding_platform.service.record_ids import LONGEST
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.enrichment import bulk
from seeding_platform.storage.enrichment.states import Stage
from seeding_platform.storage.enrichment.traces import HUMAN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.datastructures import FormData

    from seeding_platform.enrichment.house import House
    from seeding_platform.enrichment.stages import Stages
    from seeding_platform.service.auth import Actor
    from seeding_platform.storage.enrichment.reviews import Review
    from seeding_platform.storage.enrichment.standing import Story

    Words = Mapping[str, Any]

router = APIRouter(include_in_schema=False)
LISTED, COUNTED = 25, 100
LONGEST_SAID = 90
SPOKEN = ("description", "note")
"""Facts that a person wrote, told before the others."""
Named = Annotated[str, Query(max_length=LONGEST + 20)]


@router.get("/{lang}/enrichment/review")
def review_page(request: Request, lang: Locale, record: Named = "", after: Named = "", done: Named = "") -> Response:
    """The queue and one card: that of `record`, else the first after `after`; `done` names what was labelled just now."""
    actor = looking(request, lang, Role.ANALYST)
    return actor if isinstance(actor, Response) else _queue(request, lang, actor, record=record, after=after, done=done)


@router.post("/{lang}/enrichment/review")
def judge(request: Request, lang: Locale, form: Form) -> Response:
    """Take a label: of what waits, or in place of one that the same person gave."""
    actor = writing(request, lang, Role.ANALYST, form)
    if isinstance(actor, Response):
        return actor
    k, service = words(lang)["enrichment"]["review"], service_of(request)
    house, named, label = service.enrichment, typed(form, "record"), typed(form, "label")
    record, after = _named(named), typed(form, "after")
    if record is None:
        return _queue(request, lang, actor, said=k["gone"], status=422)
    if typed(form, "stage"):
        return _say(request, lang, actor, record, form)
    if label not in house.stages.labels:
        return _queue(request, lang, actor, record=named, after=after, wrong=k["choose"], status=422)
    card = _card(house, actor, record)
    if card is None or typed(form, "seen") != card.seen:
        return _queue(request, lang, actor, after=after, said=k["gone"], status=409)
    output = {"record_id": record[1], "ai_label": label, "ai_confidence": 1.0, "notes": "A person said so."}
    house.store.judge(actor.tenant, *record, label=label, actor=actor.key_id, reason=card.reason, now=service.now(), output=output)
    tell(request, did="judge", label=label, reason=card.reason)
    return RedirectResponse(f"/{lang}/enrichment/review?{urlencode({'after': named, 'done': named})}#queue", status_code=303)


def _say(request: Request, lang: str, actor: Actor, record: tuple[str, str], form: FormData) -> Response:
    """Keep what is right of a stage of which the record goes on as it is; nothing chosen means that the order has no problem."""
    k, service, stage = words(lang)["enrichment"]["review"], service_of(request), typed(form, "stage")
    told = "+".join(typed_all(form, "label")) or (NO_PROBLEMS if stage == Stage.ORDER_ANALYSIS else "")
    word = word_told(stage, told, service.enrichment.stages) if stage in (Stage.ORDER_ANALYSIS, Stage.RESOLUTION) else None
    if word is None:
        return _queue(request, lang, actor, said=k["choose"], status=422)
    said = service.enrichment.store.say(actor.tenant, record, stage=stage, word=word, actor=actor.key_id, reason="sample", now=service.now())
    if said is None:
        return _queue(request, lang, actor, said=k["gone"], status=404)
    tell(request, did="say", stage=stage, label=word)
    return RedirectResponse(shown.address(lang, *record), status_code=303)


def _named(told: str) -> tuple[str, str] | None:
    kind, _, name = told.partition("/")
    return (kind, name) if kind and name else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Card:
    """A record that somebody may label.

    Attributes:
        story: of it.
        seen: names what it says now; a label for something else is not taken.
        reason: why a person looks.
        mine: the label that they gave themselves; empty where it still waits.
        machine: what a machine said: label, confidence, notes.
    """

    story: Story
    seen: str
    reason: str
    mine: str
    machine: tuple[str | None, float | None, str]


def _card(house: House, actor: Actor, record: tuple[str, str]) -> _Card | None:
    """One record that somebody may label: it waits, or they labelled it themselves. None otherwise."""
    story = house.store.story(actor.tenant, *record)
    if story is None:
        return None
    waits = house.store.reviews(actor.tenant, now=house.bench.now(), limit=1, record=record, dead=True)
    last = next((label for label in reversed(story.labels) if label.stage == Stage.CLASSIFICATION), None)
    row = next(s for s in story.record.stages if s.stage == Stage.CLASSIFICATION)
    seen = bulk.digest(bulk.canonical(story.payload), str(row.fence), row.status, row.label or "")[:32]
    if waits:
        notes = str((row.output or {}).get("notes") or "")
        return _Card(story=story, seen=seen, reason=waits[0].reason, mine="", machine=(row.label, row.confidence, notes))
    if last is not None and last.actor == actor.key_id and row.provider == HUMAN and row.status == "completed":
        return _Card(story=story, seen=seen, reason=last.reason, mine=last.label, machine=(last.machine_label, last.machine_confidence, ""))
    return None


def _queue(
    request: Request,
    lang: str,
    actor: Actor,
    *,
    record: str = "",
    after: str = "",
    done: str = "",
    said: str = "",
    wrong: str = "",
    status: int = 200,
) -> Response:
    """The page: where nothing is left after what was seen last, the queue begins anew."""
    service, say, w = service_of(request), Speaker(lang, None), words(lang)
    house, k, now = service.enrichment, w["enrichment"], service.now()
    store, chosen = house.store, _named(record)
    rows = store.reviews(actor.tenant, now=now, limit=COUNTED + 1, after=_named(after), dead=True)
    every = rows if not after else store.reviews(actor.tenant, now=now, limit=COUNTED + 1, dead=True)
    rows = rows or every
    if chosen is None and rows:
        chosen = (rows[0].record_type, rows[0].record_id)
    card = None if chosen is None else _card(house, actor, chosen)
    if card is None and chosen is not None and record:
        said = said or k["review"]["gone"]
        chosen = (rows[0].record_type, rows[0].record_id) if rows else None
        card = None if chosen is None else _card(house, actor, chosen)
    here = f"/{lang}/enrichment/review"
    listed = _listed(rows, chosen)
    keys = [f"{x.record_type}/{x.record_id}" for x in listed]
    at = "/".join(chosen) if chosen else ""
    place = keys.index(at) if at in keys else -1
    undo = _named(done)
    more: dict[str, Any] = {
        "said": said,
        "wrong": wrong,
        "lead": k["review"]["lead_many"].format(n=COUNTED) if len(every) > COUNTED else k["review"]["lead"].format(n=say.count(len(every))),
        "rows": [_row(x, at, here, after, now, say, k) for x in listed],
        "card": None if card is None else _shown(card, at, house.stages, say, k, lang),
        "after": after,
        "next": f"{here}?{urlencode({'after': at})}#queue" if at else "",
        "before": _link(here, keys[place - 1], after) if place > 0 else "",
        "below": _link(here, keys[place + 1], after) if 0 <= place < len(keys) - 1 else "",
        "undo": f"{here}?{urlencode({'record': done})}#queue" if undo else "",
        "done": _done(house, actor, undo, k) if undo else "",
        "left": len(every),
        "inner": "/review",
    }
    return page(request, "enrichment_review", lang, actor, facts_or_none(request, actor), status=status, **more)


def _listed(rows: list[Review], chosen: tuple[str, str] | None) -> list[Review]:
    """A window of the list that has what was chosen in it, where that is in the list at all."""
    place = next((i for i, x in enumerate(rows) if (x.record_type, x.record_id) == chosen), 0)
    first = max(0, min(place - LISTED // 2, len(rows) - LISTED))
    return rows[first : first + LISTED]


def _link(here: str, key: str, after: str) -> str:
    return f"{here}?{urlencode({'record': key, **({'after': after} if after else {})})}#queue"


def _done(house: House, actor: Actor, record: tuple[str, str], k: Words) -> str:
    """What was said of a record just now, if it was."""
    card = _card(house, actor, record)
    return "" if card is None or not card.mine else k["review"]["done"].format(id=record[1], label=k["labels"].get(card.mine, card.mine))


def _row(x: Review, at: str, here: str, after: str, now: Any, say: Speaker, k: Words) -> dict[str, Any]:
    key, order = f"{x.record_type}/{x.record_id}", x.payload.get("order")
    spoken = next((str(x.payload[n]) for n in SPOKEN if x.payload.get(n)), "") or str((order or {}).get("note") or "")
    says = spoken or k["review"]["why"][x.reason]
    return {
        "id": x.record_id, "href": _link(here, key, after), "now": key == at, "says": says[:LONGEST_SAID] + ("…" if len(says) > LONGEST_SAID else ""),
        "sure": "–" if x.confidence is None else say.share(x.confidence), "bar": x.confidence,
        "waits": "–" if x.since is None else shown.long_said(max((now - x.since).total_seconds(), 0), k),
    }  # fmt: skip


def _shown(card: _Card, key: str, stages: Stages, say: Speaker, k: Words, lang: str) -> dict[str, Any]:
    """A card for people; labels with the keys that choose them."""
    story, (label, confidence, notes) = card.story, card.machine
    record = story.record
    facts = list(facts_shown(story.payload))
    spoken = [(n, v) for n, v in facts if n.rpartition(".")[2] in SPOKEN and v != "–"]
    said = k["review"]["silent"]
    if label is not None:
        said = k["review"]["machine"].format(label=k["labels"].get(label, label), share=say.share(confidence), bar=say.share(stages.bar))
    names = stages.problems
    problems = [(getattr(names[p["kind"]], lang) if p.get("kind") in names else str(p.get("kind")), p.get("severity", "")) for p in _problems(story)]
    return {
        "key": key, "id": record.record_id, "kind": k["types"].get(record.record_type, record.record_type), "seen": card.seen,
        "href": shown.address(lang, record.record_type, record.record_id), "spoken": spoken, "why": k["review"]["why"][card.reason],
        "facts": [(n, v) for n, v in facts if (n, v) not in spoken and v != "–"], "problems": problems, "said": said, "notes": notes,
        "mine": card.mine,
        "labels": [
            {"name": n, "said": k["labels"].get(n, n), "hint": getattr(told, lang), "key": str((i + 1) % 10)}
            for i, (n, told) in enumerate(stages.labels.items())
        ],
    }  # fmt: skip


def _problems(story: Story) -> list[Mapping[str, Any]]:
    """What was found wrong with the order."""
    row = next(s for s in story.record.stages if s.stage == Stage.ORDER_ANALYSIS)
    return list((row.output or {}).get("problems", []))
