"""What people set for enrichment while it runs: retries, and how much is done at once. Bars of the monitor and limits of actions stand elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from seeding_platform.catalog.adjustable import Adjustable
from seeding_platform.enrichment.retry import RetryPolicy

if TYPE_CHECKING:
    from seeding_platform.storage.adjusted import Adjusted

AFFECTED = ["enriched/order_analysis", "enriched/exception_records", "enriched/resolutions"]


def _affected(scope: str) -> list[str]:
    del scope
    return AFFECTED


class WorkLimits(BaseModel):
    """How much a worker takes on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch: int = Field(default=200, ge=1, le=10_000, description="Records that are claimed at a time")
    concurrency: int = Field(default=8, ge=1, le=64, description="Questions that are put to a remote provider at the same time")
    lease_seconds: float = Field(default=120, ge=5, le=3600, description="How long a worker may be silent before its records are given to another")
    run_minutes: float = Field(default=20, ge=0.1, le=240, description="How long one run works before it lets the next one go on")
    tenant_share: float = Field(default=0.5, gt=0, le=1, description="Share of a batch that one tenant may fill while others wait")


RETRIES = Adjustable(
    name="enrichment.retries", model=RetryPolicy, describes="When failures of enrichment are tried again, and when a person looks", affects=_affected
)
LIMITS = Adjustable(name="enrichment.limits", model=WorkLimits, describes="How much enrichment does at once")


def retries_of(adjusted: Adjusted) -> RetryPolicy:
    """How failures are retried, as people have set it by now."""
    return RetryPolicy.model_validate(adjusted.told(RETRIES))


def limits_of(adjusted: Adjusted) -> WorkLimits:
    """How much is done at once, as people have set it by now."""
    return WorkLimits.model_validate(adjusted.told(LIMITS))
