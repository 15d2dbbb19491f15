"""Two tables as one list of records, their fields in a comparable form."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from seeding_platform.cleaning.link.policy import Kind, LinkPolicy


@dataclass(frozen=True, slots=True)
class Comparable:
    """One field of all records.

    Args:
        kind: how it is compared.
        text: comparable form of each record's value; "" where there is none.
        words: records x words, 1 where the word stands in the value.
    """

    kind: Kind
    text: np.ndarray
    words: csr_matrix


@dataclass(frozen=True, slots=True)
class Records:
    """All records; those of the second table follow those of the first.

    Args:
        ids: their ids as they came, of each table.
        split: how many are of the first table; all of them where there is no second.
        fields: comparable fields by name.
    """

    ids_a: pl.Series
    ids_b: pl.Series
    split: int
    fields: dict[str, Comparable]

    @property
    def within(self) -> bool:
        """Whether there is one table only."""
        return self.split == self.size

    @property
    def size(self) -> int:
        """How many there are."""
        return len(next(iter(self.fields.values())).text)


def records(a: pl.DataFrame, b: pl.DataFrame | None, policy: LinkPolicy) -> Records:
    """Bring both tables into comparable form.

    Raises:
        ConfigError: a column is missing, or an id is null or stands twice in its table.
    """
    tables = [a] if b is None else [a, b]
    for number, table in enumerate(tables):
        _require(table, policy, "the first table" if number == 0 else "the second table")
    fields = {}
    for name, field in policy.fields.items():
        values = pl.concat([table[name].cast(pl.String) for table in tables]).fill_null("")
        text = _code(values) if field.kind in ("code", "date", "number") else plain(values)
        fields[name] = Comparable(field.kind, text.to_numpy(), _words(text))
    return Records(a[policy.id], tables[-1][policy.id], a.height, fields)


def _require(table: pl.DataFrame, policy: LinkPolicy, which: str) -> None:
    missing = [c for c in (policy.id, *policy.fields) if c not in table.columns]
    if missing:
        raise ConfigError(f"{which} has no column {', '.join(missing)}; it has {', '.join(table.columns)}")
    ids = table[policy.id]
    if ids.null_count() or ids.n_unique() < ids.len():
        raise ConfigError(f"column {policy.id} of {which} is null or stands twice in {ids.len() - ids.drop_nulls().n_unique():,} rows")


def plain(values: pl.Series) -> pl.Series:
    """Lower case without accents, apostrophes and mark-up; punctuation as one space."""
    dear = values.str.contains("&", literal=True)
    if dear.any():
        values = values.scatter(dear.arg_true(), [html.unescape(v) for v in values.filter(dear)])
    bare = values.str.normalize("NFKD").str.replace_all(r"[\p{M}'’`´]", "").str.to_lowercase()
    return bare.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()


def _code(values: pl.Series) -> pl.Series:
    return values.str.strip_chars().str.to_lowercase().str.replace_all(r"[\s./_-]+", "-").str.replace(r"-?0$", "0").str.strip_chars("-")


def _words(text: pl.Series) -> csr_matrix:
    said = (
        pl.DataFrame({"row": pl.int_range(len(text), eager=True), "word": text.str.split(" ")}).explode("word").filter(pl.col("word") != "").unique()
    )
    column = said["word"].rank("dense").to_numpy().astype(np.int64) - 1 if said.height else np.zeros(0, dtype=np.int64)
    shape = (len(text), int(column.max()) + 1 if len(column) else 1)
    return csr_matrix((np.ones(len(column), dtype=np.float32), (said["row"].to_numpy(), column)), shape=shape)
