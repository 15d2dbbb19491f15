"""Privacy requests: which are due, how far each is with its receipts and certificate, and a form for a new one.

What is typed to name a person goes into the body of a form and nowhere else: no address holds it, and no page shows it once it was accepted.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from seeding_platform.catalog import LANDED
from seeding_platform.errors import ConfigError
from seeding_platform.governance.subject_rights.matcher import KNOWN, Identifier, Matcher
from seeding_platform.governance.subject_rights.requests import RESIDUE, STATES
from seeding_platform.service.auth import service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.pages.cleaning import Offset, pager
from seeding_platform.service.pages.deadlines import clock
from seeding_platform.service.pages.forms import Form, looking, told_off, typed, typed_all, writing
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.views import Locale, facts_or_none, page
from seeding_platform.service.routes.privacy import RequestWanted, SubjectWanted, get_request, post_request, rights_of
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from seeding_platform.governance.subject_rights.requests import SubjectRights
    from seeding_platform.service.auth import Actor
    from seeding_platform.service.routes.privacy import RequestAnswer

router = APIRouter(include_in_schema=False)
KINDS: tuple[str, ...] = get_args(RequestWanted.model_fields["kind"].annotation)
"""What may be asked for: whatever the API takes."""
STEPS = {
    "access": ("received", "closed"),
    "erase": ("received", "executing", "purged", "recipients_notified", "verified", "closed"),
    "portability": ("received", "closed"),
    **{kind: ("received", "executing", "recipients_notified", "closed") for kind in ("rectify", "restrict", "lift")},
}
"""States that a request of a kind passes by itself; all of them where nothing is said."""
ROWS, MORE_ROWS, MOST_ROWS = 3, 3, 20
CORRECTIONS = 3
REQUESTS_A_PAGE = 25
PLACES_SHOWN = 20


@router.get("/{lang}/privacy")
def privacy_page(request: Request, lang: Locale, offset: Offset = 0) -> Response:
    """Requests of one's own tenant, the one that is due first first, and a form for a new one."""
    actor = looking(request, lang, Role.STEWARD)
    if isinstance(actor, Response):
        return actor
    return _list(request, lang, actor, offset=offset)


@router.post("/{lang}/privacy")
def take_request(request: Request, lang: Locale, form: Form) -> Response:
    """Take a request; one that changes what is held is shown to be confirmed first."""
    actor = writing(request, lang, Role.STEWARD, form)
    if isinstance(actor, Response):
        return actor
    k, kind, step = words(lang)["privacy"], typed(form, "kind"), typed(form, "step")
    rows = list(zip(typed_all(form, "label"), typed_all(form, "value"), strict=False))[:MOST_ROWS]
    if step in ("more", "edit"):
        more = MORE_ROWS if step == "more" else 0
        return _list(request, lang, actor, kind=kind, rows=rows, size=min(len(rows) + more, MOST_ROWS), beside=beside_typed(form))
    beside = beside_typed(form)
    identifiers, wrong = _identified(rows, k)
    if wrong or kind not in KINDS:
        return _list(request, lang, actor, kind=kind, rows=rows, wrong=wrong, wrong_kind=kind not in KINDS, beside=beside, status=422)
    if kind in k["confirm"] and step != "confirmed":
        return _confirm(request, lang, actor, kind, identifiers, typed(form, "request_id"), beside)
    try:
        subject = [SubjectWanted(label=i.label, value=i.value) for i in identifiers]
        asked = {"kind": kind, "subject": subject, "request_id": typed(form, "request_id"), **asked_beside(kind, beside)}
        taken = post_request(request, actor, RequestWanted.model_validate(asked))
    except Problem as problem:
        said = k["taken"] if problem.code == "id-taken" else problem.detail
        return _list(request, lang, actor, kind=kind, rows=rows, said=said, beside=beside, status=problem.status)
    except ValueError:
        return _list(request, lang, actor, kind=kind, rows=rows, said=k["unreadable"], beside=beside, status=422)
    if taken.held is not None:
        return _one(request, lang, actor, taken, rights_of(request))
    return RedirectResponse(f"/{lang}/privacy/{taken.request_id}", status_code=303)


