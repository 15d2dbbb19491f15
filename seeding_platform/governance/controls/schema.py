"""The table of controls: its form, and nothing else, so that it can be declared without the checks."""

from __future__ import annotations

import polars as pl

CONTROLS_SCHEMA: dict[str, pl.DataType] = {
    "pack": pl.String(),
    "obligation": pl.String(),
    "status": pl.String(),
    "cites": pl.String(),
    "says": pl.String(),
    "lacking": pl.List(pl.String),
    "fix": pl.String(),
    "evidence": pl.String(),
}
"""A row an obligation: what was looked at stands in `evidence` (JSON); `fix` only where it is not met."""
