"""Under which label an exception belongs: one row an exception that somebody has labelled."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.models.frames.known import relied_on

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "exception_classification"
REVIEWED = "enrichment_labels"
"""What people said in reviews (`exception_id, label, labelled_at`), where there is any; newer than what had landed."""
_CODE = r"\b[A-Z]{1,5}[-_]?[0-9][A-Za-z0-9_-]*\b|[0-9]+(?:[.,][0-9]+)*|\[[A-Z_]+\]"


def wording(text: str) -> str:
    """A description without what tells only which one it is: codes, numbers, labels of personal data that was taken out, capitals, spaces.

    >>> wording("Order ZB-20007 is 3 days LATE, mail [EMAIL]")
    'order is days late, mail'
    """
    return re.sub(r"\s+", " ", re.sub(_CODE, " ", text)).strip().lower()


def exception_classification_frame(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row an exception with a description and a label; the newest label counts. Exceptions of one wording are one group.

    Returns:
        `description` (its wording), `label`, `wording`, `source`, `raised_at`, `exception_id`, `synthetic`.
    """
    told = relied_on(tables["exception_records"])
    if "description" not in told.collect_schema().names():  # a policy of one's own may drop it
        told = told.with_columns(description=pl.lit(None, dtype=pl.String))
    said = tables["exception_labels"].select("exception_id", "label", "labelled_at")
    if REVIEWED in tables:
        said = pl.concat([said, tables[REVIEWED].select("exception_id", "label", "labelled_at")])
    newest = said.sort("labelled_at").unique("exception_id", keep="last", maintain_order=True).select("exception_id", "label")
    words = pl.col("description").map_elements(wording, return_dtype=pl.String)
    rows = told.filter(pl.col("description").is_not_null()).select("exception_id", "source", "raised_at", "synthetic", description=words)
    found = rows.join(newest, on="exception_id", how="inner").filter(pl.col("description") != "").with_columns(wording="description")
    return found.sort("raised_at", "exception_id").collect()
