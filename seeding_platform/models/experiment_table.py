"""Seeding experiments as a table: one row a tenant, model and number of own labels; one without a number where it could not be run."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from seeding_platform.models.seeding_experiment import SeedingExperiment

EXPERIMENTS: dict[str, pl.DataType] = {
    "tenant": pl.String(),
    "model": pl.String(),
    "metric": pl.String(),
    "direction": pl.String(),
    "labels": pl.Int64(),
    "draws": pl.Int64(),
    "cold": pl.Float64(),
    "warm": pl.Float64(),
    "gain": pl.Float64(),
    "ci_low": pl.Float64(),
    "ci_high": pl.Float64(),
    "cold_cpu_s": pl.Float64(),
    "warm_cpu_s": pl.Float64(),
    "seed_alone": pl.Float64(),
    "floor": pl.Float64(),
    "cold_needs": pl.Int64(),
    "warm_needs": pl.Int64(),
    "own_rows": pl.Int64(),
    "held_out": pl.Int64(),
    "seed_rows": pl.Int64(),
    "left_out": pl.Int64(),
    "says": pl.String(),
    "at": pl.Datetime("us", "UTC"),
}


def experiments_table(found: Mapping[tuple[str, str], SeedingExperiment], *, at: dt.datetime) -> pl.DataFrame:
    """Experiments by (tenant, model) as `EXPERIMENTS`."""
    rows = []
    for (tenant, model), one in sorted(found.items()):
        shared = {k: v for k, v in asdict(one).items() if k != "rungs"} | {"tenant": tenant, "model": model, "at": at}
        rows += [shared | asdict(rung) for rung in one.rungs] or [shared]
    return pl.DataFrame([{name: row.get(name) for name in EXPERIMENTS} for row in rows], schema=EXPERIMENTS)
