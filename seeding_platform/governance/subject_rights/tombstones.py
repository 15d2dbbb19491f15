"""Rows on their way in, without those who were erased: whatever brings them in again, they do not come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.governance.pii.detect import as_read, triggered
from seeding_platform.governance.pii.finders import FINDERS, WEAK_FINDERS
from seeding_platform.governance.subject_rights.matcher import Identifier, Matcher, text_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from seeding_platform.storage.privacy import Tombstones


def without_erased(rows: pl.DataFrame, tenant: str, stones: Tombstones) -> pl.DataFrame:
    """Rows with the identifiers of erased people replaced.

    What a stone stands for is not known any more: values of its label that stand in the rows are hashed and compared, and so are whole cells.

    Args:
        rows: any rows of a tenant.
        tenant: whose they are.
        stones: the tombstones of the installation.
    """
    known = stones.of(tenant)
    if not known or rows.is_empty():
        return rows
    erased = recognised(rows, tenant, known, stones.token)
    return Matcher(erased).erased(rows)[0] if erased else rows


def recognised(rows: pl.DataFrame, tenant: str, known: Mapping[str, Collection[str]], token: Callable[[str, str, str], str]) -> list[Identifier]:
    """Identifiers that stand in rows and that hashes are known of.

    Args:
        rows: any rows of a tenant.
        tenant: whose they are.
        known: hashes by label.
        token: hash of tenant, label and value.
    """
    return [i for label, tokens in known.items() for i in _standing(rows, label) if token(tenant, label, i.value) in tokens]


def _standing(rows: pl.DataFrame, label: str) -> list[Identifier]:
    """Values of a label in any text of the rows, each once."""
    finder = next((f for f in (*FINDERS, *WEAK_FINDERS) if f.label == label), None)
    values: set[str] = set()
    for name in text_columns(rows):
        column = rows[name] if rows.schema[name] == pl.String else rows[name].explode()
        texts = column.drop_nulls().unique()
        cells = texts.filter(texts.str.len_chars() <= _LONGEST).to_list()
        values.update(cells)
        if finder is not None:
            read, _ = as_read(texts)
            values.update(text[span.start : span.end] for _, text in triggered(read, finder) for span in finder.find(text))
    return [Identifier(label, value) for value in sorted(values) if value.strip()]


_LONGEST = 200
"""Letters of a cell that may be an identifier as a whole."""
