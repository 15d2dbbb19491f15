"""New builds of engines that people have put into a group: each waits for those of the others, or until they have been waited for long enough."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING

from seeding_platform.distribution.bundle import engine_folder
from seeding_platform.distribution.manifest import BundleInvalid
from seeding_platform.distribution.release import Group, ReleaseKind, read_release
from seeding_platform.distribution.verify import CURRENT, read_pointer
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.delivery.groups import Groups

if TYPE_CHECKING:
    from seeding_platform.distribution.delivery.publishing import Publisher
    from seeding_platform.distribution.rules import EngineGroup


class Waits(Exception):
    """A new build is not published yet: others of its group are still to come."""


def gathered(publisher: Publisher, tenant: str, engine: str, *, now: dt.datetime) -> Group | None:
    """With whom a new build goes out; None where it goes alone.

    Args:
        publisher: knows what was published.
        tenant: whose.
        engine: whose new build is in force and not published.
        now: the moment.

    Raises:
        Waits: not yet.
    """
    from seeding_platform.distribution.rules import GROUPS, EngineGroups

    told = EngineGroups.model_validate(Adjusted(publisher.state).told(GROUPS))
    mine = next((group for group in told.groups if engine in group.engines), None)
    if mine is None:
        return None
    begun = _begun(publisher, tenant, engine, mine)
    if begun is not None:
        return begun
    fresh = {name: found for name in mine.engines if (found := _fresh(publisher, tenant, name)) is not None}
    late = not fresh or now - min(since for _, since in fresh.values()) >= dt.timedelta(minutes=told.wait_minutes)
    if len(fresh) < len(mine.engines) and not late:
        raise Waits
    if len(fresh) < 2:
        return None
    numbers = "\x00".join([tenant, *(f"{name}:{number}" for name, (number, _) in sorted(fresh.items()))])
    return Group(id=f"{mine.id}-{hashlib.blake2b(numbers.encode(), digest_size=8).hexdigest()}", engines=tuple(sorted(fresh)))


def _begun(publisher: Publisher, tenant: str, engine: str, mine: EngineGroup) -> Group | None:
    """The group that another member went out with, where this one belongs to it and has not followed yet: a publisher was killed, or begins."""
    for other in mine.engines:
        made = publisher.ledger.newest(tenant, other) if other != engine else None
        if made is None or made.group_id is None or not made.group_id.startswith(f"{mine.id}-"):
            continue
        group = read_release(made.release.encode()).group
        if group is None or engine not in group.engines or Groups(publisher.state).decision(made) is not None:
            continue
        if all((m.tenant, m.engine) != (tenant, engine) for m in publisher.ledger.grouped(made.group_id)):
            return group
    return None


def _fresh(publisher: Publisher, tenant: str, engine: str) -> tuple[int, dt.datetime] | None:
    """Number of a new build that is not published, and since when it is in force; None where there is none."""
    folder = engine_folder(publisher.root, tenant, engine)
    try:
        pointer = read_pointer(folder)
    except BundleInvalid:
        return None  # whoever publishes that engine tells of it
    if pointer is None or pointer.kind is not ReleaseKind.BUILT or pointer.group is not None:
        return None
    newest = publisher.ledger.newest(tenant, engine)
    if newest is not None and newest.generation >= pointer.generation:
        return None
    return pointer.generation, dt.datetime.fromtimestamp((folder / CURRENT).stat().st_mtime, dt.UTC)
