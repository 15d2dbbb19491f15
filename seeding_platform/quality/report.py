"""The quality report: one object from the lake's tables, as JSON for programs and as a self-contained page for people."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.cleaning.score import Ratio
from seeding_platform.quality.gate import judged as judged_by
from seeding_platform.quality.standing import accuracy, beside, curve

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from seeding_platform.catalog import TableContract
    from seeding_platform.quality.gate import GatePolicy
    from seeding_platform.quality.standing import Curve, Point
    from seeding_platform.storage.lake import Lake


NOT_MEASURED = Ratio(0, 0)


@dataclass(frozen=True, slots=True)
class TableQuality:
    """One table: `rows_in = kept + merged + quarantined`."""

    table: str
    tenants: tuple[str, ...]
    rows_in: int
    kept: int
    merged: int
    quarantined: int
    repairs: int
    completeness: Ratio
    validity: Ratio
    uniqueness: Ratio
    consistency: Ratio
    confidence: float | None
    score: float | None
    passed: bool
    """The rows in force in the quality layer are these rows."""
    dangling: Mapping[str, int]
    """Per reference, rows that point to nothing."""
    rejects: Mapping[str, int]
    """Quarantined rows by rule; a row that breaks two counts in both."""
    columns: Mapping[str, float]
    """Filled share of each column of the kept rows."""
    accuracy: Ratio = NOT_MEASURED
    """Cells that are those of a reference; nothing to judge without one."""
    curve: Curve | None = None
    """None where the table has too few rows to learn from: its confidence is assumed."""


@dataclass(frozen=True, slots=True)
class QualityReport:
    """All tables that hold or refused rows, and those that wait for a source."""

    tables: tuple[TableQuality, ...]
    waiting: tuple[str, ...]
    trend: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    unusual: tuple[str, ...] = ()
    """Figures of the latest runs that are unlike those before, in words."""
    bias: tuple[Mapping[str, Any], ...] = ()
    """Findings that are biased or that too little speaks for, with n and interval."""
    bias_counts: Mapping[str, int] = field(default_factory=dict)
    recommendations: tuple[Mapping[str, Any], ...] = ()
    seeding: tuple[Mapping[str, Any], ...] | None = None
    """Rows of the seeding experiment; None before it was first run."""

    def as_dict(self) -> dict[str, object]:
        """Plain data: ratios with their value."""
        tables = []
        for table in self.tables:
            plain = asdict(table)
            for name in ("completeness", "validity", "uniqueness", "consistency", "accuracy"):
                plain[name]["value"] = getattr(table, name).value
            tables.append(plain)
        return {
            "tables": tables,
            "waiting": list(self.waiting),
            "trend": {name: [asdict(point) for point in points] for name, points in self.trend.items()},
            "unusual": list(self.unusual),
            "bias": {"counts": dict(self.bias_counts), "told": [dict(row) for row in self.bias]},
            "recommendations": [dict(row) for row in self.recommendations],
            "seeding": None if self.seeding is None else [dict(row) for row in self.seeding],
        }

    def digest(self) -> str:
        """Hash of everything that the report says."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True, default=str).encode()).hexdigest()

    def markdown(self) -> str:
        """A table for Dagster's web UI."""
        head = "| table | in | kept | merged | quarantined | score | confidence | gate |\n|---|--:|--:|--:|--:|--:|--:|---|"
        lines = [
            f"| {t.table} | {t.rows_in:,} | {t.kept:,} | {t.merged:,} | {t.quarantined:,} | {_shown(t.score, 1)} | {_shown(t.confidence, 2)} "
            f"| {'open' if t.passed else 'CLOSED'} |"
            for t in self.tables
        ]
        return "\n".join([head, *lines])


