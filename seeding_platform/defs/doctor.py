"""The examination of an installation: each finding says what is so and, where it is not well, what to do."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from seeding_platform.components.engine import load_own_engines
from seeding_platform.connectors.landing import landing_files, matches
from seeding_platform.connectors.sources import load_sources, shipped_files, user_files
from seeding_platform.defs.platform import Platform
from seeding_platform.distribution.signers import published_keys
from seeding_platform.distribution.signing import trusted_keys
from seeding_platform.distribution.verify import current_bundles
from seeding_platform.errors import SeedingError
from seeding_platform.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was examined."""

    what: str
    ok: bool
    says: str


def examined(settings: Settings) -> list[Finding]:
    """Everything that can be examined without changing anything but an old state database, which is migrated."""
    platform = Platform(settings)
    checks: dict[str, Callable[[], str]] = {
        "disk": lambda: _disk(settings),
        "state database": lambda: _state(platform),
        "tables": lambda: _tables(platform),
        "bundles": lambda: _bundles(platform),
        "sources": lambda: _sources(settings),
        "engines": lambda: _engines(settings),
        "landing folder": lambda: _landing(settings),
    }
    return [_finding(what, check) for what, check in checks.items()]


class _Unwell(SeedingError):
    """Something that a person should look after."""


def _finding(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, check())
    except (SeedingError, OSError) as error:
        return Finding(what, False, str(error))


def _disk(settings: Settings) -> str:
    place = next(p for p in (settings.state, *settings.state.parents) if p.exists())
    free = shutil.disk_usage(place).free // 1_000_000
    if free < settings.min_free_mb:
        raise _Unwell(f"only {free} MB are free under {place}.", fix="Free disk space; runs refuse to start.")
    return f"{free:,} MB free"


def _state(platform: Platform) -> str:
    if not platform.settings.database_url and not (platform.settings.state / "state.db").exists():
        return "none yet; the first run makes it"
    landed = platform.state.landings()
    return f"opens, {len(landed)} landed files on record"


def _tables(platform: Platform) -> str:
    tables = platform.lake.tables()
    unreadable = []
    for table in tables:
        try:
            platform.lake.read(table).head(1).collect()
        except Exception as error:
            unreadable.append(f"{table} ({error})")
    if unreadable:
        raise _Unwell(f"{len(unreadable)} tables cannot be read: {'; '.join(unreadable)[:500]}.", fix="Run the main job again, or restore the lake.")
    return f"{len(tables)} tables read" if tables else "none yet; `seeding seed` makes them"


def _bundles(platform: Platform) -> str:
    found = current_bundles(platform.settings.bundles)
    trusted = trusted_keys(published_keys(platform.state, platform.keys)) if found else {}
    found = current_bundles(platform.settings.bundles, deep=True, trusted=trusted or None, now=platform.now())
    broken = [f"{b.tenant}/{b.engine}: {b.problem}" for b in found if b.bundle is None]
    if broken:
        raise _Unwell(f"{len(broken)} bundles are not whole: {'; '.join(broken)[:500]}.", fix="Materialise their bundle assets again.")
    return f"{len(found)} whole"


def _sources(settings: Settings) -> str:
    found = load_sources([*shipped_files(), *user_files(settings.sources)])
    if found.refused:
        raise _Unwell("; ".join(map(str, found.refused)))
    return f"{len(found.valid)} valid"


def _engines(settings: Settings) -> str:
    found = load_own_engines(settings.engines)
    if found.refused:
        raise _Unwell("; ".join(map(str, found.refused)))
    return f"{len(found.valid)} of your own"


def _landing(settings: Settings) -> str:
    sources = load_sources([*shipped_files(), *user_files(settings.sources)]).valid
    problems = [m.problem for m in matches(landing_files(settings.landing), sources) if m.source is None]
    if problems:
        raise _Unwell("; ".join(problems))
    return f"{len(landing_files(settings.landing))} files, each with its source"
