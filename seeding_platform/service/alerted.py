"""Which alerts somebody may see: those of their organisation, operators also those of the whole installation; some take a role of their own."""

from __future__ import annotations

import dataclasses
import datetime as dt
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from seeding_platform.monitoring.lifecycle import LONGEST_MUTE, NotPossible
from seeding_platform.monitoring.rules import RULES
from seeding_platform.service.errors import Problem
from seeding_platform.storage.alerts import Wanted
from seeding_platform.storage.api_state import Role

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from seeding_platform.service.auth import Actor
    from seeding_platform.service.context import Service
    from seeding_platform.storage.alerts import Occurrence

Scope = Literal["own", "installation", "all"]


def readable(actor: Actor, *, scope: Scope = "all", rule: str = "", states: Collection[str] = (), severities: Collection[str] = ()) -> Wanted:
    """What somebody may see of what they ask for.

    Args:
        actor: who asks.
        scope: of their organisation, of the whole installation, or both.
        rule: beginning of the rules' names.
        states: states; none = all.
        severities: severities; none = all.
    """
    own = [] if scope == "installation" else [actor.tenant]
    everybodys = [""] if scope != "own" and actor.role.may(Role.OPERATOR) else []
    rules = [r.name for r in RULES.values() if r.name.startswith(rule) and actor.role.may(r.role)]
    return Wanted(tenants=[*own, *everybodys], rules=rules, states=states, severities=severities)


def existing(service: Service, actor: Actor, alert_id: str) -> Occurrence:
    """An alert that somebody may see.

    Raises:
        Problem: 404.
    """
    found, wanted = service.desk.alerts.one(alert_id), readable(actor)
    if found is None or found.tenant not in wanted.tenants or found.rule not in wanted.rules:
        raise Problem(404, "no-such-alert", "There is no such alert.")
    return found


def acknowledged(service: Service, actor: Actor, alert_id: str) -> Occurrence:
    """Take an alert on."""
    found = existing(service, actor, alert_id)
    with _possible():
        return service.desk.acknowledge(found.alert_id, actor=actor.key_id, now=service.now())


def muted(service: Service, actor: Actor, alert_id: str, until: dt.datetime) -> Occurrence:
    """Have nobody told of an alert until a moment.

    Raises:
        Problem: 422 when the moment is past, or too far off.
    """
    found, now = existing(service, actor, alert_id), service.now()
    if not now < until <= now + LONGEST_MUTE:
        raise Problem(422, "not-then", f"until: give a moment that is still to come, within {LONGEST_MUTE.days} days.")
    with _possible():
        return service.desk.mute(found.alert_id, until, actor=actor.key_id, now=now)


def resolved(service: Service, actor: Actor, alert_id: str) -> Occurrence:
    """Say that an alert is over."""
    found = existing(service, actor, alert_id)
    with _possible():
        return service.desk.resolve(found.alert_id, actor=actor.key_id, now=service.now())


def everything(wanted: Wanted) -> Wanted:
    """The same in every state."""
    return dataclasses.replace(wanted, states=())


@contextmanager
def _possible() -> Iterator[None]:
    try:
        yield
    except NotPossible as error:
        raise Problem(409, "not-possible", str(error)) from error