@router.get("/{lang}/privacy/{request_id}")
def request_page(request: Request, lang: Locale, request_id: str) -> Response:
    """One request: its deadline, its steps, what each store says, its certificate."""
    actor = looking(request, lang, Role.STEWARD)
    if isinstance(actor, Response):
        return actor
    try:
        found = get_request(request, actor, request_id)
    except Problem as problem:
        return told_off(request, lang, actor, words(lang)["privacy"]["no_such"], status=problem.status)
    return _one(request, lang, actor, found, rights_of(request))


@dataclass(frozen=True, slots=True)
class Beside:
    """What a request says beside who the person is.

    Args:
        confirmed_by: who confirmed that they are who they say; empty = the one who takes the request answers for that.
        how: in a few words.
        table: whose rows are to be corrected.
        pairs: column and right value; a blank value is none.
    """

    confirmed_by: str = ""
    how: str = ""
    table: str = ""
    pairs: tuple[tuple[str, str], ...] = ()


def beside_typed(form: Form) -> Beside:
    """The same, as it was typed."""
    pairs = zip(typed_all(form, "column"), typed_all(form, "right"), strict=False)
    return Beside(typed(form, "confirmed_by"), typed(form, "how"), typed(form, "table"), tuple((c, v) for c, v in pairs if c)[:MOST_ROWS])


def asked_beside(kind: str, beside: Beside) -> dict[str, Any]:
    """The same, as the API takes it."""
    asked: dict[str, Any] = {}
    if beside.confirmed_by or beside.how:
        asked["identity"] = {"confirmed_by": beside.confirmed_by, "how": beside.how}
    if kind == "rectify":
        asked |= {"table": beside.table, "corrections": {column: value or None for column, value in beside.pairs}}
    return asked


def _list(
    request: Request,
    lang: str,
    actor: Actor,
    *,
    offset: int = 0,
    kind: str = "",
    rows: list[tuple[str, str]] | None = None,
    size: int = ROWS,
    wrong: dict[int, str] | None = None,
    wrong_kind: bool = False,
    said: str = "",
    beside: Beside | None = None,
    status: int = 200,
) -> Response:
    """The list with the form as it was typed, and what is wrong with it at each field."""
    service, say, k = service_of(request), Speaker(lang, None), words(lang)["privacy"]
    found = rights_of(request).kept.all(actor.tenant)
    now = service.now()
    given = list(rows or [])
    more: dict[str, Any] = {
        "requests": [{"r": r, "clock": clock(r, now, say, k)} for r in found[offset : offset + REQUESTS_A_PAGE]],
        "one": pager({}, len(found), offset, REQUESTS_A_PAGE, say, words(lang)["cleaning"]),
        "lead": _lead(found, now, k),
        "kinds": KINDS,
        "kind": kind if kind in KINDS else KINDS[0],
        "labels": [*sorted(KNOWN, key=lambda label: str(k["labels"].get(label, label)).casefold()), "OTHER"],
        "rows": [*given, *[("", "")] * (max(size, ROWS) - len(given))],
        "full": len(given) >= MOST_ROWS,
        "wrong": wrong or {},
        "wrong_kind": wrong_kind,
        "said": said,
        "beside": beside or Beside(),
        "tables": sorted(LANDED),
        "corrections": CORRECTIONS,
        "new_id": f"p{service.new_id(6)}",
    }
    return page(request, "privacy", lang, actor, facts_or_none(request, actor), status=status, **more)


def _lead(found: list[Any], now: dt.datetime, k: dict[str, Any]) -> str:
    """The answer first: how many are open, and how many of them too late."""
    open_ones = [r for r in found if r.closed_at is None]
    late = sum(r.due_at < now for r in open_ones)
    if not open_ones:
        return str(k["none_open"])
    told = k["one_open"] if len(open_ones) == 1 else k["some_open"].format(n=len(open_ones))
    return f"{told} {k['none_late'] if not late else k['one_late'] if late == 1 else k['some_late'].format(n=late)}"


