"""`croissant.json`: a bundle in the words of Croissant 1.0 (MLCommons), for tools that load sets of training data by it.

Follows from contract and files only, so the same bundle has the same bytes. Arrow files and libsvm are named with their digest but without fields,
since Croissant has no words for how to read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeding_platform.catalog.engine import BundleFormat, FieldType
from seeding_platform.storage.content import canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeding_platform.catalog.engine import EngineContract, EngineField
    from seeding_platform.distribution.manifest import BundleFile

CROISSANT = "croissant.json"
VERSION = "http://mlcommons.org/croissant/1.0"
_ENCODINGS = {
    BundleFormat.PARQUET: "application/x-parquet",
    BundleFormat.NDJSON: "application/jsonlines",
    BundleFormat.JSON: "application/json",
    BundleFormat.CSV: "text/csv",
    BundleFormat.ARROW: "application/vnd.apache.arrow.file",
    BundleFormat.LIBSVM: "text/plain",
}
_READABLE = (BundleFormat.PARQUET, BundleFormat.NDJSON, BundleFormat.JSON, BundleFormat.CSV)
_TYPES = {
    FieldType.STRING: "sc:Text",
    FieldType.INT: "sc:Integer",
    FieldType.FLOAT: "sc:Float",
    FieldType.DECIMAL: "sc:Float",
    FieldType.BOOL: "sc:Boolean",
    FieldType.DATE: "sc:Date",
    FieldType.TIMESTAMP: "sc:DateTime",
    FieldType.STRINGS: "sc:Text",
    FieldType.FLOATS: "sc:Float",
}
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(engine: EngineContract, files: Sequence[BundleFile]) -> bytes:
    """The text of `croissant.json`.

    Args:
        engine: contract of the engine.
        files: files of the bundle; a record set for each with rows.
    """
    parts = [file for file in files if file.rows is not None and file.rows > 0] if engine.format in _READABLE else []
    told = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": VERSION,
        "name": engine.name,
        "description": f"{engine.description} One row: {engine.grain}",
        "version": f"{engine.version}.0",
        "distribution": [_file(engine, file) for file in files],
        "recordSet": [_records(engine, file, f"rows-{n:05d}" if n else "rows") for n, file in enumerate(parts)],
    }
    return canonical_json(told)


def _file(engine: EngineContract, file: BundleFile) -> dict[str, Any]:
    other = "application/json" if file.path.endswith(".json") else "text/markdown" if file.path.endswith(".md") else "text/plain"
    encoding = other if file.rows is None else _ENCODINGS[engine.format]
    told = {"@type": "cr:FileObject", "@id": file.path, "name": file.path, "contentUrl": file.path, "encodingFormat": encoding}
    return told | {"contentSize": f"{file.bytes} B", "sha256": file.sha256}


def _records(engine: EngineContract, file: BundleFile, name: str) -> dict[str, Any]:
    told = {"@type": "cr:RecordSet", "@id": name, "name": name, "description": engine.grain}
    return told | {"key": [{"@id": f"{name}/{k}"} for k in engine.key], "field": [_field(engine, file, name, f) for f in engine.fields]}


def _field(engine: EngineContract, file: BundleFile, records: str, field: EngineField) -> dict[str, Any]:
    where = {"jsonPath": f"$[*].{field.name}"} if engine.format is BundleFormat.JSON else {"column": field.name}
    lists = field.type in (FieldType.STRINGS, FieldType.FLOATS)
    as_text = lists and engine.format is BundleFormat.CSV  # the list is one JSON text there
    return {
        "@type": "cr:Field",
        "@id": f"{records}/{field.name}",
        "name": field.name,
        "description": field.description + (f" ({field.unit})" if field.unit else ""),
        "dataType": "sc:Text" if as_text else _TYPES[field.type],
        **({"repeated": True} if lists and not as_text else {}),
        "source": {"fileObject": {"@id": file.path}, "extract": where},
    }
