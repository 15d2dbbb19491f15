"""Rules of repair that the rows themselves speak for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.cleaning.mend import rules_of
from seeding_platform.cleaning.score import row_score
from seeding_platform.quality.recommendations.found import PLACE, Found, previewed, wrong_only_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeding_platform.catalog import TableContract
    from seeding_platform.cleaning.policy import CleaningPolicy

HOLDS, FEWEST_ROWS, GROUP, MOST_COLUMNS = 0.97, 100, 5, 14
"""Share of rows that must agree for a dependency, rows that it must be seen in, rows a determinant must have on average, columns tried."""
TOGETHER, WITNESSES = 0.5, 4
"""Correlation of logarithms from which an amount is a witness of another, and how many are asked."""


def closed_lists(quarantined: pl.DataFrame, contract: TableContract, policy: CleaningPolicy) -> Iterator[Found]:
    """Values outside a closed list that are one of its entries misspelt, in rows that nothing else is wrong with."""
    from seeding_platform.cleaning.repair.engine import repair

    cells = quarantined.explode("rules", "columns", "values", empty_as_null=True) if quarantined.height else quarantined
    for name, column in contract.columns.items():
        if column.values is None or not cells.height or _has(contract, policy, "snap", name):
            continue
        broken = cells.filter((pl.col("columns") == name) & (pl.col("rules") == "not_allowed"))
        if not broken.height:
            continue
        rule = {"name": f"{name}_spelt", "kind": "snap", "column": name, "dictionary": list(column.values)}
        changed = repair(broken.select(pl.col("values").alias(name)), [rule]).changed
        if not changed.height:
            continue
        back = broken[changed["row"]].join(wrong_only_in(quarantined, contract, name), on=PLACE, how="semi").height
        said = f"{changed.height:,} refused values of {name} are entries of its closed list, misspelt"
        yield Found(contract.name, "snap", name, said, back, changed.height, 0.0, rule, previewed(changed.select("before", "after").rows()))


def dependencies(kept: pl.DataFrame, contract: TableContract, policy: CleaningPolicy, *, scale: float = 1.0) -> Iterator[Found]:
    """Columns whose value another column decides in nearly all rows, where it would fill gaps or mend exceptions."""
    names = [
        n
        for n, c in contract.columns.items()
        if c.dtype == pl.String and c.personal is None and n not in contract.derived and n != contract.text and n not in contract.key[:1]
    ]
    kinds = {n: kept[n].n_unique() for n in names}
    named = [n for n in names if 2 <= kinds[n] <= kept.height / GROUP][:MOST_COLUMNS]
    best: dict[str, tuple[float, str]] = {}
    for dependent in named:
        for determinant in named:
            if determinant == dependent or kinds[determinant] < kinds[dependent] or _has(contract, policy, "fd", dependent, determinant):
                continue
            holds = _held(kept, determinant, dependent)
            if holds is not None and holds < 1.0 and holds > best.get(dependent, (0.0, ""))[0]:
                best[dependent] = (holds, determinant)
    for dependent, (holds, determinant) in best.items():
        rule = {"name": f"{determinant}_has_{dependent}", "kind": "fd", "column": dependent, "determinant": [determinant]}
        said = f"{determinant} decides {dependent} in {holds:.1%} of the rows that have both".replace("%", " %")
        found = _tried(kept, contract, policy, rule, said, scale)
        if found is not None:
            yield found


def slips(kept: pl.DataFrame, contract: TableContract, policy: CleaningPolicy, *, scale: float = 1.0) -> Iterator[Found]:
    """Amounts a hundred or a thousand times too large for the amounts beside them."""
    amounts = [n for n, c in contract.columns.items() if c.dtype.is_numeric() and c.minimum == 0 and n not in contract.derived]
    logs = kept.select(pl.when(pl.col(n).cast(pl.Float64) > 0).then(pl.col(n).cast(pl.Float64)).log10().alias(n) for n in amounts)
    for name in amounts:
        if _has(contract, policy, "slip", name):
            continue
        beside = [(n, r) for n in amounts if n != name and (r := _correlation(logs, name, n)) >= TOGETHER]
        witnesses = [n for n, _ in sorted(beside, key=lambda item: -item[1])[:WITNESSES]]
        if len(witnesses) < 2:
            continue
        rule = {"name": f"{name}_unit", "kind": "slip", "column": name, "per": witnesses}
        said = f"{name} is a hundred or a thousand times what {' and '.join(witnesses)} speak for"
        found = _tried(kept, contract, policy, rule, said, scale)
        if found is not None:
            yield found


def _tried(kept: pl.DataFrame, contract: TableContract, policy: CleaningPolicy, rule: dict[str, Any], said: str, scale: float) -> Found | None:
    """A rule applied to the rows, tenant by tenant; None where it changes nothing."""
    from seeding_platform.cleaning.repair.engine import repair

    parts = [repair(part, [rule]) for part in kept.partition_by("tenant", maintain_order=True)] if kept.height else []
    changed = pl.concat([p.changed for p in parts]) if parts else None
    if changed is None or not changed.height:
        return None
    after = pl.concat([p.frame for p in parts])
    score = row_score(contract, policy)
    points = (after.select(score.mean()).item() - kept.select(score.mean()).item()) if kept.height else 0.0
    shown = previewed(changed.select("before", "after").rows())
    column, cells = str(rule["column"]), round(changed.height * scale)
    return Found(contract.name, str(rule["kind"]), column, said, 0, cells, max(0.0, float(points)), rule, shown)


def _held(kept: pl.DataFrame, determinant: str, dependent: str) -> float | None:
    """Share of rows that say what most rows with the same determinant say; None where that tells nothing."""
    known = kept.lazy().filter(pl.col(determinant).is_not_null() & pl.col(dependent).is_not_null())
    pairs = known.group_by("tenant", determinant, dependent).agg(n=pl.len())
    groups = pairs.group_by("tenant", determinant).agg(top=pl.col("n").max(), n=pl.col("n").sum()).filter(pl.col("n") >= 3)
    told = groups.select(pl.col("top").sum(), pl.col("n").sum(), groups=pl.len()).collect()
    top, n, count = told.row(0)
    if not n or n < FEWEST_ROWS or n < GROUP * count or n < kept.height / 2:
        return None
    frequent = kept[dependent].drop_nulls().value_counts()["count"].max()
    holds = top / n
    surprising = holds - int(frequent) / kept[dependent].count() > 0.2  # type: ignore[arg-type]
    return holds if holds >= HOLDS and surprising else None


def _correlation(logs: pl.DataFrame, one: str, other: str) -> float:
    both = logs.select(one, other).drop_nulls()
    if both.height < FEWEST_ROWS:
        return 0.0
    found = both.select(pl.corr(one, other, method="spearman")).item()
    return 0.0 if found is None or math.isnan(found) else float(found)


def _has(contract: TableContract, policy: CleaningPolicy, kind: str, column: str, determinant: str = "") -> bool:
    rules = [r for r in (*contract.repairs, *policy.repairs, *rules_of(contract, policy)) if r["kind"] == kind and r["column"] == column]
    return any(not determinant or determinant in _listed(r.get("determinant")) for r in rules)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())
