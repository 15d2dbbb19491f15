"""What a deduplication found that the next one need not find again; the result is the same as without it.

Three things are kept. The normal form of each text: what a text is like does not depend on the others. The verdict on each pair that was looked
at, with a sign of what it hung on (the weights of the words of both texts): as long as no new text has changed one of those, it holds. And the
clusters themselves: as long as there are the same texts as often as before, they hold as they are.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

FORM: dict[str, pl.DataType] = {"body": pl.String(), "link": pl.String(), "tail": pl.String(), "cut": pl.Boolean()}
TEXTS: dict[str, pl.DataType] = {
    "mark": pl.UInt64(),
    "bytes": pl.UInt32(),
    "times": pl.UInt32(),
    "key": pl.UInt64(),
    **FORM,
    "near": pl.Int64(),
    "cluster": pl.Int64(),
    "likeness": pl.Float64(),
}
PAIRS: dict[str, pl.DataType] = {
    "one": pl.UInt64(),
    "other": pl.UInt64(),
    "sign_one": pl.UInt64(),
    "sign_other": pl.UInt64(),
    "verdict": pl.Int64(),
    "similarity": pl.Float64(),
}
TABLE = {
    "made_by": pl.String(),
    "what": pl.String(),
    **{name: pl.Int64() if dtype in (pl.UInt64(), pl.UInt32()) else dtype for name, dtype in (TEXTS | PAIRS).items()},
}
"""Columns of the table that an index is kept as: a row a text or a pair. The lake has no unsigned numbers."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the texts of one tenant.

    Args:
        texts: a row a distinct text: hash, length and number of its rows, its normal form, and where it ended.
        pairs: a row a pair of normal forms that was looked at.
        mode: the mode that the clusters were found in.
    """

    texts: pl.DataFrame
    pairs: pl.DataFrame
    mode: str

    @classmethod
    def nothing(cls) -> Known:
        """Nothing is known yet."""
        return cls(pl.DataFrame(schema=TEXTS), pl.DataFrame(schema=PAIRS), "")

    @classmethod
    def read(cls, table: pl.DataFrame) -> Known:
        """What a table holds; nothing if another version of the code or of its libraries made it."""
        made = table["made_by"].unique().to_list()
        version, _, mode = made[0].rpartition(" ") if len(made) == 1 else ("", "", "")
        if version != made_by():
            return cls.nothing()
        texts, pairs = (table.filter(pl.col("what") == what).select(_unsigned(schema)) for what, schema in (("text", TEXTS), ("pair", PAIRS)))
        return cls(texts, pairs, mode)

    def table(self) -> pl.DataFrame:
        """One table of it all, in a fixed order."""
        parts = [
            frame.sort(order).select(pl.lit(what).alias("what"), *_signed(frame.schema))
            for what, frame, order in (("text", self.texts, ["mark", "bytes"]), ("pair", self.pairs, ["one", "other"]))
        ]
        whole = pl.concat(parts, how="diagonal").with_columns(made_by=pl.lit(f"{made_by()} {self.mode}"))
        return whole.select(pl.col(name).cast(dtype) for name, dtype in TABLE.items())


def _signed(schema: dict[str, pl.DataType] | pl.Schema) -> list[pl.Expr]:
    return [
        pl.col(n).reinterpret(signed=True) if t == pl.UInt64 else pl.col(n).cast(pl.Int64) if t == pl.UInt32 else pl.col(n) for n, t in schema.items()
    ]


def _unsigned(schema: dict[str, pl.DataType]) -> list[pl.Expr]:
    return [pl.col(n).reinterpret(signed=False) if t == pl.UInt64 else pl.col(n).cast(t) for n, t in schema.items()]


@cache
def made_by() -> str:
    """Which code and which hashes made an index: another version of either starts anew."""
    code = hashlib.blake2b(digest_size=8)
    for file in sorted(Path(__file__).parent.glob("*.py")):
        code.update(file.read_bytes())
    return f"polars-{pl.__version__} {code.hexdigest()}"
