"""The closed list of figures, read from `metrics.yaml`: what each is made of, its unit and which direction is good."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel

DIMENSIONS = ("platform", "account", "campaign", "ad_group", "ad", "country", "device", "currency")
GRAINS = ("day", "week", "month", "quarter", "year")


class Metric(BaseModel, frozen=True, extra="forbid"):
    """One figure.

    Args:
        name: how plans and rows call it.
        kind: sum of a column, or a ratio of two sums.
        numerator: of a ratio.
        denominator: of a ratio; a sum of 0 gives null, never infinity.
        otherwise: denominator where the first is not reported; answers say which was used.
        scale: factor of a ratio (1000 for CPM).
        offset: added to a ratio (-1 for ROI).
        unit: how it is shown; `share` is shown in percent and compared in points.
        better: which direction is good.
        en: name in English.
        nl: name in Dutch.
    """

    name: str
    kind: Literal["sum", "ratio"]
    numerator: str | None = None
    denominator: str | None = None
    otherwise: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    unit: Literal["money", "count", "share", "ratio"]
    better: Literal["up", "down", "neither"]
    en: str
    nl: str

    def columns(self) -> set[str]:
        """Columns of the facts that it adds up."""
        return {self.name} if self.kind == "sum" else {c for c in (self.numerator, self.denominator, self.otherwise) if c}


class Catalogue(BaseModel, frozen=True, extra="forbid"):
    """Every figure, in the order in which they are listed."""

    metrics: dict[str, Metric]
    performance: tuple[str, ...]
    rank_by: str


@cache
def catalogue() -> Catalogue:
    """The shipped list."""
    read = yaml.safe_load((Path(__file__).parent / "metrics.yaml").read_text(encoding="utf-8"))
    read["metrics"] = {name: {"name": name, **told} for name, told in read["metrics"].items()}
    return Catalogue.model_validate(read)


def metric(name: str) -> Metric:
    """A figure by name."""
    return catalogue().metrics[name]
