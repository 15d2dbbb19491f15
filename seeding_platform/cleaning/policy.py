"""What people may choose about cleaning; the rules themselves stand in the contracts."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from seeding_platform.catalog import LANDED
from seeding_platform.catalog.adjustable import Adjustable

Pair = tuple[str, str]


class DuplicatePolicy(BaseModel):
    """What people have decided about duplicates by text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: tuple[str, ...] = Field((), description="Columns that must be equal too")
    merge: tuple[Pair, ...] = Field((), description="Pairs of keys that a person has joined")
    never_merge: tuple[Pair, ...] = Field((), description="Pairs of keys that a person has put apart")


class TextDuplicates(DuplicatePolicy):
    """What happens with rows whose texts are the same."""

    text: str = Field(description="Column that is compared")
    mode: Literal["strict", "fuzzy", "semantic"] = "fuzzy"
    action: Literal["mark", "merge"] = Field("mark", description="Tell the clusters only, or keep one row of each, its gaps filled from the others")


class CleaningLimits(BaseModel):
    """Limits and weights of a cleaning.

    The row score is 100 times the weighted mean of required completeness, overall completeness and consistency.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    iqr_factor: float = Field(3.0, gt=0, description="Outliers lie more than this many interquartile ranges outside the middle half")
    mad_limit: float = Field(5.0, gt=0, description="Quotients of counts are outliers beyond this many robust standard deviations from the median")
    outlier_min_rows: int = Field(30, ge=4, description="Groups with fewer rows are not screened")
    weight_required: float = Field(0.5, ge=0, description="Weight of the share of required values that are there")
    weight_filled: float = Field(0.1, ge=0, description="Weight of the share of all values that are there")
    weight_consistency: float = Field(0.4, ge=0, description="Weight of how few flags a row has")
    weight_uniqueness: float = Field(0.1, ge=0, description="Of `quality_score` only: kept rows are unique")
    weight_timeliness: float = Field(0.1, ge=0, description="Of `quality_score` only: of tables that say when a fact was true")
    fresh_days: float = Field(366.0, gt=0, description="Age up to which a row is timely")
    broken_cap: float = Field(40.0, ge=0, le=100, description="Highest score of a row that breaks a hard rule")
    flag_penalty: float = Field(0.25, gt=0, le=1, description="Consistency lost for each flag of a row")

    @model_validator(mode="after")
    def _something_counts(self) -> CleaningLimits:
        if self.weight_required + self.weight_filled + self.weight_consistency <= 0:
            raise ValueError("one of weight_required, weight_filled and weight_consistency must be above 0")
        return self


class CleaningPolicy(CleaningLimits):
    """What people choose about one cleaning: limits and weights, repairs, duplicates."""

    repairs: tuple[dict[str, Any], ...] = Field((), description="Repair rules beside the contract's own")
    without: tuple[str, ...] = Field((), description="Names of repair rules that a person has undone")
    duplicates: TextDuplicates | None = Field(None, description="Duplicates by text; none are sought without it")


def _tables(scope: str) -> list[str]:
    return [f"clean/{scope}"] if scope else [f"clean/{name}" for name in LANDED]


_DESCRIBES = "Limits and weights of cleaning; they take the place of those in a policy file."
LIMITS = Adjustable("cleaning.limits", CleaningLimits, _DESCRIBES, scopes="table", affects=_tables)