def _identified(rows: list[tuple[str, str]], k: dict[str, Any]) -> tuple[list[Identifier], dict[int, str]]:
    """What the rows of the form name, and what is wrong with each."""
    found, wrong = [], {}
    for place, (label, value) in enumerate(rows):
        if not value:
            continue
        try:
            found.append(Identifier.parsed(f"{label}={value}"))
        except ConfigError:
            wrong[place] = k["too_plain"] if label in k["labels"] else k["bad_label"]
    return found, wrong if found or wrong else {0: k["nobody"]}


def _confirm(request: Request, lang: str, actor: Actor, kind: str, identifiers: list[Identifier], request_id: str, beside: Beside) -> Response:
    """What a request would change, what stays and who is told, before anything is done."""
    held = rights_of(request).held(Matcher(identifiers), tenant=actor.tenant)
    more: dict[str, Any] = {"kind": kind, "identifiers": identifiers, "request_id": request_id, "held": held_shown(held, Speaker(lang, None))}
    more["beside"] = beside
    return page(request, "privacy_confirm", lang, actor, facts_or_none(request, actor), **more)


def held_shown(held: dict[str, dict[str, int]], say: Speaker) -> list[dict[str, Any]]:
    """What is held about a person: a store, its places with their counts, and how many places are not shown."""
    return [
        {
            "store": store,
            "places": [(place, say.count(n)) for place, n in sorted(places.items())[:PLACES_SHOWN]],
            "more": max(0, len(places) - PLACES_SHOWN),
        }
        for store, places in held.items()
    ]


def _one(request: Request, lang: str, actor: Actor, found: RequestAnswer, rights: SubjectRights) -> Response:
    say, k = Speaker(lang, None), words(lang)["privacy"]
    file = rights.certificate_file(found.request_id)
    certificate = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    more: dict[str, Any] = {
        "r": found,
        "clock": clock(found, rights.now(), say, k),
        "steps": steps(found.kind, found.state),
        "receipts": [receipt_shown(store, told, say, k) for store, told in found.stores.items()],
        "held": None if found.held is None else held_shown(found.held, say),
        "certificate": certificate,
        "verified_at": "" if certificate is None else say.moment(dt.datetime.fromisoformat(certificate["verified_at"])),
        "holds": certificate is not None and rights.certificate_holds(found.request_id),
        "inner": f"/{found.request_id}",
    }
    return page(request, "privacy_request", lang, actor, facts_or_none(request, actor), **more)


def steps(kind: str, state: str) -> list[tuple[str, str]]:
    """The states of a request in their order, each `done`, `now` or `ahead`; a closed one has none ahead."""
    names = [name for name in STATES if name in (*STEPS.get(kind, STATES), state)]
    at = names.index(state) if state in names else 0
    return [(name, "done" if place < at or state == "closed" else "now" if place == at else "ahead") for place, name in enumerate(names)]


def receipt_shown(store: str, told: dict[str, Any], say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    """What a store says it did: a sentence, and the places."""
    shown: dict[str, Any] = {"store": store, "at": say.moment(dt.datetime.fromisoformat(told["at"])), "places": []}
    if store == RESIDUE:
        return {**shown, "said": k["found_none"] if not told.get("found") else k["found_some"]}
    if "recalled" in told:
        recalled = list(told["recalled"])
        return {**shown, "said": k["told_some"].format(n=len(recalled)) if recalled else k["told_none"], "places": recalled}
    changed: dict[str, int] = told.get("changed", {})
    touched = {place: n for place, n in sorted(changed.items()) if n}
    said = k["changed"].format(n=say.count(sum(touched.values()))) if touched else k["changed_none"]
    return {**shown, "said": said, "places": [f"{place}: {say.count(n)}" for place, n in touched.items()]}
