"""The settings store: values that people adjust while the platform runs. Every version stays, with who wrote it, when and why.

A version is a whole statement: the fields that it names, for one scope. Fields that it does not name have the value of the wider scope, and in the
end the default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from seeding_platform.catalog.adjustable import EVERYWHERE
from seeding_platform.errors import ConfigError
from seeding_platform.storage.kept import Item, Kept, VersionConflict

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from pydantic import BaseModel

    from seeding_platform.catalog.adjustable import Adjustable
    from seeding_platform.storage.state import State

KIND = "setting"
OF_ALL = ""
"""The tenant of what holds for the whole installation."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a setting for one scope.

    Args:
        number: from 1; 0 = nobody has adjusted it.
        values: the fields that it names.
        actor: who wrote it.
        reason: why.
        written_at: when.
    """

    number: int
    values: Mapping[str, Any]
    actor: str = ""
    reason: str = ""
    written_at: dt.datetime | None = None


class Adjusted:
    """Adjusted values in the state database.

    Args:
        state: the database.
    """

    def __init__(self, state: State) -> None:
        self.kept = Kept(state)

    def value(self, setting: Adjustable, scope: str = EVERYWHERE) -> BaseModel:
        """The values in force for a scope."""
        return setting.model.model_validate(self.told(setting, scope))

    def told(self, setting: Adjustable, scope: str = EVERYWHERE) -> dict[str, Any]:
        """The fields that somebody has adjusted for a scope, or for everything."""
        told = dict(self.current(setting, EVERYWHERE).values)
        return told if scope == EVERYWHERE else told | dict(self.current(setting, scope).values)

    def current(self, setting: Adjustable, scope: str = EVERYWHERE) -> Version:
        """The newest version for just this scope."""
        versions = self.history(setting, scope)
        return versions[-1] if versions else Version(0, {})

    def history(self, setting: Adjustable, scope: str = EVERYWHERE) -> list[Version]:
        """Every version for just this scope, the oldest first."""
        return [_version(item) for item in self.kept.history(_id(setting, scope), tenant=OF_ALL)]

    def scopes(self, setting: Adjustable) -> list[str]:
        """Scopes for which somebody has adjusted it."""
        return sorted(i.item_id.partition("@")[2] for i in self.kept.all(KIND, tenant=OF_ALL) if i.item_id.partition("@")[0] == setting.name)

    def change(
        self,
        setting: Adjustable,
        values: Mapping[str, Any],
        *,
        scope: str = EVERYWHERE,
        actor: str,
        reason: str,
        now: dt.datetime,
        seen: int | None = None,
    ) -> Version:
        """Write a new version.

        Args:
            setting: what is adjusted.
            values: the fields that are to differ from the wider scope; none = it is as if nobody had adjusted it.
            scope: a table, or everywhere.
            actor: who does it.
            reason: why.
            now: the moment.
            seen: number of the version that the actor saw; another one in force is a conflict.

        Raises:
            ConfigError: a field or a value is not allowed, or the scope is not one of this setting's.
            VersionConflict: somebody else was faster.
        """
        kept = self.check(setting, values, scope=scope)
        newest = self.current(setting, scope).number
        if seen not in (None, newest):
            raise VersionConflict(newest)
        based = Item(item_id=_id(setting, scope), version=newest, tenant=OF_ALL, kind=KIND, body=None, actor=actor, written_at=now)
        return _version(self.kept.change(based, {"values": kept, "reason": reason}, actor=actor, now=now))

    def check(self, setting: Adjustable, values: Mapping[str, Any], *, scope: str = EVERYWHERE) -> dict[str, Any]:
        """The values as they would be kept: in the types of their fields.

        Raises:
            ConfigError: a field or a value is not allowed, alone or together with what holds in a narrower scope, or the scope is not one of
                this setting's.
        """
        why_not = setting.refused(scope)
        if why_not:
            raise ConfigError(f"{setting.name}: {why_not}.", fix="Nothing was changed.")
        wider = {} if scope == EVERYWHERE else dict(self.current(setting, EVERYWHERE).values)
        kept = _checked(setting, wider | dict(values), scope).model_dump(mode="json", include=set(values))
        if scope == EVERYWHERE and setting.scopes != "everywhere":
            for narrower in filter(None, self.scopes(setting)):
                _checked(setting, kept | dict(self.current(setting, narrower).values), narrower)
        return kept

    def back(self, setting: Adjustable, number: int, *, scope: str = EVERYWHERE, actor: str, reason: str, now: dt.datetime) -> Version:
        """Make an earlier version the newest one; 0 = as if nobody had adjusted it.

        Raises:
            ConfigError: there is no such version, or its values are no longer allowed.
        """
        found = next((v for v in self.history(setting, scope) if v.number == number), Version(0, {}) if number == 0 else None)
        if found is None:
            raise ConfigError(
                f"{setting.name} has no version {number}{f' for {scope}' if scope else ''}.", fix="Its history lists those that there are."
            )
        return self.change(setting, found.values, scope=scope, actor=actor, reason=reason, now=now)


def _checked(setting: Adjustable, values: Mapping[str, Any], scope: str) -> BaseModel:
    try:
        return setting.model.model_validate(dict(values))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(str(part) for part in e['loc']) or 'together'}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{setting.name}{f' for {scope}' if scope else ''}: {told}.", fix="Nothing was changed.") from error


def _id(setting: Adjustable, scope: str) -> str:
    return f"{setting.name}@{scope}"


def _version(item: Item) -> Version:
    body = item.body or {}
    return Version(item.version, body.get("values", {}), item.actor, str(body.get("reason", "")), item.written_at)
