"""What a challenger must reach before it takes the champion's place."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class PromotionThresholds(BaseModel):
    """Bars of the gate; a gain is in points for metrics that go up, a share of the champion's error for those that go down."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    floor: float | None = Field(None, description="Worst value of the metric that may be deployed; without one everything is refused")
    minimum_gain: float = Field(0.02, ge=0, le=1, description="Least gain over the champion on the same rows")
    minimum_rows: int = Field(100, ge=2, description="Fewer rows judge nothing")
    slice_drop: float = Field(0.05, gt=0, le=1, description="A slice that is worse by as much keeps a challenger out")
    slice_rows: int = Field(30, ge=2, description="Slices of fewer rows are not judged")
    calibration_worse: float = Field(0.02, ge=0, le=1, description="How much larger the calibration error may be than the champion's")
    latency_ms: float | None = Field(None, gt=0, description="Slowest answer that may be deployed, in milliseconds; no limit without it")
    size_mb: float | None = Field(None, gt=0, description="Largest artefact that may be deployed, in megabytes; no limit without it")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Of the interval of the gain, which must lie above 0")
    standard_errors: float = Field(2.0, gt=0, description="A first model must beat the dummy by so many standard errors")
    power: float = Field(0.8, gt=0.5, lt=1, description="How often the rows that are asked for would find the gain")
    approval: bool = Field(False, description="A version that passes waits until a person other than who asked for its training lets it serve")
