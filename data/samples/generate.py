"""Makes the sample files beside it, `planted.json` and `README.md`: `python data/samples/generate.py [folder]`.

Everything is drawn from seeded generators and nothing reads a clock, so a second run writes the same bytes. What the files tell is
written in the modules of `generator/`; here they are only put together and written.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generator import history, market, measurements, shop, social, usage
from generator.readme import readme
from generator.records import SEED, Findings

if TYPE_CHECKING:
    from generator.records import Row, Sample

CSV_STYLE = {
    "posts_nl.csv": (";", "cp1252"),
    "orders_nl.csv": (";", "cp1252"),
    "post_analytics_nl.csv": (";", "utf-8"),
    "ads_meta.csv": (";", "utf-8"),
    "ads_linkedin.csv": ("\t", "utf-8"),
}
"""Delimiter and encoding where they are not comma and UTF-8."""


def build(findings: Findings) -> list[Sample]:
    """All files of the story, every record in its final place."""
    own, own_published = social.own_posts(findings)
    competitors, competitor_published = social.competitor_posts(findings)
    orders, order_facts = shop.orders(findings)
    exceptions = shop.exceptions(order_facts, findings)
    past, labels = history.labelled_history(order_facts, findings)
    samples = [
        social.accounts(),
        social.campaigns(),
        own,
        competitors,
        measurements.own_measurements(own_published, findings),
        measurements.competitor_measurements(competitor_published, findings),
        market.hashtags(),
        *(market.ads(platform, findings) for platform in market.FLIGHTS),
        shop.customers(findings),
        orders,
        exceptions,
        past,
        labels,
        usage.navigation(findings),
        market.benchmarks(),
        usage.workflows(),
    ]
    for sample in samples:
        sample.settle()
        for row, record in enumerate(sample.records):
            if record.label == "slip":
                Findings.note(findings.outliers, sample.contract, "unit_slip_x1000", f"@{sample.file}:{row}")
    return samples


def planted(samples: list[Sample], findings: Findings) -> dict[str, Any]:
    """What is planted, by kind, with keys and counts."""
    contracts = list(dict.fromkeys(s.contract for s in samples))
    by_contract = {c: [s for s in samples if s.contract == c] for c in contracts}

    def keys(contract: str, kind: str) -> list[str]:
        return [k for s in by_contract[contract] for k in s.keys_of(kind)]

    quarantined = {
        c: {reason: [k for s in members for k in s.keys_of("quarantined", reason)] for reason in sorted({x for s in members for x in s.reasons()})}
        for c, members in by_contract.items()
    }
    rows = {c: sum(len(s.records) for s in members) for c, members in by_contract.items()}
    dropped = ("quarantined", "strict_duplicate", "key_duplicate")
    return {
        "seed": SEED,
        "rows": {s.file: len(s.records) for s in samples},
        "contract_rows": rows,
        "expected_kept": {c: rows[c] - sum(len(keys(c, kind)) for kind in dropped) for c in contracts},
        "quarantined_count": {c: len(keys(c, "quarantined")) for c in contracts},
        "quarantined": {c: found for c, found in quarantined.items() if found},
        "strict_duplicates": {c: len(keys(c, "strict_duplicate")) for c in contracts},
        "key_duplicates": {c: len(keys(c, "key_duplicate")) for c in contracts},
        "strict_duplicate_keys": {c: keys(c, "strict_duplicate") for c in contracts if keys(c, "strict_duplicate")},
        "key_duplicate_keys": {c: keys(c, "key_duplicate") for c in contracts if keys(c, "key_duplicate")},
        "repeated_rows_kept": {c: keys(c, "repeated_row_kept") for c in contracts if keys(c, "repeated_row_kept")},
        "near_duplicates": [pair for pairs in findings.near_duplicates.values() for pair in pairs],
        "near_duplicates_by_kind": findings.near_duplicates,
        "paraphrases": findings.paraphrases,
        "hard_negatives": findings.hard_negatives,
        "cross_posts": findings.cross_posts,
        "viral": findings.viral,
        "outliers": findings.outliers,
        "flagged": findings.flagged,
        "personal": findings.personal,
        "exception_labels": findings.exception_labels,
        "label_slips": findings.label_slips,
    }


def _columns(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _csv(rows: list[Row], delimiter: str) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, _columns(rows), delimiter=delimiter, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _excel(rows: list[Row], sheet: str) -> bytes:
    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"created": datetime(2026, 10, 31), "author": "Zwaluwdoos"})
    page = book.add_worksheet(sheet)
    names = _columns(rows)
    for line, cells in enumerate([names, *([row[n] for n in names] for row in rows)]):
        for column, cell in enumerate(cells):
            page.write_string(line, column, cell)
    book.close()
    return out.getvalue()


def content(sample: Sample) -> bytes:
    """One file as bytes; its name says the format."""
    rows = sample.rows()
    if sample.file.endswith(".csv"):
        delimiter, encoding = CSV_STYLE.get(sample.file, (",", "utf-8"))
        return _csv(rows, delimiter).encode(encoding)
    if sample.file.endswith(".xlsx"):
        return _excel(rows, "Campagnes")
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
    return ("[\n" + ",\n".join(lines) + "\n]\n" if sample.file.endswith(".json") else "".join(f"{line}\n" for line in lines)).encode()


def main(folder: Path) -> None:
    """Write everything into `folder`."""
    findings = Findings()
    samples = build(findings)
    facts = planted(samples, findings)
    for sample in samples:
        (folder / sample.file).write_bytes(content(sample))
    (folder / "planted.json").write_bytes((json.dumps(facts, ensure_ascii=False, indent=1) + "\n").encode())
    (folder / "README.md").write_bytes(readme(samples, facts).encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
