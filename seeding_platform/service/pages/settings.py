"""Schedules and rules: every group of settings, drawn from its model, changed with a reason after a look at what it concerns, and returned to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from seeding_platform.catalog.adjustable import EVERYWHERE, Adjustable
from seeding_platform.service.adjustables import SETTINGS
from seeding_platform.service.auth import service_of
from seeding_platform.service.errors import Problem
from seeding_platform.service.pages.audit import names_of
from seeding_platform.service.pages.forms import Form, looking, told_off, typed, typed_all, writing
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.schema_fields import SchemaField, Unreadable, fields_of
from seeding_platform.service.pages.setting_words import choice_said, group_words, limits_said, number_said, title_of, value_said
from seeding_platform.service.pages.views import Locale, facts_or_none, page
from seeding_platform.service.routes.settings import BackWanted, ChangeWanted, post_back, put_setting
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.datastructures import FormData

    from seeding_platform.service.auth import Actor
    from seeding_platform.storage.adjusted import Version

router = APIRouter(include_in_schema=False)
VERSIONS_SHOWN = 50
LONGEST_REASON = 500
MOST_DIGITS = 9
Scope = Annotated[str, Query(max_length=100)]


@dataclass(frozen=True, slots=True)
class Typed:
    """A form of a group as it was typed.

    Args:
        texts: of each field's inputs.
        own: fields that are to have a value of their own.
        reason: why.
        wrong: what is wrong, by field; `reason` for the reason, empty for the whole.
    """

    texts: Mapping[str, list[str]]
    own: frozenset[str]
    reason: str = ""
    wrong: dict[str, str] = field(default_factory=dict)


@router.get("/{lang}/settings")
def settings_page(request: Request, lang: Locale) -> Response:
    """Every group, with what holds everywhere and where it differs."""
    actor = looking(request, lang, Role.ANALYST)
    if isinstance(actor, Response):
        return actor
    store, say, k = Adjusted(service_of(request).state), Speaker(lang, None), words(lang)["settings"]
    groups = []
    for setting in SETTINGS.values():
        current, value = store.current(setting), store.value(setting).model_dump(mode="json")
        shown = [(title_of(setting, f, k), value_said(f, value.get(f.name), say, k)) for f in fields_of(setting.model)]
        if setting.scopes == "schedule":
            shown = []
        scopes = [s for s in store.scopes(setting) if s != EVERYWHERE and store.current(setting, s).values]
        groups.append({**group_words(setting, k), "id": setting.name, "fields": shown, "current": current, "scopes": scopes})
    return page(request, "settings", lang, actor, facts_or_none(request, actor), groups=groups, names=names_of(request, actor))


@router.get("/{lang}/settings/{name}")
def setting_page(request: Request, lang: Locale, name: str, scope: Scope = EVERYWHERE) -> Response:
    """One group for one scope: its fields, and its history."""
    actor = looking(request, lang, Role.ANALYST)
    if isinstance(actor, Response):
        return actor
    return _group(request, lang, actor, name, scope)


@router.post("/{lang}/settings/{name}")
def change_setting(request: Request, lang: Locale, name: str, form: Form) -> Response:
    """Show what a change would do, make it, or return to an earlier version."""
    actor = writing(request, lang, Role.STEWARD, form)
    if isinstance(actor, Response):
        return actor
    scope, k, store = typed(form, "scope"), words(lang)["settings"], Adjusted(service_of(request).state)
    if not _known(name, scope):
        return told_off(request, lang, actor, k["no_such"], status=404)
    if typed(form, "step") == "back":
        return _back(request, lang, actor, name, scope, typed(form, "version"))
    setting = SETTINGS[name]
    said, values = _read(setting, store, scope, form, Speaker(lang, None))
    saving = typed(form, "step") == "save"
    if saving and not said.reason:
        said.wrong["reason"] = words(lang)["forms"]["no_reason"]
    if said.wrong:
        return _group(request, lang, actor, name, scope, said=said, status=422)
    if not saving:
        return _group(request, lang, actor, name, scope, said=said, preview=_preview(setting, store, scope, values, Speaker(lang, None), k))
    told = typed(form, "seen")
    seen = int(told[:MOST_DIGITS]) if told.isdecimal() else None
    try:
        put_setting(
            request,
            actor,
            name,
            ChangeWanted(values=values, scope=scope, reason=said.reason, seen=seen),
        )
    except Problem as problem:
        said.wrong[""] = k["meanwhile"] if problem.status == 409 else problem.detail
        return _group(request, lang, actor, name, scope, said=said, status=problem.status)
    return _there(lang, name, scope)


def _back(request: Request, lang: str, actor: Actor, name: str, scope: str, version: str) -> Response:
    """Return to an earlier version, by one press."""
    k = words(lang)["settings"]
    if not version.isdecimal() or len(version) > MOST_DIGITS:
        return told_off(request, lang, actor, k["no_such"], status=404)
    try:
        post_back(request, actor, name, BackWanted(version=int(version), scope=scope, reason=k["back_reason"].format(n=version)))
    except Problem as problem:
        return told_off(request, lang, actor, problem.detail, status=problem.status)
    return _there(lang, name, scope)


def _known(name: str, scope: str) -> bool:
    return name in SETTINGS and (scope == EVERYWHERE or SETTINGS[name].refused(scope) is None)


def _there(lang: str, name: str, scope: str) -> Response:
    """The group's page, where the new version stands."""
    return RedirectResponse(f"/{lang}/settings/{name}" + (f"?scope={scope}" if scope else ""), status_code=303)