def _shown(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def quality_report(
    lake: Lake, contracts: Sequence[TableContract], *, gates: Callable[[TableContract], GatePolicy], references: Path | None = None
) -> QualityReport:
    """The report over the latest versions of the clean and quality tables.

    Args:
        lake: where they lie.
        contracts: what they are.
        gates: the thresholds of each table's gate.
        references: folder with rows that are known to be right, `<table>.csv` or `.parquet`.
    """
    found, waiting = [], []
    for contract in contracts:
        clean = f"clean/{contract.name}"
        if not lake.exists(clean):
            waiting.append(contract.name)
            continue
        table = _table_quality(lake, contract, gates(contract), references)
        if table.rows_in:
            found.append(table)
        else:
            waiting.append(contract.name)
    return QualityReport(tuple(found), tuple(waiting), **beside(lake))


def _table_quality(lake: Lake, contract: TableContract, gate: GatePolicy, references: Path | None) -> TableQuality:
    name = contract.name
    kept = lake.read(f"clean/{name}").collect()
    quarantine = lake.read(f"clean/{name}__quarantine").select("rules").collect()
    merged, repairs = (_rows(lake, f"clean/{name}__{side}") for side in ("duplicates", "repairs"))
    judged = lake.read(f"quality/{name}").select("confidence").collect() if lake.exists(f"quality/{name}") else None
    rows_in = kept.height + merged + quarantine.height
    required = contract.required_columns()
    filled = sum(kept.height - kept[c].null_count() for c in required)
    rules = quarantine["rules"].explode().drop_nulls().value_counts(sort=True, name="rows")
    completeness, validity = Ratio(filled, len(required) * kept.height), Ratio(rows_in - quarantine.height, rows_in)
    confidence, score = _mean(judged, "confidence", 4) if judged is not None else None, _mean(kept, "quality_score", 2)
    verdict = judged_by(name, completeness=completeness, validity=validity, confidence=confidence, score=score, policy=gate)
    return TableQuality(
        table=name,
        tenants=tuple(sorted(kept["tenant"].unique().to_list())),
        rows_in=rows_in,
        kept=kept.height,
        merged=merged,
        quarantined=quarantine.height,
        repairs=repairs,
        completeness=completeness,
        validity=validity,
        uniqueness=Ratio(kept.height, kept.height + merged),
        consistency=Ratio(int((kept["flags"].list.len() == 0).sum()), kept.height),
        confidence=confidence,
        score=score,
        passed=verdict.is_open and judged is not None and judged.height <= kept.height,
        dangling=dangling_references(lake, contract, kept),
        rejects=dict(sorted(rules.iter_rows(), key=lambda item: (-item[1], item[0]))),
        columns={c: round(1 - kept[c].null_count() / kept.height, 4) for c in contract.columns} if kept.height else {},
        accuracy=accuracy(kept, contract, references),
        curve=curve(lake, name),
    )


def _rows(lake: Lake, table: str) -> int:
    return int(lake.read(table).select(pl.len()).collect().item())


def _mean(frame: pl.DataFrame, column: str, digits: int) -> float | None:
    return None if frame.is_empty() else round(float(frame[column].mean()), digits)  # type: ignore[arg-type]


def dangling_references(lake: Lake, contract: TableContract, kept: pl.DataFrame) -> dict[str, int]:
    """Rows whose reference points to no clean row of the same tenant."""
    found = {}
    for name, column in contract.columns.items():
        if column.references is None:
            continue
        table, target = column.references.split(".")
        given = kept.filter(pl.col(name).is_not_null())
        if given.is_empty() or not lake.exists(f"clean/{table}"):
            continue
        known = lake.read(f"clean/{table}").select("tenant", pl.col(target).alias(name)).unique().collect()
        lost = given.join(known, on=["tenant", name], how="anti").height
        if lost:
            found[f"{name} -> {column.references}"] = lost
    return found


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where a report was written."""

    json: Path
    html: Path


def write_report(report: QualityReport, card: pl.DataFrame, folder: Path, *, now: dt.datetime) -> ReportFiles:
    """Write `quality.json` and `quality.html`, with the scorecard, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    files = ReportFiles(folder / "quality.json", folder / "quality.html")
    _replace(files.json, json.dumps({"made_at": now.isoformat(), "scorecard": card.to_dicts(), **report.as_dict()}, indent=1, default=str))
    _replace(files.html, html_page(report, card, now=now))
    return files


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def html_page(report: QualityReport, card: pl.DataFrame, *, now: dt.datetime) -> str:
    """The report as one page without any outside file."""
    from seeding_platform.quality.page import rendered

    return rendered(report, card.to_dicts(), now=now)
