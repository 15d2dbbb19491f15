"""A file searched for personal data: spans beside it, never its texts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.cleaning.files import read_table, write_text
from seeding_platform.cleaning.progress import quiet
from seeding_platform.governance.pii.detect import detect_pii

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seeding_platform.cleaning.progress import Progress

_PORTION = 100_000


@dataclass(frozen=True, slots=True)
class Scanned:
    """What was found: rows, rows with a span, spans by label, the commonest first."""

    rows: int
    flagged: int
    labels: Mapping[str, int]


def scan(file: Path, text: str, target: Path, *, weak: bool = False, progress: Progress = quiet) -> Scanned:
    """Write `{"id", "spans": [{"start", "end", "label", "score"}]}` for every row of a file; `id` is the row's own, else its 0-based number.

    Raises:
        ConfigError: the file cannot be read, or there is no such field.
    """
    table = read_table(file, text_columns=(text,), optional=("id",))
    ids = table["id"].to_list() if "id" in table.columns else list(range(table.height))
    lines, labels, flagged = [], pl.Series("label", [], dtype=pl.String), 0
    for begin in range(0, table.height, _PORTION):
        found = detect_pii(table[text].slice(begin, _PORTION), weak=weak)
        spans: dict[int, list[dict[str, object]]] = {}
        for row, start, end, label, score in found.rows():
            spans.setdefault(row, []).append({"start": start, "end": end, "label": label, "score": score})
        rows = range(min(_PORTION, table.height - begin))
        lines += [f'{{"id": {_json(ids[begin + row])}, "spans": {_json(spans[row]) if row in spans else "[]"}}}' for row in rows]
        labels, flagged = labels.extend(found["label"]), flagged + len(spans)
        progress(f"{begin + len(rows):,} of {table.height:,} rows read")
    write_text("".join(f"{line}\n" for line in lines), target)
    counts = labels.value_counts(sort=True)
    return Scanned(table.height, flagged, dict(zip(counts["label"].to_list(), counts["count"].to_list(), strict=True)))


_json = json.JSONEncoder(ensure_ascii=False, default=str).encode
"""One encoder for all rows: making one a row costs more than what it writes."""
