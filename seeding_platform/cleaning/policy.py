"""What people may choose about cleaning; the rules themselves stand in the contracts."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class CleaningPolicy(BaseModel):
    """Limits and weights of one cleaning.

    The row score is 100 times the weighted mean of required completeness, overall completeness and consistency.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    iqr_factor: float = Field(3.0, gt=0, description="Outliers lie more than this many interquartile ranges outside the middle half")
    mad_limit: float = Field(5.0, gt=0, description="Quotients of counts are outliers beyond this many robust standard deviations from the median")
    outlier_min_rows: int = Field(30, ge=4, description="Groups with fewer rows are not screened")
    weight_required: float = Field(0.5, ge=0)
    weight_filled: float = Field(0.1, ge=0)
    weight_consistency: float = Field(0.4, ge=0)
    weight_uniqueness: float = Field(0.1, ge=0, description="Of `quality_score` only: kept rows are unique")
    weight_timeliness: float = Field(0.1, ge=0, description="Of `quality_score` only: of tables that say when a fact was true")
    fresh_days: float = Field(366.0, gt=0, description="Age up to which a row is timely")
    broken_cap: float = Field(40.0, ge=0, le=100, description="Highest score of a row that breaks a hard rule")
    flag_penalty: float = Field(0.25, gt=0, le=1, description="Consistency lost for each flag of a row")
