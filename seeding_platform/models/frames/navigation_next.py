"""Which page somebody goes to next: one row a step of a session that was followed by another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.models.frames.known import local, relied_on

if TYPE_CHECKING:
    from collections.abc import Mapping


def navigation_next_frame(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row a step with a next one, at the moment when its page was opened.

    How long somebody stays on the page itself is known only when they leave it, and is no feature.

    Returns:
        The features, `next_page`, `at`, `session_id`, `synthetic`.
    """
    steps = relied_on(tables["navigation_events"]).sort("session_id", "seq")

    def step(name: str, by: int) -> pl.Expr:
        """A column of the session `by` steps later (earlier below 0); null across a gap."""
        near = pl.col("seq").shift(-by).over("session_id") == pl.col("seq") + by
        return pl.when(near).then(pl.col(name).shift(-by).over("session_id"))

    told = steps.select(
        "session_id",
        "at",
        "synthetic",
        "page",
        "role",
        "device",
        page_before=step("page", -1),
        page_before_that=step("page", -2),
        gap_seconds=(pl.col("at") - step("at", -1)).dt.total_seconds().cast(pl.Float64),
        dwell_before=step("dwell_ms", -1).cast(pl.Float64) / 1000.0,
        step=pl.col("seq"),
        hour=local(pl.col("at")).dt.hour(),
        next_page=step("page", 1),
    )
    return told.filter(pl.col("next_page").is_not_null()).sort("at", "session_id", "step").collect()
