"""What a key is limited to: patterns of tables, sources and engines. A key without any may do everything that its role may."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

SOURCE = "source:"
ENGINE = "engine:"
"""Whoever has it speaks for an engine: it fetches that engine's bundles, and says what it has."""
MOST = 50
_PATTERN = re.compile(r"((?:source|engine):[a-z0-9_*]{1,80}|[a-z*]{1,20}/[A-Za-z0-9_*]{1,120})")


def parsed(patterns: Iterable[str]) -> tuple[str, ...]:
    """Patterns in their order, each once.

    Raises:
        ConfigError: one is none, or there are too many.

    >>> parsed(["clean/orders", "source:google_*", "clean/orders"])
    ('clean/orders', 'source:google_*')
    """
    found = tuple(dict.fromkeys(patterns))
    wrong = [p for p in found if not _PATTERN.fullmatch(p)]
    if wrong or len(found) > MOST:
        what = f"{wrong[0][:80]!r} is no grant." if wrong else f"{len(found)} grants are more than {MOST}."
        raise ConfigError(
            what, fix="Write layer/table, source:name or engine:name, with * for any letters: clean/orders, quality/*, source:google_*, engine:roi."
        )
    return found


def granted(grants: tuple[str, ...], wanted: str) -> bool:
    """Whether a table or a source is within what a key is limited to.

    >>> granted(("quality/*",), "quality/orders"), granted(("quality/*",), "clean/orders"), granted((), "clean/orders")
    (True, False, True)
    """
    return not grants or any(fnmatchcase(wanted, pattern) for pattern in grants)
