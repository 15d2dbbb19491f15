"""Where a row comes from: its batch, the file that brought it with its digest, and the line; and the rows that were merged into it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.catalog import LANDED
from seeding_platform.errors import ConfigError, PermanentError

if TYPE_CHECKING:
    from seeding_platform.storage.lake import Lake
    from seeding_platform.storage.state import State

_PLACE = ("tenant", "_source", "_batch", "_row")


@dataclass(frozen=True, slots=True)
class RowOrigin:
    """One record of one file.

    Args:
        tenant: whose it is.
        source: source and stream.
        batch: what brought it.
        row: 0-based record of the batch.
        position: line of the file, or place in it.
        file: name of the file.
        sha256: digest of its bytes; the first letters where the file was never landed as a batch of its own.
        landed_at: when, ISO 8601; None where that is not known.
        merged: it was merged into the row that was asked for.
    """

    tenant: str
    source: str
    batch: str
    row: int
    position: str | None
    file: str
    sha256: str
    landed_at: str | None
    merged: bool = False

    def told(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def row_origins(lake: Lake, state: State, table: str, key: str, *, tenant: str | None = None) -> list[RowOrigin]:
    """The records that a row was made of.

    Args:
        lake: the tables.
        state: what was landed.
        table: `<layer>/<contract>`, or a contract, which means its quality table.
        key: values of the contract's key in its order, parted by commas, or `column=value,...`.
        tenant: only this tenant's rows.

    Raises:
        ConfigError: no such table, or the key does not fit it.
        PermanentError: no such row.
    """
    layer, _, name = table.rpartition("/")
    contract = LANDED.get(name)
    if contract is None or layer not in ("", "raw", "clean", "quality"):
        raise ConfigError(f"There is no table {table!r} with rows of its own.", fix=f"Name a contract: {', '.join(LANDED)}.")
    asked = f"{layer or 'quality'}/{name}"
    wanted = _wanted(key, contract.key, contract.columns)
    rows = lake.read(asked, tenant=tenant).filter(pl.all_horizontal(pl.col(c).cast(pl.String) == v for c, v in wanted.items())).collect()
    if rows.is_empty():
        raise PermanentError(f"{asked} has no row with {key}.", fix=f"`seeding show {asked}` shows those that there are; the quarantine the refused.")
    places = rows.select(_PLACE).with_columns(merged=pl.lit(value=False))
    duplicates = f"clean/{name}__duplicates"
    if layer != "raw" and lake.exists(duplicates):
        survivors = {"survivor_source": "_source", "survivor_batch": "_batch", "survivor_row": "_row"}
        into = (
            lake.read(duplicates)
            .collect()
            .join(rows.select(_PLACE), left_on=["tenant", *survivors], right_on=["tenant", *survivors.values()], how="semi", nulls_equal=True)
        )
        places = pl.concat([places, into.select(_PLACE).with_columns(merged=pl.lit(value=True))])
    return _told(lake, state, f"raw/{name}", places)


def _wanted(key: str, names: tuple[str, ...], columns: Any) -> dict[str, str]:
    parts = [part.strip() for part in key.split(",")]
    if all("=" in part for part in parts):
        told = dict(part.partition("=")[::2] for part in parts)
    elif len(parts) == len(names):
        told = dict(zip(names, parts, strict=True))
    else:
        raise ConfigError(f"The key is {', '.join(names)}.", fix=f"Give {len(names)} values parted by commas, or column=value.")
    if unknown := [c for c in told if c not in columns]:
        raise ConfigError(f"There is no column {', '.join(unknown)}.", fix=f"The key is {', '.join(names)}.")
    return told


def _told(lake: Lake, state: State, raw: str, places: pl.DataFrame) -> list[RowOrigin]:
    if lake.exists(raw):
        known = lake.read(raw).select(*_PLACE, "_position").collect().unique(_PLACE)
        places = places.join(known, on=list(_PLACE), how="left", nulls_equal=True)
    else:
        places = places.with_columns(_position=pl.lit(None, dtype=pl.String))
    landed = {(item.source, item.partition_key): item for item in state.landings()}
    found = []
    for row in places.sort("merged", "_source", "_batch", "_row").iter_rows(named=True):
        file, _, rest = row["_batch"].partition("@")
        item = landed.get((row["_source"], row["_batch"]))
        sha256, at = (item.sha256, item.landed_at.isoformat()) if item else (rest.partition("@")[0], None)
        found.append(RowOrigin(row["tenant"], row["_source"], row["_batch"], row["_row"], row["_position"], file, sha256, at, row["merged"]))
    return found