def _group(
    request: Request,
    lang: str,
    actor: Actor,
    name: str,
    scope: str,
    *,
    said: Typed | None = None,
    preview: dict[str, Any] | None = None,
    status: int = 200,
) -> Response:
    """The page of a group, as it stands or as it was typed."""
    k, say = words(lang)["settings"], Speaker(lang, None)
    if not _known(name, scope):
        return told_off(request, lang, actor, k["no_such"], status=404)
    setting, store = SETTINGS[name], Adjusted(service_of(request).state)
    current = store.current(setting, scope)
    held = store.value(setting, scope).model_dump(mode="json")
    wider = _wider(setting, store, scope)
    fields = fields_of(setting.model)
    shown = said or Typed({f.name: f.written(held.get(f.name)) for f in fields}, frozenset(current.values))
    more: dict[str, Any] = {
        "id": name,
        **group_words(setting, k),
        "scope": scope,
        "scopes": setting.names() or [s for s in store.scopes(setting) if s != EVERYWHERE],
        "named_by_people": setting.scopes == "schedule",
        "kind": setting.scopes,
        "adjusted_scopes": [s for s in store.scopes(setting) if store.current(setting, s).values],
        "fields": [_drawn(f, setting, shown, wider, say, k) for f in fields],
        "typed": shown,
        "current": current,
        "history": _history(setting, store, scope, fields, say, k),
        "affects": setting.affects(scope),
        "preview": preview,
        "may_change": actor.role.may(Role.ADMIN if setting.lasting else Role.STEWARD),
        "names": names_of(request, actor),
        "inner": f"/{name}",
    }
    return page(request, "setting", lang, actor, facts_or_none(request, actor), status=status, **more)


def _wider(setting: Adjustable, store: Adjusted, scope: str) -> dict[str, Any]:
    """What would hold for a scope if nobody had adjusted it there."""
    return (setting.model() if scope == EVERYWHERE else store.value(setting)).model_dump(mode="json")


