"""Rules of distribution that people adjust while the platform runs: what engines are given, when, and which of them change together."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from seeding_platform.catalog.adjustable import Adjustable
from seeding_platform.catalog.engine import shipped_engines
from seeding_platform.catalog.zones import Zone
from seeding_platform.distribution.delivery.hours import next_hour
from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from seeding_platform.catalog.engine import EngineContract
    from seeding_platform.storage.adjusted import Adjusted

OF_THE_CONTRACT = ("minimum_confidence", "maximum_lag_seconds")
"""Rules that take the place of a field of the contract."""
ANY_DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class DistributionRules(BaseModel):
    """What an engine is given, and how its delivery is watched."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minimum_confidence: float = Field(0.70, ge=0, le=1, description="Rows with less are not used; 0 uses every row")
    mode: Literal["live", "batch"] = Field("live", description="live: delivered at once; batch: at the hours of `distribution.schedule`")
    soak_minutes: int | None = Field(
        None, ge=0, le=1440, description="How long a new generation is watched; empty: as the installation or the family says"
    )
    quorum: float = Field(0.5, ge=0, le=1, description="Share of the addresses that must have acknowledged it by then")
    maximum_lag_seconds: int | None = Field(None, ge=1, le=31_536_000, description="After which an engine counts as late; empty: its contract's")
    expires_days: int | None = Field(None, ge=1, le=3650, description="After which a release is not taken any more; empty: never")


class BatchHours(BaseModel):
    """When engines that take batches are delivered to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cron: str = Field("0 6 * * *", max_length=60, description="When: minute, hour, day of month, month, weekday (0 and 7 are Sunday)")
    zone: Zone = Field("UTC", description="IANA time zone that the hours are meant in")

    @field_validator("cron")
    @classmethod
    def _comes(cls, cron: str) -> str:
        try:
            next_hour(cron, ANY_DAY)
        except ConfigError as error:
            raise ValueError("five fields are needed: minute, hour, day of month, month, weekday, for a moment that comes") from error
        return " ".join(cron.split())


class EngineGroup(BaseModel):
    """Engines that change together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$", description="Its name")
    engines: tuple[str, ...] = Field(min_length=2, max_length=50, description="Its engines")


class EngineGroups(BaseModel):
    """Which engines are given new builds together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    groups: tuple[EngineGroup, ...] = Field((), max_length=50, description='As [{"id": "...", "engines": ["...", "..."]}]')
    wait_minutes: int = Field(15, ge=1, le=1440, description="How long a new build waits for those of the others")

    @model_validator(mode="after")
    def _each_in_one(self) -> EngineGroups:
        members = [name for group in self.groups for name in group.engines]
        twice = sorted({name for name in members if members.count(name) > 1})
        names = [group.id for group in self.groups]
        if twice or len(set(names)) < len(names):
            raise ValueError(f"{twice[0] if twice else 'a group'} is named twice")
        return self


def _bundles(scope: str) -> list[str]:
    return [f"bundle/{scope}"] if scope else [f"bundle/{name}" for name in shipped_engines()]


RULES = Adjustable(
    "distribution.rules",
    DistributionRules,
    "What engines are given, and how their delivery is watched; it takes the place of their contracts' own.",
    scopes="engine",
    affects=_bundles,
)
SCHEDULE = Adjustable("distribution.schedule", BatchHours, "When engines that take batches are delivered to.")
GROUPS = Adjustable("distribution.groups", EngineGroups, "Engines that are given new builds together: all of them or none.")


def as_adjusted(engine: EngineContract, adjusted: Adjusted) -> EngineContract:
    """An engine's contract with the rules that people have adjusted."""
    told = DistributionRules.model_validate(adjusted.told(RULES, engine.name))
    values = {name: value for name in OF_THE_CONTRACT if name in told.model_fields_set and (value := getattr(told, name)) is not None}
    return engine.model_copy(update=values)
