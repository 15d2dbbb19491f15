"""The closed list of figures, read from `metrics.yaml`: what each is made of, its unit and which direction is good."""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import yaml
from pydantic import BaseModel, Field, field_validator

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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


class OwnRatio(BaseModel, frozen=True, extra="forbid"):
    """A ratio that somebody defined, under the same rules as the shipped ones: sums first, then one division.

    Args:
        name: how plans and rows call it; small letters, digits and `_`.
        numerator: a sum.
        denominator: a sum.
        scale: factor.
        unit: how it is shown.
        better: which direction is good.
        en: name in English, also in questions.
        nl: name in Dutch.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{2,29}$")
    numerator: str
    denominator: str
    scale: float = Field(1.0, gt=0, le=1e9, allow_inf_nan=False)
    unit: Literal["money", "count", "share", "ratio"] = "ratio"
    better: Literal["up", "down", "neither"] = "neither"
    en: str = Field(pattern=r"^[A-Za-z][A-Za-z ]{2,39}$")
    nl: str = Field(pattern=r"^[A-Za-z][A-Za-z ]{2,39}$")

    @field_validator("numerator", "denominator")
    @classmethod
    def _sum(cls, name: str) -> str:
        sums = [m.name for m in _shipped().metrics.values() if m.kind == "sum"]
        if name not in sums:
            raise ValueError(f"{name!r} is no sum; there are {', '.join(sums)}")
        return name

    @field_validator("name")
    @classmethod
    def _free(cls, name: str) -> str:
        if name in _shipped().metrics:
            raise ValueError(f"{name!r} is a shipped figure")
        return name

    def metric(self) -> Metric:
        """As a figure."""
        return Metric(kind="ratio", **self.model_dump())


@cache
def _shipped() -> Catalogue:
    read = yaml.safe_load((Path(__file__).parent / "metrics.yaml").read_text(encoding="utf-8"))
    read["metrics"] = {name: {"name": name, **told} for name, told in read["metrics"].items()}
    return Catalogue.model_validate(read)


_OWN: ContextVar[tuple[OwnRatio, ...]] = ContextVar("own_ratios", default=())


def know(ratios: Iterable[OwnRatio]) -> None:
    """Make ratios that somebody defined known to whatever is asked from here on, in this request or process only."""
    _OWN.set(tuple(ratios))


def own_ratios() -> tuple[OwnRatio, ...]:
    """Ratios that are known beside the shipped figures."""
    return _OWN.get()


@lru_cache(maxsize=64)
def _with_own(ratios: tuple[OwnRatio, ...]) -> Catalogue:
    shipped = _shipped()
    metrics: Mapping[str, Metric] = {**shipped.metrics, **{r.name: r.metric() for r in ratios}}
    return shipped.model_copy(update={"metrics": dict(metrics)})


def catalogue() -> Catalogue:
    """The shipped list, and after it the ratios that are known here."""
    ratios = _OWN.get()
    return _with_own(ratios) if ratios else _shipped()


def metric(name: str) -> Metric:
    """A figure by name."""
    return catalogue().metrics[name]
