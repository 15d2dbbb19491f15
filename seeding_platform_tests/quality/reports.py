"""Quality reports by hand: a test says the facts that matter, the rest has plain defaults."""

import datetime as dt
from typing import Any

from seeding_platform.catalog import TABLES
from seeding_platform.cleaning.score import Ratio
from seeding_platform.quality.report import QualityReport, TableQuality

NOW = dt.datetime(2026, 11, 20, 9, 35, tzinfo=dt.UTC)


def table(name: str, *, kept: int = 90, merged: int = 4, quarantined: int = 6, **more: Any) -> TableQuality:
    rows_in = kept + merged + quarantined
    contract = TABLES.get(name)
    facts: dict[str, Any] = {
        "tenants": ("acme",),
        "repairs": 3,
        "completeness": Ratio(4 * kept, 4 * kept),
        "validity": Ratio(rows_in - quarantined, rows_in),
        "uniqueness": Ratio(kept, kept + merged),
        "consistency": Ratio(kept, kept),
        "confidence": 0.98 if kept else None,
        "score": 97.5 if kept else None,
        "passed": True,
        "dangling": {},
        "rejects": {"missing": quarantined} if quarantined else {},
        "columns": {c: 1.0 for c in contract.columns} if contract and kept else {},
    }
    return TableQuality(table=name, rows_in=rows_in, kept=kept, merged=merged, quarantined=quarantined, **{**facts, **more})


def report(*tables: TableQuality, waiting: tuple[str, ...] = ()) -> QualityReport:
    return QualityReport(tables, waiting)


def full_report() -> QualityReport:
    """Every landed table with rows, one closed, one without kept rows, dangling references and long names."""
    from seeding_platform.catalog import LANDED

    names = list(LANDED)
    odd = {
        names[0]: {"passed": False, "score": 71.2, "rejects": {f"rule_number_{i}_holds_for_every_row": i + 1 for i in range(14)}},
        names[1]: {"kept": 0},
        names[2]: {"dangling": {"campaign_id -> campaigns.campaign_id": 1234567}, "columns": dict.fromkeys(TABLES[names[2]].columns, 0.5)},
        names[3]: {"kept": 123_456_789, "merged": 2_345_678, "quarantined": 345_678},
    }
    return report(*(table(name, **odd.get(name, {})) for name in names), waiting=("decisions",))
