"""When models are retrained, deployed and rolled back: every number that people may set."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from seeding_platform.catalog.zones import Zone

FREQUENCY_DAYS = {"daily": 1, "weekly": 7, "monthly": 30}


class RetrainingThresholds(BaseModel):
    """Bars of the triggers, the guards and the watch after a deployment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    retraining_threshold: float = Field(0.03, gt=0, le=1, description="Drop that retrains: points, or the share by which an error grew")
    auto_deployment_threshold: float = Field(0.02, ge=0, le=1, description="Least gain over the champion that is deployed by itself")
    update_frequency: Literal["daily", "weekly", "monthly"] = Field("weekly", description="A model is retrained at least that often")
    min_training_samples: int = Field(100, ge=10, description="Fewer labelled rows, without duplicates, are not trained on")
    min_completeness: float = Field(0.75, ge=0, le=1, description="Less of the features filled is told of as poor training data")
    new_labels: int = Field(100, ge=1, description="Labels since the version that serves was trained that make new data a reason")
    cool_down_hours: float = Field(24, ge=0, le=720, description="Rest after an attempt, but for one asked for by hand")
    check_hours: int = Field(4, ge=1, le=24, description="Hours between two performance checks; a divisor of 24")
    zone: Zone = Field("UTC", description="IANA time zone whose hours and days checks follow")
    baseline_days: int = Field(14, ge=1, le=90, description="Days after a deployment that make the champion's own baseline")
    window_rows: int = Field(100, ge=20, description="Fewer labelled rows in baseline or window judge nothing")
    performance_p: float = Field(0.001, gt=0, lt=0.5, description="A drop must be less likely than this by chance, at one check")
    false_retrains: float = Field(
        0.05, gt=0, lt=1, description="Share of 28-day spells in which a model that is as good as ever is retrained for a drop"
    )
    watch_hours: float = Field(24, gt=0, le=720, description="How long a deployment is watched")
    watch_labels: int = Field(500, ge=50, description="Labels after which the watch ends earlier")
    watch_drop: float = Field(0.03, gt=0, le=1, description="Drop against the version before that rolls back: points, or the share of an error")
    watch_p: float = Field(0.01, gt=0, lt=0.5, description="Such a drop must be less likely than this by chance")
    watch_failures: float = Field(0.01, ge=0, lt=1, description="Share of answers that fail or are no number that rolls back")
    watch_requests: int = Field(100, ge=1, description="Below so many answers only a share far above it rolls back (p as for a drop)")

    @field_validator("check_hours")
    @classmethod
    def _divides_the_day(cls, hours: int) -> int:
        if 24 % hours:
            raise ValueError(f"{hours} is no divisor of 24: checks would wander through the day")
        return hours

    @property
    def forced_days(self) -> int:
        """Days after a success at which a model is retrained in any case."""
        return FREQUENCY_DAYS[self.update_frequency]
