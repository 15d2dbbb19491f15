"""What a source could say or bring so that more rows are usable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.quality.recommendations.found import PLACE, Found, previewed, wrong_only_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeding_platform.catalog import TableContract
    from seeding_platform.cleaning.policy import CleaningPolicy

_DAYS = ("%d-%m-%Y", "%d/%m/%Y", "%d.%m.%Y", "%m/%d/%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y%m%d", "%d %b %Y", "%d %B %Y", "%b %d, %Y")
_CLOCKS = ("", " %H:%M", " %H:%M:%S")
FEWEST, MOST = 3, 0.8


def date_formats(quarantined: pl.DataFrame, contract: TableContract) -> Iterator[Found]:
    """Dates and times that were refused and that one form reads, source by source; none where two forms read them differently."""
    if not quarantined.height:
        return
    cells = quarantined.explode("rules", "columns", "values", empty_as_null=True).filter(pl.col("rules").is_in(["not_a_date", "not_a_time"]))
    for (source, column), part in cells.partition_by("_source", "columns", as_dict=True, maintain_order=True).items():
        values = part["values"].drop_nulls().str.strip_chars()
        reads = {form: values.str.to_datetime(form, strict=False) for form in _forms()}
        read = {form: found for form, found in reads.items() if found.count() >= max(FEWEST, MOST * values.len())}
        best = max(read, key=lambda form: read[form].count(), default=None)
        if best is None or any(_differ(read[best], other) for other in read.values()):
            continue
        alone = part.filter(read[best].is_not_null()).join(wrong_only_in(quarantined, contract, str(column)), on=PLACE, how="semi")
        key = "timestamp" if "%H" in best else "date"
        said = f"{read[best].count():,} refused values of {column} from {source} are written {best}"
        preview = previewed([(v, None if r is None else f"{r:%Y-%m-%d %H:%M}") for v, r in zip(values, read[best], strict=True)])
        yield Found(contract.name, "format", str(column), said, alone.height, 0, 0.0, {"source": source, "formats": {key: best}}, preview)


def _forms() -> list[str]:
    return [day + clock for day in _DAYS for clock in _CLOCKS]


def _differ(one: pl.Series, other: pl.Series) -> bool:
    return bool(((one != other) & one.is_not_null() & other.is_not_null()).any())


def unfilled(kept: pl.DataFrame, contract: TableContract, policy: CleaningPolicy) -> Iterator[Found]:
    """Required columns that a source never fills."""
    required = contract.required_columns()
    total = policy.weight_required + policy.weight_filled + policy.weight_consistency
    worth = 100 / total * (policy.weight_required / max(1, len(required)) + policy.weight_filled / len(contract.columns))
    for name in required:
        by = kept.group_by("_source").agg(filled=pl.col(name).count(), rows=pl.len()).filter(pl.col("filled") == 0).sort("_source")
        for source, _, rows in by.iter_rows():
            said = f"{source} never fills {name}, which a complete record has: map one of its columns to it, or give it a constant"
            yield Found(contract.name, "mapping", name, said, 0, int(rows), worth * rows / kept.height)


def references(contract: TableContract, dangling: Mapping[str, int]) -> Iterator[Found]:
    """Rows that point to records which never landed."""
    for said, rows in dangling.items():
        column, _, target = said.partition(" -> ")
        who = f"{rows:,} {'row points' if rows == 1 else 'rows point'} by {column} to records of {target.partition('.')[0]} that are not there"
        yield Found(contract.name, "reference", column, f"{who}: land them, or see why they are quarantined", rows)
