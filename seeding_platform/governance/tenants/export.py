"""Everything of a tenant in one archive: its partitions of every table, its rows of the state database, its bundles, and a list with digests.

Secrets stay behind: digests of keys, and what is sealed with a key that does not leave the installation.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.content import plain
from seeding_platform.storage.tenants import Tenants

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from seeding_platform.storage.lake import Lake
    from seeding_platform.storage.state import State

MANIFEST = "manifest.json"
WITHHELD = frozenset(
    {
        ("api_keys", "sha256"),
        ("api_keys", "old_sha256"),
        ("privacy_marks", "body"),
        ("privacy_requests", "sealed"),
        ("privacy_subject_keys", "wrapped"),
    }
)
"""Columns that are of no use elsewhere, and of use to a thief."""


def exported(target: BinaryIO | Path, tenant: str, *, lake: Lake, state: State, bundles: Path, now: dt.datetime) -> dict[str, Any]:
    """Write a tenant's archive (ZIP); returns its manifest, which stands in it as well.

    Args:
        target: where to.
        tenant: whose.
        lake: the tables; each is read at one version.
        state: the state database.
        bundles: folder of the bundles.
        now: the time.
    """
    files = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, facts in _contents(tenant, lake, state, bundles):
            archive.writestr(name, content)
            files.append({"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), **facts})
        manifest = {"kind": "tenant", "tenant": tenant, "at": now.isoformat(), "files": files}
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False))
    return manifest


def _contents(tenant: str, lake: Lake, state: State, bundles: Path) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    for table in lake.tables():
        version = lake.version(table)
        if tenant in lake.parts(table):
            rows = lake.rows(table, version=version, tenant=tenant)
            written = io.BytesIO()
            rows.write_parquet(written)
            yield f"tables/{table}.parquet", written.getvalue(), {"rows": rows.height, "version": version}
    for of, rows_of in Tenants(state).rows(tenant):
        if rows_of:
            shown = ({c: plain(v) for c, v in row.items() if (of.name, c) not in WITHHELD} for row in rows_of)
            lines = "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in shown)
            yield f"state/{of.name}.ndjson", lines.encode(), {"rows": len(rows_of)}
    root = bundles / tenant
    for path in sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else ():
        yield f"bundles/{path.relative_to(root).as_posix()}", path.read_bytes(), {}
