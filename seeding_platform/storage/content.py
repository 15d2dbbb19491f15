"""What a table contains, as hashes: one that others can compute again, and one that is cheap.

`content_sha256` is a binding form (scripts compare it); `fingerprint` only decides whether a write would change anything.
"""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import json
import math
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection

PROCESSING_COLUMNS = frozenset({"_batch", "_landed_at", "_valid_from", "_valid_to"})
"""Lineage that says how rows came in, not what they are."""
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def fingerprint(frame: pl.DataFrame) -> str:
    """128-bit digest of rows and schema that does not depend on row order or landing time; stable within one Polars version.

    A Polars upgrade changes it, which costs one rewrite of each table and nothing else.

    >>> a = pl.DataFrame({"x": [1, 2], "y": [["p"], []]})
    >>> fingerprint(a) == fingerprint(a.reverse()), fingerprint(a) == fingerprint(a.head(1))
    (True, False)
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps([pl.__version__, sorted((name, str(dtype)) for name, dtype in frame.schema.items())]).encode())
    ordered = frame.select(sorted(set(frame.columns) - {"_landed_at", "_valid_from"}))
    if ordered.width:
        for seed in (1, 2):
            digest.update(ordered.hash_rows(seed).sort().to_numpy().tobytes())
    return digest.hexdigest()


def content_sha256(frame: pl.DataFrame, *, without: Collection[str] = PROCESSING_COLUMNS) -> str:
    """Sha256 over the sorted sha256 of each row's canonical JSON, columns sorted by name.

    Canonical JSON: keys sorted, no spaces, UTF-8 unescaped; decimals as plain strings, times as ISO 8601 UTC with `Z`,
    dates as ISO 8601, bytes as hex, NaN and infinities as strings. Neither row order nor the columns in `without` count.

    >>> content_sha256(pl.DataFrame({"a": [1, 2], "_batch": ["x", "y"]})) == content_sha256(pl.DataFrame({"a": [2, 1]}))
    True
    """
    kept = frame.select(sorted(set(frame.columns) - set(without)))
    odd = [name for name in kept.columns if not _is_plain(kept[name])]
    digests = []
    for row in kept.iter_rows(named=True):
        for name in odd:
            row[name] = plain(row[name])
        digests.append(hashlib.sha256(_ENCODER.encode(row).encode()).digest())
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def _is_plain(column: pl.Series) -> bool:
    """Whether JSON can hold a column's values as they are."""
    if column.dtype.is_float():
        return bool(column.is_finite().all())  # of what is not null
    return column.dtype.is_integer() or column.dtype in (pl.String, pl.Boolean)


def canonical_json(value: object) -> bytes:
    """A value as canonical JSON; see `content_sha256`.

    >>> canonical_json({"b": decimal.Decimal("1.50"), "a": dt.date(2026, 1, 2)})
    b'{"a":"2026-01-02","b":"1.50"}'
    """
    return _ENCODER.encode(plain(value)).encode()


def plain(value: object) -> object:
    """A value of a cell as JSON can hold it; see `content_sha256` for the forms."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, dt.datetime):
        zoned = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
        return zoned.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, pl.Series)):
        return [plain(item) for item in value]
    return str(value)
