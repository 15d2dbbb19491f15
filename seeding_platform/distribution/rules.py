"""Rules of distribution that people adjust while the platform runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from seeding_platform.catalog.adjustable import Adjustable
from seeding_platform.catalog.engine import load_engines

if TYPE_CHECKING:
    from seeding_platform.catalog.engine import EngineContract
    from seeding_platform.storage.adjusted import Adjusted


class DistributionRules(BaseModel):
    """What an engine is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minimum_confidence: float = Field(0.70, ge=0, le=1, description="Rows with less are not used; 0 uses every row")


def _bundles(scope: str) -> list[str]:
    return [f"bundle/{scope}"] if scope else [f"bundle/{name}" for name in load_engines()]


RULES = Adjustable(
    "distribution.rules", DistributionRules, "What engines are given; it takes the place of their contracts' own.", scopes="engine", affects=_bundles
)


def as_adjusted(engine: EngineContract, adjusted: Adjusted) -> EngineContract:
    """An engine's contract with the rules that people have adjusted."""
    told = DistributionRules.model_validate(adjusted.told(RULES, engine.name))
    return engine.model_copy(update=told.model_dump(include=told.model_fields_set))
