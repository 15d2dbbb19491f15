"""Generations that are asked for: an earlier bundle again, the same once more, several engines together. Always a higher number."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from seeding_platform.distribution.bundle import engine_folder, put_in_force
from seeding_platform.distribution.manifest import MANIFEST, BundleInvalid
from seeding_platform.distribution.release import Group, ReleaseKind, read_release
from seeding_platform.distribution.verify import Pointer, folder_name, verify_bundle
from seeding_platform.errors import PermanentError
from seeding_platform.storage.delivery.records import GenerationState
from seeding_platform.storage.recalls import recalled

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from seeding_platform.distribution.delivery.publishing import Publisher
    from seeding_platform.storage.delivery.records import Generation

LOOKED_AT = 200


class NothingToPutBack(PermanentError):
    """There is no earlier bundle that may be used."""


class Overtaken(PermanentError):
    """Another generation came in force meanwhile."""


def rolled_back(
    publisher: Publisher, tenant: str, engine: str, *, reason: str, actor: str, now: dt.datetime, to: int | None = None, seen: int | None = None
) -> Generation:
    """Put an earlier bundle in force, under the next number.

    Args:
        publisher: writes it down.
        tenant: whose.
        engine: whose bundles.
        reason: why; it goes to the engine.
        actor: who asks.
        now: the moment.
        to: generation whose bundle is wanted; without it the newest before that did no harm.
        seen: the generation that is to be undone; None: whatever is in force.

    Raises:
        NothingToPutBack: there is no such bundle, or it was recalled or is damaged.
        Overtaken: `seen` is not in force any more.
        BusyError: a bundle of the engine is being made.
    """

    def change(before: Pointer | None, last: int) -> Pointer:
        if seen is not None and (before is None or before.generation != seen):
            raise Overtaken(f"Generation {seen} of {engine} is not in force any more.", fix="Look again.")
        current = before.content_id if before is not None else None
        target = _earlier(publisher, tenant, engine, current, to)
        return Pointer(generation=_next(publisher, tenant, engine, last), content_id=target, kind=ReleaseKind.ROLLED_BACK, reason=reason, actor=actor)

    put_in_force(engine_folder(publisher.root, tenant, engine), change)
    return _entered(publisher, tenant, engine, now)


def again(publisher: Publisher, tenant: str, engine: str, *, reason: str, actor: str, now: dt.datetime, group: Group | None = None) -> Generation:
    """Put the bundle in force once more, under the next number, so that every address is sent it again.

    Raises:
        NothingToPutBack: none is in force.
        BusyError: a bundle of the engine is being made.
    """

    def change(before: Pointer | None, last: int) -> Pointer:
        if before is None:
            raise NothingToPutBack(f"No bundle of {engine} is in force.", fix="Build one first.")
        if group is not None and before.group == group:
            return before  # this engine was reached before a kill
        number = _next(publisher, tenant, engine, last)
        return Pointer(generation=number, content_id=before.content_id, kind=ReleaseKind.AGAIN, reason=reason, actor=actor, group=group)

    put_in_force(engine_folder(publisher.root, tenant, engine), change)
    return _entered(publisher, tenant, engine, now)


def renewed(publisher: Publisher, tenant: str, engine: str, *, now: dt.datetime) -> Generation | None:
    """Release what is in force once more where its release is not good enough any more; None where it is.

    Asked when the same content was built again: it is as good as new, and whoever has not got it must still be able to take it. Half of the time
    may be over in which it may be taken, or its folder was made anew since: then the release does not name its manifest.

    Raises:
        BusyError: a bundle of the engine is being made.
    """
    made = publisher.ledger.newest(tenant, engine)
    if made is None or made.state == GenerationState.RECALLED:
        return None
    release = read_release(made.release.encode())
    if release.expires_at is not None and now >= release.issued_at + (release.expires_at - release.issued_at) / 2:
        return again(publisher, tenant, engine, reason="its time was half over", actor="platform", now=now)
    folder = engine_folder(publisher.root, tenant, engine) / folder_name(made.content_id)
    try:
        names_it = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest() == release.manifest_sha256
    except FileNotFoundError:
        return None  # it is damaged: whoever finds that has it built again
    return None if names_it else again(publisher, tenant, engine, reason="its bundle was made again", actor="platform", now=now)


def together(
    publisher: Publisher, tenant: str, engines: Sequence[str], *, group_id: str, reason: str, actor: str, now: dt.datetime
) -> list[Generation]:
    """Let engines change to what is in force for each, all of them or none. The same `group_id` again has no further effect.

    Raises:
        NothingToPutBack: one of them has none in force; nothing was done.
        BusyError: a bundle of one is being made; the rest is done by a repeat.
    """
    names = tuple(sorted(set(engines)))
    lacking = [name for name in names if publisher.ledger.newest(tenant, name) is None]
    if lacking:
        raise NothingToPutBack(f"No bundle of {', '.join(lacking)} is in force.", fix="Build them first.")
    group = Group(id=group_id, engines=names)
    return [again(publisher, tenant, name, reason=reason, actor=actor, now=now, group=group) for name in names]


def _earlier(publisher: Publisher, tenant: str, engine: str, current: str | None, to: int | None) -> str:
    """The content that is put back.

    Raises:
        NothingToPutBack: there is none that may be used.
    """
    known = publisher.ledger.of(tenant, engine, limit=LOOKED_AT)
    judged: dict[str, str] = {}
    for generation in known:
        judged.setdefault(generation.content_id, generation.state)  # what was last said of it
    fine = (GenerationState.GOOD, GenerationState.PUBLISHED)
    wanted = [g for g in known if (g.generation == to if to is not None else g.content_id != current and judged[g.content_id] in fine)]
    wanted.sort(key=lambda g: (g.state == GenerationState.GOOD, g.generation), reverse=True)
    why = "there is none"
    for generation in wanted:
        folder = engine_folder(publisher.root, tenant, engine) / folder_name(generation.content_id)
        try:
            if recalled(folder) is not None:
                why = f"generation {generation.generation} was recalled"
                continue
            verify_bundle(folder)
            return generation.content_id
        except BundleInvalid as error:
            why = f"generation {generation.generation}: {error.what}"
    raise NothingToPutBack(f"No earlier bundle of {engine} can be put back: {why}.", fix="Build a new one.")


def _next(publisher: Publisher, tenant: str, engine: str, last: int) -> int:
    known = publisher.ledger.newest(tenant, engine)
    return max(last, known.generation if known else 0) + 1


def _entered(publisher: Publisher, tenant: str, engine: str, now: dt.datetime) -> Generation:
    made = publisher.published(tenant, engine, now=now)
    if made is None:
        raise Overtaken(f"The bundle of {engine} was recalled meanwhile.", fix="Look again.")
    return made
