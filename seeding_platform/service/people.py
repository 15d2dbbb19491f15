"""Who answers people about their data, put together from the rooms: the command line and the service use the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.governance.subject_rights.requests import SubjectRights
from seeding_platform.models.registry import Registry

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from seeding_platform.settings import Settings
    from seeding_platform.storage.state import State


def people(settings: Settings, state: State, *, now: Callable[[], dt.datetime]) -> SubjectRights:
    """The rights of people over what an installation holds.

    Args:
        settings: where things are kept.
        state: the state database.
        now: the clock.
    """
    registry = Registry(settings.registry_url, settings.state / "mlflow" / "artefacts")
    return SubjectRights(settings, state, models=registry, now=now)
