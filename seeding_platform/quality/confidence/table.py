"""A calibration as a small table, which is how it is kept, and back."""

from __future__ import annotations

import math

import polars as pl

from seeding_platform.quality.confidence.calibration import Calibration, Step
from seeding_platform.quality.confidence.errors import VERSION
from seeding_platform.quality.confidence.reliability import Reliability

CALIBRATION: dict[str, pl.DataType] = {
    "part": pl.String(),
    "name": pl.String(),
    "value": pl.Float64(),
    "right": pl.Float64(),
    "wrong": pl.Float64(),
    "n": pl.Int64(),
}
"""`part` = about (`name`: what it was made by; `value`: share of wrong records that are quarantined; `right`: calibration error on records held
out), weight (of factor `name`), step (`value`: least geometric mean; `right`, `wrong`: share of such records that lie here), bin (of records
held out; `value`: stated, `right`: observed)."""


def made_of(fingerprint: str, rows: int) -> str:
    """What a calibration depends on: contract, policy, catalogue of errors, and the size of the table to a factor of two."""
    return f"{fingerprint}/{VERSION}/{int(math.log2(rows)) if rows else 0}"


def as_table(calibration: Calibration, made: str) -> pl.DataFrame:
    """The rows to keep.

    Args:
        calibration: what was learned.
        made: what it was made by (`made_of`).
    """
    held = calibration.held_out
    rows: list[tuple[str, str, float | None, float | None, float | None, int | None]] = [
        ("about", made, calibration.refused, None if held is None else held.ece, None, calibration.rows)
    ]
    rows += [("weight", name, weight, None, None, None) for name, weight in calibration.weights.items()]
    rows += [("step", "", s.least, s.right, s.wrong, s.rows) for s in calibration.steps]
    rows += [("bin", "", stated, right, None, n) for stated, right, n in (held.bins.rows() if held else ())]
    return pl.DataFrame(rows, schema=CALIBRATION, orient="row").with_columns(pl.col(pl.Float64).round(9))


def from_table(table: pl.DataFrame) -> Calibration:
    """What was kept."""
    parts = {part: table.filter(pl.col("part") == part) for part in ("about", "weight", "step", "bin")}
    about = parts["about"].row(0, named=True)
    bins = parts["bin"].select(confidence="value", right="right", n="n")
    held = Reliability(bins, about["right"], int(bins["n"].sum())) if bins.height else None
    steps = tuple(Step(*row) for row in parts["step"].select("value", "right", "wrong", "n").iter_rows())
    return Calibration(dict(parts["weight"].select("name", "value").iter_rows()), steps, about["value"], about["n"], held)


def made(table: pl.DataFrame) -> str:
    """What a kept calibration was made by."""
    return str(table.filter(pl.col("part") == "about")["name"][0])
