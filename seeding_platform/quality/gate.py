"""The gate of a table: below its thresholds the new rows are refused and the old ones stay in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from seeding_platform.catalog import LANDED
from seeding_platform.catalog.adjustable import Adjustable

if TYPE_CHECKING:
    from seeding_platform.cleaning.score import Ratio


class GatePolicy(BaseModel):
    """Thresholds of the gate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    completeness: float = Field(0.80, ge=0, le=1, description="Filled required cells")
    confidence: float = Field(0.70, ge=0, le=1, description="Mean confidence of the rows")
    score: float = Field(85.0, ge=0, le=100, description="Mean quality score of the rows, 0-100")
    validity: float = Field(0.50, ge=0, le=1, description="Rows not quarantined; below it the source itself is suspect")


def _tables(scope: str) -> list[str]:
    return [f"quality/{scope}"] if scope else [f"quality/{name}" for name in LANDED]


GATE = Adjustable("quality.gate", GatePolicy, "What a table must reach so that its new rows replace those in force.", scopes="table", affects=_tables)


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a table may pass, and every reason why not.

    Args:
        reasons: sentences for people.
        below: names of the limits that it does not reach.
    """

    reasons: tuple[str, ...]
    below: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """True when nothing speaks against the table."""
        return not self.reasons


def judged(table: str, *, completeness: Ratio, validity: Ratio, confidence: float | None, score: float | None, policy: GatePolicy) -> Gate:
    """The gate's verdict; an empty table passes, for there is nothing to rely on wrongly.

    >>> from seeding_platform.cleaning.score import Ratio
    >>> judged("orders", completeness=Ratio(70, 100), validity=Ratio(9, 10), confidence=0.9, score=92.0, policy=GatePolicy()).reasons
    ('orders: completeness 70.0 % is below 80 % (70 of 100 required cells are filled)',)
    """
    reasons, below = [], []
    if completeness.value is not None and completeness.value < policy.completeness:
        filled = f"{completeness.numerator:,} of {completeness.denominator:,} required cells are filled"
        below.append("completeness")
        reasons.append(f"{table}: completeness {completeness.value:.1%} is below {policy.completeness:.0%} ({filled})".replace("%", " %"))
    if confidence is not None and confidence < policy.confidence:
        below.append("confidence")
        reasons.append(f"{table}: mean confidence {confidence:.2f} is below {policy.confidence:.2f}")
    if score is not None and score < policy.score:
        below.append("score")
        reasons.append(f"{table}: mean quality score {score:.1f} is below {policy.score:g}")
    if validity.value is not None and validity.value < policy.validity:
        below.append("validity")
        bad = validity.denominator - validity.numerator
        reasons.append(f"{table}: {bad:,} of {validity.denominator:,} rows are quarantined, more than {1 - policy.validity:.0%}".replace("%", " %"))
    return Gate(tuple(reasons), tuple(below))
