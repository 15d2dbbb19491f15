"""What reading an export gives: facts, rejected rows with their lines, warnings; or a refusal with the way to export again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.catalog.contract import MONEY
from seeding_platform.connectors.shown import shown
from seeding_platform.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = pl.Decimal(18, 4)
TEXTS = ("platform", "account", "campaign", "campaign_id", "ad_group", "ad", "country", "device", "currency", "attribution")
METRICS: dict[str, pl.DataType] = {
    "spend": MONEY,
    "impressions": pl.Int64(),
    "clicks": pl.Int64(),
    "conversions": COUNT,
    "revenue": MONEY,
    "new_customers": pl.Int64(),
}
FACTS: dict[str, pl.DataType] = {
    "date": pl.Date(),
    "period_start": pl.Date(),
    "period_end": pl.Date(),
    "grain": pl.String(),
    **{name: pl.String() for name in TEXTS},
    "currency_basis": pl.String(),
    **METRICS,
    "load_id": pl.String(),
    "source_row": pl.Int64(),
}


class ExportRefused(PermanentError):
    """A file as a whole cannot be trusted; nothing of it was read.

    Args:
        reason: what is wrong.
        how_to_export_again: what to choose in the platform so that it can be read.
        line: 1-based line, where one is to blame.
    """

    def __init__(self, reason: str, how_to_export_again: str, *, line: int | None = None) -> None:
        super().__init__(reason, fix=how_to_export_again)
        self.reason, self.how_to_export_again, self.line = reason, how_to_export_again, line


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is not counted.

    Args:
        line: line of the file, 1-based (row of the sheet for a workbook).
        column: the file's own header.
        value: the cell as it stands; `summary` tells it as far as it may be told.
        code: what is wrong, for scripts.
        message: what is wrong, for people.
    """

    line: int
    column: str
    value: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ExportResult:
    """One export, read.

    Args:
        facts: rows as `FACTS`; `date` is null for a fact of several days, which has `period_start` and `period_end`.
        rejects: rows that are not counted.
        warnings: code to text.
        source: platform, file, encoding, delimiter, header line, rows that were totals.
    """

    facts: pl.DataFrame
    rejects: tuple[RejectedRow, ...]
    warnings: dict[str, str]
    source: dict[str, Any] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """The binding form of `seeding export read --json`, for a file that was read."""
        facts = self.facts
        first, last = (
            facts.select(
                pl.min_horizontal(pl.col("date").min(), pl.col("period_start").min()).alias("a"),
                pl.max_horizontal(pl.col("date").max(), pl.col("period_end").max()).alias("b"),
            ).row(0)
            if facts.height
            else (None, None)
        )
        grains, platforms, currencies = (facts[c].unique().drop_nulls().sort().to_list() for c in ("grain", "platform", "currency"))
        platform = "mixed" if len(platforms) > 1 else platforms[0] if platforms else self.source.get("platform")
        return {
            "status": "ok",
            "platform": platform,
            "currency": currencies[0] if len(currencies) == 1 else "mixed" if currencies else None,
            "currency_basis": "reported" if currencies else "unknown",
            "rows": facts.height,
            "totals_left_out": self.source.get("totals", 0),
            "sums": {
                n: _number(facts[n].sum(), n) if facts[n].count() else None for n in ("spend", "impressions", "clicks", "conversions", "revenue")
            },
            "first_date": first.isoformat() if first else None,
            "last_date": last.isoformat() if last else None,
            "grain": grains[0] if len(grains) == 1 else "mixed" if grains else None,
            "rejects": [{"line": r.line, "column": r.column, "value": shown(r.value), "code": r.code, "message": r.message} for r in self.rejects],
            "warnings": [{"code": code, "message": text} for code, text in self.warnings.items()],
            "reason": None,
            "how_to_export_again": None,
        }


REFUSED: dict[str, Any] = {
    "status": "refused",
    **dict.fromkeys(("platform", "currency", "currency_basis", "first_date", "last_date", "grain")),
    "rows": 0,
    "sums": dict.fromkeys(("spend", "impressions", "clicks", "conversions", "revenue")),
    "rejects": [],
    "warnings": [],
}
"""The same form for a file that was refused; its reason and way out are added."""


def summary_lines(told: dict[str, Any]) -> Iterator[str]:
    """A summary for people."""
    if told["status"] != "ok":
        yield f"Refused: {told['reason']}"
        yield f"What to do: {told['how_to_export_again']}"
        return
    days, currency = f"{told['first_date']} to {told['last_date']}", told["currency"] or "unknown"
    yield f"{told['platform'] or 'plain table'}, {told['rows']:,} rows of {days}, currency {currency}"
    yield "  ".join(f"{name} {value:,.2f}" if value is not None else f"{name} –" for name, value in told["sums"].items())
    for reject in told["rejects"]:
        yield f"rejected: {reject['message']}"
    for warning in told["warnings"]:
        yield f"! {warning['message']}"


def _number(value: Any, name: str) -> float | int:
    return int(value) if name in ("impressions", "clicks") or float(value).is_integer() else float(value)
