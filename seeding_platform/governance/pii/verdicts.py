"""What is told about a column: the form of a verdict."""

from __future__ import annotations

import polars as pl

VERDICTS: dict[str, pl.DataType] = {
    "column": pl.String(),
    "verdict": pl.String(),
    "label": pl.String(),
    "share": pl.Float64(),
    "values": pl.Int64(),
    "of": pl.Int64(),
    "header": pl.String(),
    "evidence": pl.String(),
    "detector": pl.String(),
}
"""A row a column: `personal`, `suspected`, `texts` (personal data stands in some of its texts) or `none`; the label; the share of its distinct values
that are one, with numerator and denominator; what its name says; why, in words; which detector judged."""

TABLE_VERDICTS: dict[str, pl.DataType] = {"table": pl.String(), "version": pl.Int64(), **VERDICTS}
"""Verdicts on the columns of many tables, each at a version."""
