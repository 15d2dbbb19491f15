"""What of a row's own words is told to people: no value of a personal column (`cleaned`), and in all others nothing that detectors find.

Handles and VAT numbers stay, as they do behind the gate. A cell that should have been a number or a day and is a sentence is told as its notation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.connectors.shown import shown, wordy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeding_platform.catalog import TableContract

PUBLIC = frozenset({"HANDLE", "VAT_ID"})


def texts_told(texts: Sequence[str]) -> list[str]:
    """Texts with what detectors find in them replaced by its label.

    >>> texts_told(["mail jan@example.nl or ask @shop"])
    ['mail [EMAIL] or ask @shop']
    """
    from seeding_platform.governance.pii import detect_pii, redacted

    given = pl.Series(texts, dtype=pl.String)
    spans = detect_pii(given).filter(~pl.col("label").is_in(list(PUBLIC)))
    return redacted(given, spans=spans).to_list()


def cells_told(contract: TableContract, cells: Sequence[tuple[str, str | None]]) -> list[str | None]:
    """Cells as (column, value), as far as they are told."""
    typed = [column in contract.columns and contract.columns[column].dtype != pl.String for column, _ in cells]
    told = texts_told([value or "" for _, value in cells])
    full = [shown(text) if is_typed and wordy(text) else text for text, is_typed in zip(told, typed, strict=True)]
    return [None if value is None else text for (_, value), text in zip(cells, full, strict=True)]
