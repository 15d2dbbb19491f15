"""Bundles as tables of Delta Sharing: a tenant is a share, a family of engines a schema, an engine a table, its generation the version.

Engines whose bundle is not Parquet are no tables here. The forms are those of delta-io/delta-sharing, PROTOCOL.md (response format `parquet`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.catalog.engine import BundleFormat, FieldType, shipped_engines
from seeding_platform.distribution.bundle import engine_folder
from seeding_platform.distribution.manifest import BundleInvalid
from seeding_platform.distribution.pull import BundleRecalled, NoSuchBundle, fetched
from seeding_platform.distribution.verify import read_pointer
from seeding_platform.storage.recalls import recalled, recalled_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seeding_platform.catalog.engine import EngineField
    from seeding_platform.distribution.manifest import BundleFile, Manifest
    from seeding_platform.distribution.pull import Fetched

_TYPES: dict[FieldType, Any] = {
    FieldType.STRING: "string",
    FieldType.INT: "long",
    FieldType.FLOAT: "double",
    FieldType.BOOL: "boolean",
    FieldType.DATE: "date",
    FieldType.TIMESTAMP: "timestamp",
    FieldType.STRINGS: {"type": "array", "elementType": "string", "containsNull": True},
    FieldType.FLOATS: {"type": "array", "elementType": "double", "containsNull": True},
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is shared.

    Args:
        share: the tenant.
        schema: the family.
        name: the engine.
    """

    share: str
    schema: str
    name: str

    def as_item(self) -> dict[str, str]:
        """As it is listed."""
        named = f"{self.share}/{self.schema}/{self.name}"
        return {"name": self.name, "schema": self.schema, "share": self.share, "shareId": stable_id(self.share), "id": stable_id(named)}


def stable_id(named: str) -> str:
    """An id that never changes, in the form of a UUID."""
    digest = hashlib.sha256(f"delta-sharing {named}".encode()).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))


def shared_tables(root: Path, tenant: str) -> list[Table]:
    """The tables of a tenant: engines of which a bundle in Parquet is in force, sorted by schema and name."""
    found = []
    for engine in shipped_engines().values():
        try:
            bundle = in_force(root, tenant, engine.name)
        except (NoSuchBundle, BundleRecalled, BundleInvalid):
            continue  # nothing to read; of one that is damaged `failed_distributions` tells
        if bundle.manifest.format is BundleFormat.PARQUET:
            found.append(Table(tenant, str(engine.family), engine.name))
    return sorted(found, key=lambda t: (t.schema, t.name))


def in_force(root: Path, tenant: str, engine: str) -> Fetched:
    """The bundle of an engine that is in force.

    Raises:
        NoSuchBundle: there is none yet.
        BundleRecalled: the last one was recalled, and none took its place.
    """
    folder = engine_folder(root, tenant, engine)
    pointer = read_pointer(folder) if folder.is_dir() else None
    if pointer is not None and recalled(folder / pointer.folder) is None:
        return fetched(root, tenant, engine, pointer.generation)
    gone = recalled_in(folder)
    if gone:
        raise BundleRecalled(gone[-1], None)
    raise NoSuchBundle(f"{engine} has no bundle yet.", fix="It is made when its inputs have rows.")


def table_bundle(root: Path, table: Table, version: int | None = None, *, content_id: str | None = None) -> Fetched:
    """What a table holds: what is in force, or what a generation held, of which the content may be known.

    Raises:
        NoSuchBundle: there is no such table, or it has no such version.
        BundleRecalled: that bundle was recalled.
    """
    engine = shipped_engines().get(table.name)
    if engine is None or str(engine.family) != table.schema:
        raise NoSuchBundle(f"There is no table {table.schema}.{table.name}.", fix="List them with all-tables.")
    bundle = in_force(root, table.share, table.name) if version is None else fetched(root, table.share, table.name, version, content_id=content_id)
    if bundle.manifest.format is not BundleFormat.PARQUET:
        raise NoSuchBundle(f"{table.name} is written as {bundle.manifest.format}, and is no table here.", fix="Fetch its bundle instead.")
    return bundle


def described(table: Table, manifest: Manifest) -> list[dict[str, Any]]:
    """The lines `protocol` and `metaData` of a table."""
    parts = row_files(manifest)
    return [
        {"protocol": {"minReaderVersion": 1}},
        {
            "metaData": {
                "id": table.as_item()["id"],
                "name": table.name,
                "format": {"provider": "parquet"},
                "schemaString": json.dumps({"type": "struct", "fields": [_field(field) for field in manifest.fields]}, ensure_ascii=False),
                "partitionColumns": [],
                "size": sum(part.bytes for part in parts),
                "numFiles": len(parts),
            }
        },
    ]


def file_lines(manifest: Manifest, *, limit: int | None, url: Callable[[str], str], expires_ms: int) -> Iterator[dict[str, Any]]:
    """The lines `file` of a table: all files with rows, or as many as a limit needs.

    Args:
        manifest: of the bundle.
        limit: rows that whoever asks needs; None: all.
        url: address of a file by its name.
        expires_ms: until when the addresses are good, milliseconds since 1970.
    """
    given = 0
    for part in row_files(manifest):
        if limit is not None and given >= limit:
            return
        given += part.rows or 0
        yield {
            "file": {
                "url": url(part.path),
                "id": part.sha256,
                "partitionValues": {},
                "size": part.bytes,
                "stats": json.dumps({"numRecords": part.rows}),
                "expirationTimestamp": expires_ms,
            }
        }


def row_files(manifest: Manifest) -> list[BundleFile]:
    """The files with rows."""
    return [file for file in manifest.files if file.rows is not None]


def url_signature(secret: bytes, table: str, tenant: str, generation: int, name: str, key_id: str, expires: int) -> str:
    """What makes an address of a file good: for one file, until one moment, on behalf of one key."""
    said = json.dumps(["delta-sharing", tenant, table, generation, name, key_id, expires])
    return hmac.new(secret, said.encode(), hashlib.sha256).hexdigest()


def _field(field: EngineField) -> dict[str, Any]:
    kind = f"decimal(18,{field.scale})" if field.type is FieldType.DECIMAL else _TYPES[field.type]
    return {"name": field.name, "type": kind, "nullable": field.nullable, "metadata": {"comment": field.description}}
