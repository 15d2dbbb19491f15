"""`datapackage.json`: what lies in a bundle, in the words of Data Package 1.0 (Frictionless), for tools that know those.

Follows from contract and files only, so the same bundle has the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeding_platform.catalog.engine import BundleFormat, FieldType
from seeding_platform.storage.content import canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeding_platform.catalog.engine import EngineContract, EngineField
    from seeding_platform.distribution.manifest import BundleFile

DATAPACKAGE = "datapackage.json"
MEDIA = {
    BundleFormat.PARQUET: "application/vnd.apache.parquet",
    BundleFormat.ARROW: "application/vnd.apache.arrow.file",
    BundleFormat.NDJSON: "application/x-ndjson",
    BundleFormat.JSON: "application/json",
    BundleFormat.CSV: "text/csv",
    BundleFormat.LIBSVM: "text/plain",
}
_TYPES = {
    FieldType.STRING: "string",
    FieldType.INT: "integer",
    FieldType.FLOAT: "number",
    FieldType.DECIMAL: "number",
    FieldType.BOOL: "boolean",
    FieldType.DATE: "date",
    FieldType.TIMESTAMP: "datetime",
    FieldType.STRINGS: "array",
    FieldType.FLOATS: "array",
}


def datapackage(engine: EngineContract, files: Sequence[BundleFile]) -> bytes:
    """The text of `datapackage.json`.

    Args:
        engine: contract of the engine.
        files: files of the bundle; those without rows are named without a schema.
    """
    resources = [_resource(engine, file) for file in files]
    return canonical_json(
        {
            "profile": "data-package",
            "name": engine.name.replace("_", "-"),
            "title": engine.title,
            "description": f"{engine.description} One row: {engine.grain}",
            "version": engine.version,
            "resources": resources,
        }
    )


def _resource(engine: EngineContract, file: BundleFile) -> dict[str, Any]:
    stem, _, ending = file.path.rpartition(".")
    told: dict[str, Any] = {"name": stem.lower(), "path": file.path, "bytes": file.bytes, "hash": f"sha256:{file.sha256}"}
    if file.rows is None or engine.format is BundleFormat.LIBSVM:
        return told | {"format": ending, "mediatype": "text/plain" if ending != "json" else "application/json"}
    told |= {"format": str(engine.format), "mediatype": MEDIA[engine.format], "profile": "data-resource"}
    if engine.format is BundleFormat.CSV:
        told |= {"profile": "tabular-data-resource", "encoding": "utf-8", "dialect": {"lineTerminator": "\r\n"}}
    nullable = {f.name for f in engine.fields if f.nullable}
    key = {"primaryKey": list(engine.key)} if not nullable & set(engine.key) else {}
    return told | {"schema": {"fields": [_field(f) for f in engine.fields], "missingValues": [""], **key}}


def _field(field: EngineField) -> dict[str, Any]:
    limits: dict[str, Any] = {} if field.nullable else {"required": True}
    if field.type in (FieldType.INT, FieldType.FLOAT, FieldType.DECIMAL):
        limits |= {name: value for name in ("minimum", "maximum") if (value := getattr(field, name)) is not None}
    if field.values is not None:
        limits["enum"] = list(field.values)
    told = {"name": field.name, "type": _TYPES[field.type], "description": field.description, "role": field.role}
    return told | ({"unit": field.unit} if field.unit else {}) | ({"constraints": limits} if limits else {})
