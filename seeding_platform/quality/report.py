"""The quality report: one object from the lake's tables, as JSON for programs and as a self-contained page for people."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.cleaning.score import Ratio
from seeding_platform.quality.gate import judged as judged_by

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from seeding_platform.catalog import TableContract
    from seeding_platform.quality.gate import GatePolicy
    from seeding_platform.storage.lake import Lake

SCORE_TARGET = 85.0


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


@dataclass(frozen=True, slots=True)
class QualityReport:
    """All tables that hold or refused rows, and those that wait for a source."""

    tables: tuple[TableQuality, ...]
    waiting: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Plain data: ratios with their value."""
        tables = []
        for table in self.tables:
            plain = asdict(table)
            for name in ("completeness", "validity", "uniqueness", "consistency"):
                plain[name]["value"] = getattr(table, name).value
            tables.append(plain)
        return {"tables": tables, "waiting": list(self.waiting)}

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


def quality_report(lake: Lake, contracts: Sequence[TableContract], *, gates: Callable[[TableContract], GatePolicy]) -> QualityReport:
    """The report over the latest versions of the clean and quality tables.

    Args:
        lake: where they lie.
        contracts: what they are.
        gates: the thresholds of each table's gate.
    """
    found, waiting = [], []
    for contract in contracts:
        clean = f"clean/{contract.name}"
        if not lake.exists(clean):
            waiting.append(contract.name)
            continue
        table = _table_quality(lake, contract, gates(contract))
        if table.rows_in:
            found.append(table)
        else:
            waiting.append(contract.name)
    return QualityReport(tuple(found), tuple(waiting))


def _table_quality(lake: Lake, contract: TableContract, gate: GatePolicy) -> TableQuality:
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
        dangling=_dangling(lake, contract, kept),
        rejects=dict(sorted(rules.iter_rows(), key=lambda item: (-item[1], item[0]))),
        columns={c: round(1 - kept[c].null_count() / kept.height, 4) for c in contract.columns} if kept.height else {},
    )


def _rows(lake: Lake, table: str) -> int:
    return int(lake.read(table).select(pl.len()).collect().item())


def _mean(frame: pl.DataFrame, column: str, digits: int) -> float | None:
    return None if frame.is_empty() else round(float(frame[column].mean()), digits)  # type: ignore[arg-type]


def _dangling(lake: Lake, contract: TableContract, kept: pl.DataFrame) -> dict[str, int]:
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


def scorecard(report: QualityReport) -> pl.DataFrame:
    """Each target with value, numerator and denominator, or why it is not measured."""
    rows: list[tuple[str, float, float | None, int | None, int | None, str, str]] = []
    filled = sum(t.completeness.numerator for t in report.tables)
    cells = sum(t.completeness.denominator for t in report.tables)
    kept = sum(t.kept for t in report.tables)
    rows.append(("completeness", 0.80, filled / cells if cells else None, filled, cells, *_state(cells, "filled required cells of kept rows")))
    confident = [(t.confidence, t.kept) for t in report.tables if t.confidence is not None]
    mean = sum(c * n for c, n in confident) / sum(n for _, n in confident) if confident else None
    rows.append(("confidence", 0.70, mean, None, kept, *_state(len(confident), "mean over kept rows; estimated, not calibrated")))
    scored = [(t.score, t.kept) for t in report.tables if t.score is not None]
    score = sum(s * n for s, n in scored) / sum(n for _, n in scored) if scored else None
    rows.append(("quality_score", SCORE_TARGET, score, None, kept, *_state(len(scored), "mean row score of kept rows")))
    rows.append(("accuracy", 0.95, None, None, None, "not_measured", "no reference data to compare with"))
    schema = {
        "target": pl.String,
        "wanted": pl.Float64,
        "value": pl.Float64,
        "numerator": pl.Int64,
        "denominator": pl.Int64,
        "state": pl.String,
        "method": pl.String,
    }
    card = pl.DataFrame(rows, schema=schema, orient="row")
    met = pl.when(pl.col("value") >= pl.col("wanted")).then(pl.lit("met")).otherwise(pl.lit("not_met"))
    return card.with_columns(state=pl.when(pl.col("state") == "measured").then(met).otherwise(pl.col("state")), value=pl.col("value").round(4))


def _state(basis: int, method: str) -> tuple[str, str]:
    return ("measured", method) if basis else ("not_measured", "no rows yet")


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where a report was written."""

    json: Path
    html: Path


def write_report(report: QualityReport, folder: Path, *, now: dt.datetime) -> ReportFiles:
    """Write `quality.json` and `quality.html`, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    files = ReportFiles(folder / "quality.json", folder / "quality.html")
    _replace(files.json, json.dumps({"made_at": now.isoformat(), **report.as_dict()}, indent=1, default=str))
    _replace(files.html, html_page(report, now=now))
    return files


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def html_page(report: QualityReport, *, now: dt.datetime) -> str:
    """The report as one page without any outside file."""
    from seeding_platform.quality.page import rendered

    return rendered(report, scorecard(report).to_dicts(), now=now)