def _drawn(f: SchemaField, setting: Adjustable, shown: Typed, wider: Mapping[str, Any], say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    """A field for the template."""
    group = group_words(setting, k)["fields"]
    return {
        "f": f,
        "title": title_of(setting, f, k),
        "hint": group.get(f"{f.name}_hint", f.description),
        "limits": limits_said(f, say, k),
        "texts": shown.texts.get(f.name, [""]),
        "own": f.name in shown.own,
        "wider": value_said(f, wider.get(f.name), say, k),
        "wrong": shown.wrong.get(f.name, ""),
        "options": [("true" if c is True else "false" if c is False else str(c), choice_said(c, k)) for c in f.choices],
    }


def _read(setting: Adjustable, store: Adjusted, scope: str, form: FormData, say: Speaker) -> tuple[Typed, dict[str, Any]]:
    """What was typed, and the values that it names; a field that was changed is meant, whether or not it was marked."""
    held = store.value(setting, scope).model_dump(mode="json")
    marked, k = set(typed_all(form, "own")), words(say.lang)["settings"]
    texts: dict[str, list[str]] = {}
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for f in fields_of(setting.model):
        texts[f.name] = [text.replace("\r\n", "\n") for text in typed_all(form, f"value.{f.name}")]
        meant = setting.scopes == "schedule"  # one has no wider value to follow: all of it is its own
        if not meant and f.name not in marked and not _changed(f, texts[f.name], held.get(f.name)):
            continue
        marked.add(f.name)
        try:
            values[f.name] = f.read(texts[f.name])
        except Unreadable as unreadable:
            wrong[f.name] = k["unreadable"][unreadable.code]
    wrong |= {} if wrong else _refused(setting, _named_wider(setting, store, scope) | values, say, k)
    return Typed(texts, frozenset(marked), typed(form, "reason")[:LONGEST_REASON], wrong), values


def _changed(f: SchemaField, texts: list[str], held: Any) -> bool:
    """Whether inputs say something else than the value in force."""
    shown = f.written(held)
    return sorted(texts) != sorted(shown) if f.kind == "several" else "".join(texts).strip() != "".join(shown).strip()


def _named_wider(setting: Adjustable, store: Adjusted, scope: str) -> dict[str, Any]:
    return {} if scope == EVERYWHERE else dict(store.current(setting).values)


def _refused(setting: Adjustable, values: dict[str, Any], say: Speaker, k: dict[str, Any]) -> dict[str, str]:
    """What the model refuses, by field."""
    try:
        setting.model.model_validate(values)
    except ValidationError as error:
        return {str(e["loc"][0]) if e["loc"] else "": _why(dict(e), say, k) for e in error.errors()}
    return {}


def _why(error: dict[str, Any], say: Speaker, k: dict[str, Any]) -> str:
    """A refusal in the words of the page; in the model's own where there are none."""
    form = k["refused"].get(error["type"])
    return str(form.format(**{name: number_said(limit, say) for name, limit in error.get("ctx", {}).items()})) if form else str(error["msg"])


def _preview(setting: Adjustable, store: Adjusted, scope: str, values: dict[str, Any], say: Speaker, k: dict[str, Any]) -> dict[str, Any]:
    """What a change would do: each field whose value in force differs, and the tables that it concerns."""
    before = store.value(setting, scope).model_dump(mode="json")
    after = setting.model.model_validate(_named_wider(setting, store, scope) | values).model_dump(mode="json")
    changes = [
        {"title": title_of(setting, f, k), "before": value_said(f, before.get(f.name), say, k), "after": value_said(f, after.get(f.name), say, k)}
        for f in fields_of(setting.model)
        if before.get(f.name) != after.get(f.name)
    ]
    same = not changes and set(store.current(setting, scope).values) == set(values)
    return {"changes": changes, "affects": setting.affects(scope), "same": same}


def _history(setting: Adjustable, store: Adjusted, scope: str, fields: list[SchemaField], say: Speaker, k: dict[str, Any]) -> list[dict[str, Any]]:
    """Versions for just this scope, the newest first, and at last how it was delivered."""
    versions = list(reversed(store.history(setting, scope)))[:VERSIONS_SHOWN]
    by_name = {f.name: f for f in fields}

    def named(version: Version) -> list[str]:
        found = [(by_name.get(n), n, v) for n, v in version.values.items()]
        return [f"{title_of(setting, f, k)} {value_said(f, v, say, k)}" if f else n for f, n, v in found]

    return [{"v": v, "named": named(v), "at": say.moment(v.written_at) if v.written_at else ""} for v in versions]
