"""One plan for every way of asking (API, words, pages, command line), and the one form of answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from seeding_platform.analytics.metrics import DIMENSIONS, catalogue
from seeding_platform.analytics.periods import Unit, Window

Operator = Literal[">", ">=", "<", "<=", "="]
Status = Literal["ok", "no_data", "clarify", "not_understood"]
MOST_ROWS = 1000


class Filter(BaseModel, frozen=True, extra="forbid"):
    """Only these values of a dimension, or all but these."""

    dimension: str
    values: tuple[str, ...] = Field(min_length=1)
    exclude: bool = False

    @field_validator("dimension")
    @classmethod
    def _known(cls, name: str) -> str:
        return _one_of(name, DIMENSIONS, "dimension")


class Threshold(BaseModel, frozen=True, extra="forbid"):
    """Only rows whose figure meets a limit; a share is given as such (2 % is 0.02)."""

    metric: str
    operator: Operator
    value: float


class Order(BaseModel, frozen=True, extra="forbid"):
    """Sort rows by a figure; rows without one come last either way."""

    metric: str
    descending: bool = True


class QueryPlan(BaseModel, frozen=True, extra="forbid"):
    """What is asked, without any text that a database could run.

    Args:
        metrics: figures, in the order of the columns.
        dimensions: one row for each combination of their values.
        grain: one row for each of these units of time.
        filters: which facts count.
        window: which days count.
        compare: the days to compare with.
        having: which rows are shown.
        order: how rows are sorted; default by time, then by dimension.
        limit: most rows.
    """

    metrics: tuple[str, ...] = Field(min_length=1)
    dimensions: tuple[str, ...] = ()
    grain: Unit | None = None
    filters: tuple[Filter, ...] = ()
    window: Window
    compare: Window | None = None
    having: tuple[Threshold, ...] = ()
    order: Order | None = None
    limit: int = Field(MOST_ROWS, ge=1, le=MOST_ROWS)

    @field_validator("metrics")
    @classmethod
    def _known_metrics(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_one_of(name, catalogue().metrics, "metric") for name in names))

    @field_validator("dimensions")
    @classmethod
    def _known_dimensions(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_one_of(name, DIMENSIONS, "dimension") for name in names))


def _one_of(name: str, known: Any, what: str) -> str:
    if name not in known:
        raise ValueError(f"{name!r} is no {what}; there are {', '.join(known)}")
    return name


class Answer(BaseModel, frozen=True, extra="forbid"):
    """Rows with everything that is needed to trust them, or why there are none.

    Args:
        status: ok; no_data (understood, but nothing lies there); clarify (more than one meaning); not_understood.
        rows: dimension names and `period` as keys, then a number (or null) a metric; when compared
            `{current, previous, change, change_pct}` instead of the number, `change_pct` in percent.
        plan: what was understood.
        explanation: the plan in a sentence.
        warnings: `code: text` that a reader of the figures must know.
        not_understood: words of the question that no rule covers.
        suggestions: questions that work.
        sql: the statement that was run, with placeholders.
        snapshot: which state of the facts answered.
        basis: what revenue and CAC are made of, and the currency.
        source: who read the question: the rules, or a language model behind them.
    """

    status: Status
    rows: list[dict[str, Any]] = []
    plan: QueryPlan | None = None
    explanation: str = ""
    warnings: list[str] = []
    not_understood: list[str] = []
    suggestions: list[str] = []
    sql: str = ""
    snapshot: str = ""
    basis: dict[str, str | None] = {}
    lang: Literal["en", "nl"] = "en"
    source: Literal["rules", "llm"] = "rules"
