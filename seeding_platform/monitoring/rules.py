"""The rules by which alerts are raised, as data: what each is called, how bad it is, what it says in each language, and what to do about it.

Who raises them is elsewhere. What is to be done stands at more length in `docs/alerts.md`, under the name of the rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from seeding_platform.storage.api_keys import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

Lang = Literal["en", "nl"]
RUNBOOKS = "docs/alerts.md"


class Severity(StrEnum):
    """How bad an alert is, the worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    def above(self, other: str) -> bool:
        """Whether it is worse than another; anything is worse than nothing.

        >>> Severity.CRITICAL.above("warning"), Severity.INFO.above(""), Severity.INFO.above("info")
        (True, True, False)
        """
        order = list(Severity)
        return not other or order.index(self) < order.index(Severity(other))


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Args:
        name: `<room>.<what>`.
        severity: how bad it is where the alert does not say.
        role: from which role on people may read its alerts.
        title: one line, by language; `{subject}` and names of evidence stand in braces.
        says: what is so, likewise.
        todo: what to do, by language.
    """

    name: str
    severity: Severity
    role: Role
    title: Mapping[str, str]
    says: Mapping[str, str]
    todo: Mapping[str, str]

    @property
    def anchor(self) -> str:
        """Where in the documentation it is explained."""
        return f"{RUNBOOKS}#{self.name.replace('.', '').lower()}"

    def told(self, form: Mapping[str, str], lang: str, facts: Mapping[str, Any]) -> str:
        """A title or a sentence with its facts; one that is not known is a dash."""
        return form[lang].format_map(_Known({name: _said(value) for name, value in facts.items()}))


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "–"


def _said(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, float):
        return f"{value:,.4g}"
    return ", ".join(_said(part) for part in value) if isinstance(value, list | tuple) else str(value)


@cache
def _rules() -> dict[str, Rule]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    told = yaml.load(Path(__file__).with_name("rules.yaml").read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both loaders are the safe one
    return {
        name: Rule(name, Severity(r["severity"]), Role(r.get("role", Role.VIEWER)), title=r["title"], says=r["says"], todo=r["todo"])
        for name, r in told.items()
    }


RULES: Mapping[str, Rule] = _rules()
