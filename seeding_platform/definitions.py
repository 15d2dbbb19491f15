"""The code location: `defs` for Dagster, `build_definitions` for everybody who wants one of their own."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import dagster as dg

from seeding_platform.connectors.sources import load_sources, shipped_files, user_files
from seeding_platform.defs.location import location
from seeding_platform.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def build_definitions(settings: Settings, *, resources: Mapping[str, Any] | None = None, extra_sources: Iterable[Path] = ()) -> dg.Definitions:
    """All definitions of one installation.

    A source file that is broken is refused by name, in a warning and in the check `every_source_is_valid`; the others stay.

    Args:
        settings: where things are kept and which sources there are.
        resources: replacements for resources, for tests.
        extra_sources: further source files, beside the shipped ones and the user's folder.
    """
    sources = load_sources([*shipped_files(), *user_files(settings.sources), *extra_sources])
    for refused in sources.refused:
        warnings.warn(f"source refused: {refused}", stacklevel=2)
    with warnings.catch_warnings():
        # backfill_policy is marked beta; the graph tests notice when its meaning changes
        warnings.simplefilter("ignore", dg.BetaWarning)
        return location(settings, sources, resources=resources)


@dg.definitions
def defs() -> dg.Definitions:
    """The code location of this installation, built when Dagster loads it and not when this module is imported."""
    return build_definitions(Settings())
