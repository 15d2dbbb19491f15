"""Pairs of records worth comparing: those that share what few records have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix, hstack

if TYPE_CHECKING:
    from seeding_platform.cleaning.link.records import Comparable, Records

FREQUENT = 200  # a word or value of more records than this brings no pair together
NEAREST = 15  # partners kept of each record, those that share the rarest
_AT_ONCE = 20_000


def candidates(records: Records) -> np.ndarray:
    """Pairs (n, 2) of records, of each record with those that share most of what is rare; a < b, or across the tables."""
    marks = _weighted(hstack([_marks(field) for field in records.fields.values()], format="csr"))
    left, right = marks[: records.split], marks if records.within else marks[records.split :]
    forward = _nearest(left, right)
    if records.within:
        pairs = forward[forward[:, 0] != forward[:, 1]]
    else:
        back = _nearest(right, left)[:, ::-1]
        pairs = np.concatenate([forward, back])
        pairs[:, 1] += records.split
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _marks(field: Comparable) -> csr_matrix:
    """Records x what brings them together: words, whole values, and parts of values that a slip leaves whole."""
    text = pl.Series(field.text)
    halves = text.str.len_chars() // 2
    frame = pl.DataFrame({"row": pl.int_range(len(text), eager=True), "value": text, "half": halves})
    value = pl.col("value")
    parts = [value]
    if field.kind in ("name", "code", "date"):
        joined = value.str.replace_all(r"[ -]", "")
        parts += [pl.format("{}~", joined.str.head(pl.col("half"))), pl.format("~{}", joined.str.tail(pl.col("half"))), pl.format("+{}", joined)]
    told = pl.concat([frame.filter(value.str.len_chars() >= (1 if i == 0 else 4)).select("row", mark=part) for i, part in enumerate(parts)])
    told = told.filter(pl.col("mark") != "").unique()
    column = told["mark"].rank("dense").to_numpy().astype(np.int64) - 1 if told.height else np.zeros(0, dtype=np.int64)
    whole = csr_matrix(
        (np.ones(len(column), dtype=np.float32), (told["row"].to_numpy(), column)), shape=(len(text), int(column.max()) + 1 if len(column) else 1)
    )
    return hstack([field.words, whole], format="csr")


def _weighted(marks: csr_matrix) -> csr_matrix:
    """Weight by rarity; what stands once or too often is dropped."""
    count = np.asarray(marks.sum(axis=0)).ravel()
    useful = (count > 1) & (count <= FREQUENT)
    weight = np.sqrt(np.log(marks.shape[0] / np.maximum(count, 1)) + 1e-6)
    return csr_matrix(marks[:, useful].multiply(weight[useful]))


def _nearest(left: csr_matrix, right: csr_matrix) -> np.ndarray:
    """Pairs of each row of `left` with the `NEAREST` rows of `right` that share most."""
    found, turned = [], right.T.tocsr()
    for start in range(0, left.shape[0], _AT_ONCE):
        shared = (left[start : start + _AT_ONCE] @ turned).tocsr()
        row = np.repeat(np.arange(shared.shape[0]), np.diff(shared.indptr))
        order = np.lexsort((shared.indices, -shared.data, row))
        rank = np.arange(len(order)) - np.repeat(shared.indptr[:-1], np.diff(shared.indptr))
        kept = order[rank <= NEAREST]
        found.append(np.stack([row[kept] + start, shared.indices[kept]], axis=1).astype(np.int64))
    return np.concatenate(found) if found else np.zeros((0, 2), dtype=np.int64)
