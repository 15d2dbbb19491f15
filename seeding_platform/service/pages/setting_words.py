"""What groups of settings, their fields and their values are called on a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seeding_platform.catalog.adjustable import Adjustable
    from seeding_platform.service.pages.render import Speaker
    from seeding_platform.service.pages.schema_fields import SchemaField

MOST_DIGITS = 1e15
"""Numbers from here on are said as they are written by a machine."""


def group_words(setting: Adjustable, k: dict[str, Any]) -> dict[str, Any]:
    """What a group and its fields are called; as the room that declares it says where the page has no words of its own."""
    own = k["groups"].get(setting.name, {})
    return {"called": own.get("title", setting.name), "describes": own.get("describes", setting.describes), "fields": own.get("fields", {})}


def title_of(setting: Adjustable, f: SchemaField, k: dict[str, Any]) -> str:
    """What a field is called."""
    return str(group_words(setting, k)["fields"].get(f.name, f.title))


def choice_said(value: Any, k: dict[str, Any]) -> str:
    """A choice in words."""
    return str(k["on"] if value is True else k["off"] if value is False else k["choices"].get(str(value), value))


def value_said(f: SchemaField, value: Any, say: Speaker, k: dict[str, Any]) -> str:
    """A value as people read it."""
    if value is None or value in ([], {}, ""):
        return str(k["nothing"])
    if f.kind == "json":
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool) or f.kind == "choice":
        return choice_said(value, k)
    if isinstance(value, list):
        return ", ".join(choice_said(part, k) if isinstance(part, str | bool) else number_said(part, say) for part in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {number_said(part, say)}" for name, part in value.items())
    return number_said(value, say)


def number_said(value: Any, say: Speaker) -> str:
    """A number as people of the language read it; anything else as it is."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return str(value)
    if abs(value) >= MOST_DIGITS:
        return repr(value)
    if float(value).is_integer():
        return say.count(value)
    return say.number(value, min(6, max(2, len(repr(float(value)).partition(".")[2]))))


def limits_said(f: SchemaField, say: Speaker, k: dict[str, Any]) -> str:
    """Between which numbers a value may lie."""
    low, high = (None if x is None else number_said(x, say) for x in (f.minimum, f.maximum))
    if low is not None and high is not None:
        return str(k["between"].format(low=low, high=high))
    return str(k["at_least"].format(low=low)) if low is not None else str(k["at_most"].format(high=high)) if high is not None else ""
