"""Rows in shares by the hash of their key: keys are compared share by share, since one table of all of them takes more memory than the rows.

Rows with one key are in one share, of whichever frame they are; a null is a value like any other.
"""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROWS = 100_000
"""Rows of a share, about."""
ROW = "\x00row"
"""Column with the place of a row in its frame."""


def in_shares(frames: Sequence[pl.DataFrame], key: Sequence[str]) -> Iterator[list[pl.DataFrame]]:
    """The frames share by share, each row with its place; at least one share.

    >>> [[part.height for part in share] for share in in_shares([pl.DataFrame({"k": [1, 2]}), pl.DataFrame({"k": [3]})], ["k"])]
    [[2, 1]]
    """
    number = max(1, -(-max(frame.height for frame in frames) // ROWS))
    placed = [frame.with_row_index(ROW) for frame in frames]
    if number == 1:
        yield placed
        return
    mixed = functools.reduce(operator.xor, (pl.col(name).hash(seed) for seed, name in enumerate(key)))
    of = [frame.select((mixed % number).cast(pl.UInt32)).to_series() for frame in frames]
    for share in range(number):
        yield [frame.filter(mine == share) for frame, mine in zip(placed, of, strict=True)]


def first_repeat(rows: pl.DataFrame, key: Sequence[str]) -> int | None:
    """The first row whose key another row has too.

    >>> first_repeat(pl.DataFrame({"k": ["b", "a", "b"]}), ["k"]), first_repeat(pl.DataFrame({"k": ["a", None]}), ["k"])
    (0, None)
    """
    found = [some.filter(pl.struct(key).is_duplicated())[ROW].min() for (some,) in in_shares([rows.select(key)], key)]
    return min((row for row in found if isinstance(row, int)), default=None)
