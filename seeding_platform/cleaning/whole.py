"""A file cleaned by a contract, from reading to a report."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from seeding_platform.catalog import LANDED
from seeding_platform.cleaning.clean import clean
from seeding_platform.cleaning.files import read_table, write_table, write_text
from seeding_platform.cleaning.intake import as_raw
from seeding_platform.cleaning.names import nearest
from seeding_platform.cleaning.policies import SHIPPED, checked, fingerprint, read_entries
from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from pathlib import Path

    import polars as pl

    from seeding_platform.cleaning.clean import CleaningResult
    from seeding_platform.cleaning.intake import Intake, Order
    from seeding_platform.cleaning.score import Ratio


def clean_file(
    file: Path,
    contract: str,
    folder: Path,
    *,
    policy: Path | None = None,
    dates: Order | None = None,
    timezone: str = "UTC",
    tenant: str = "default",
    now: dt.datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Clean a file and write `kept`, `quarantined`, `duplicates`, `repairs`, `clusters` (Parquet) and `report.json`.

    Args:
        file: CSV, TSV, Parquet or JSON lines, also gzipped.
        contract: name of the contract.
        folder: where the results are written.
        policy: entries in place of those of the contract's policy.
        dates: how dates are read that can be read both ways.
        timezone: IANA zone of times without an offset.
        tenant: whose data it is, where the file does not say.
        now: the moment that timeliness is judged at.
        progress: is told a line at each step.

    Returns:
        The report.

    Raises:
        ConfigError: the contract is unknown, or file or policy cannot be used with it.
    """
    if contract not in LANDED:
        near = nearest(contract, LANDED)
        raise ConfigError(f"there is no contract {contract!r}; there are {', '.join(LANDED)}.", fix=f"Did you mean {near}?" if near else "")
    table = LANDED[contract]
    shipped = SHIPPED / f"{contract}.yaml"
    entries = (read_entries(shipped) if shipped.is_file() else {}) | (read_entries(policy) if policy else {})
    rules = checked(entries, table, where=policy.name if policy else shipped.name)
    frame = read_table(file)
    progress(f"{frame.height:,} rows read from {file.name}")
    taken = as_raw(frame, table, source=file.name, tenant=tenant, dates=dates, timezone=timezone)
    progress(
        f"{frame.width - len(taken.unused)} of {frame.width} columns belong to {contract}"
        + (f"; not used: {', '.join(taken.unused)}" if taken.unused else "")
    )
    result = clean(taken.rows, table, rules, now=now, progress=progress)
    report = _report(result, taken, contract, fingerprint(table, rules))
    for name in ("kept", "quarantined", "duplicates", "repairs", "clusters"):
        write_table(getattr(result, name), folder / f"{name}.parquet")
    write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", folder / "report.json")
    return report


def _report(result: CleaningResult, taken: Intake, contract: str, version: str) -> dict[str, Any]:
    score = result.score
    return {
        "contract": contract,
        "policy": version,
        "rows": {
            "in": result.rows_in,
            "kept": result.kept.height,
            "merged": result.duplicates.height,
            "quarantined": result.quarantined.height,
        },
        "score": score.score,
        "ratios": {f.name: _told(getattr(score, f.name)) for f in dataclasses.fields(score) if f.name != "score"},
        "rejected_by_rule": _counts(result.quarantined["rules"].explode(empty_as_null=False)),
        "repaired_by_rule": _counts(result.repairs["rule"]),
        "flagged_by_rule": _counts(result.kept["flags"].explode(empty_as_null=False)),
        "clusters": {"clusters": result.clusters["cluster_id"].n_unique(), "rows": result.clusters.height},
        "columns": [dataclasses.asdict(decision) for decision in taken.decisions],
        "unused_columns": list(taken.unused),
    }


def _told(ratio: Ratio) -> dict[str, float | int | None]:
    return {"value": ratio.value, "numerator": ratio.numerator, "denominator": ratio.denominator}


def _counts(names: pl.Series) -> dict[str, int]:
    return dict(names.drop_nulls().alias("name").value_counts(name="n").sort("n", "name", descending=[True, False]).rows())
