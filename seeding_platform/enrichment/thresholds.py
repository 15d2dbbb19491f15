"""When enrichment is said to be in trouble: every number that people may set, and how bad a measurement is by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, model_validator

from seeding_platform.catalog.adjustable import Adjustable
from seeding_platform.enrichment.measures import Metric, bounds
from seeding_platform.monitoring.rules import Severity

if TYPE_CHECKING:
    from seeding_platform.storage.adjusted import Adjusted
    from seeding_platform.storage.enrichment.measurements import Measurement


class MonitorThresholds(BaseModel):
    """Bars of the monitor of enrichment; rates and scores in percent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    completeness_critical: float = Field(70, ge=0, le=100, description="Complete records older than 24 h, in percent, below which it is critical")
    completeness_warning: float = Field(85, ge=0, le=100, description="The same, below which it is a warning")
    completeness_days: float = Field(7, gt=0, le=365, description="How many days of records, beyond the 24 h, completeness looks back")
    quality_critical: float = Field(60, ge=0, le=100, description="Quality score below which it is critical")
    quality_warning: float = Field(80, ge=0, le=100, description="Quality score below which it is a warning")
    backlog_critical: int = Field(1000, ge=1, description="More waiting records than this are critical")
    failure_rate_critical: float = Field(20, ge=0, le=100, description="Failed attempts, in percent, above which it is critical")
    failure_rate_warning: float = Field(5, ge=0, le=100, description="Failed attempts, in percent, above which it is a warning")
    dead_letters_warning: float = Field(
        2, ge=0, le=100, description="Records of 24 h that became dead letters, in percent, above which it is a warning"
    )
    high_confidence_info: float = Field(80, ge=0, le=100, description="Answers with a confidence of .7 or more, in percent, below which it is told")
    deferred_warning: float = Field(50, ge=0, le=100, description="Attempts put off by the provider, in percent, above which enrichment stands still")
    oldest_due_minutes: float = Field(60, gt=0, description="Enrichment stands still when a record was due for longer")
    minimum_n: int = Field(50, ge=1, description="Fewer records or attempts judge nothing")
    certainty: float = Field(0.99, ge=0.5, lt=1, description="Of the limits of a rate that must lie beyond a bar")
    clear_minutes: float = Field(15, ge=0, le=1440, description="Minutes within the bars after which an alert ends")
    interval_minutes: float = Field(5, ge=0.5, le=60, description="Minutes between two checks; half of it while something is wrong")
    raised_factor: float = Field(2, ge=1, le=10, description="Batch and concurrency are multiplied by this while a backlog is critical")
    raised_cap: int = Field(16, ge=1, le=256, description="Most workers at once while limits are raised")
    anomaly_far: float = Field(5, ge=3, le=50, description="Robust standard deviations from the usual that are an anomaly")

    @model_validator(mode="after")
    def _in_order(self) -> MonitorThresholds:
        below = [("completeness_critical", "completeness_warning"), ("quality_critical", "quality_warning")]
        for low, high in [*below, ("failure_rate_warning", "failure_rate_critical")]:
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"{low} must not be above {high}")
        return self


MONITOR = Adjustable("enrichment.monitor", MonitorThresholds, "When enrichment is said to be in trouble, and how often it is looked at.")


def thresholds_of(adjusted: Adjusted) -> MonitorThresholds:
    """The bars as people have set them by now."""
    return MonitorThresholds.model_validate(adjusted.told(MONITOR))


_BELOW: dict[str, tuple[tuple[Severity, str], ...]] = {
    Metric.COMPLETENESS: ((Severity.CRITICAL, "completeness_critical"), (Severity.WARNING, "completeness_warning")),
    Metric.QUALITY: ((Severity.CRITICAL, "quality_critical"), (Severity.WARNING, "quality_warning")),
    Metric.HIGH_CONFIDENCE: ((Severity.INFO, "high_confidence_info"),),
}
_FAILURE = ((Severity.CRITICAL, "failure_rate_critical"), (Severity.WARNING, "failure_rate_warning"))
_ABOVE: dict[str, tuple[tuple[Severity, str], ...]] = {
    Metric.FAILURE: _FAILURE,
    Metric.FAILURE_SIX: _FAILURE,
    Metric.FAILURE_DAY: _FAILURE,
    Metric.DEFERRED: ((Severity.WARNING, "deferred_warning"),),
}


def unjudged(made: Measurement, thresholds: MonitorThresholds) -> bool:
    """Whether too little is behind a measurement to say anything; counts and ages are what they are."""
    if made.value is None or made.metric in (Metric.BACKLOG, Metric.OLDEST_DUE):
        return made.value is None
    # what chance does to a window of hours stands for hours: it has to be rarer
    return made.n < thresholds.minimum_n * (2 if made.metric in (Metric.FAILURE_SIX, Metric.FAILURE_DAY) else 1)


def graded(made: Measurement, thresholds: MonitorThresholds) -> Severity | None:
    """How bad one measurement is by itself, None for not: a rate or a score only where its limits lie wholly beyond the bar."""
    limit = limit_of(made, thresholds)
    return None if limit is None else limit[0]


def limit_of(made: Measurement, thresholds: MonitorThresholds) -> tuple[Severity, float] | None:
    """The worst bar that a measurement is beyond, with its severity; None where there is none, or too little to say so."""
    if unjudged(made, thresholds) or made.value is None:
        return None
    if made.metric == Metric.BACKLOG:
        return (Severity.CRITICAL, thresholds.backlog_critical) if made.value > thresholds.backlog_critical else None
    if made.metric == Metric.OLDEST_DUE:
        seconds = 60 * thresholds.oldest_due_minutes
        return (Severity.WARNING, seconds) if made.value > seconds else None
    low, high = bounds(made, level=thresholds.certainty)
    if made.metric == Metric.SUCCESS:
        bar = 100 - thresholds.dead_letters_warning
        return (Severity.WARNING, bar) if high < bar else None
    for severity, name in _BELOW.get(made.metric, ()):
        if high < getattr(thresholds, name):
            return severity, getattr(thresholds, name)
    for severity, name in _ABOVE.get(made.metric, ()):
        if low > getattr(thresholds, name):
            return severity, getattr(thresholds, name)
    return None
