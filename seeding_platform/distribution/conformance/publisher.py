"""Little bundles that the kit publishes, signed with its own keys; each can be made wrong in one way."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.distribution.release import Release, proof
from seeding_platform.distribution.signing import Kind, Signer, TrustedKey
from seeding_platform.storage.content import canonical_json

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from seeding_platform.distribution.signing import Signature
    from seeding_platform.storage.keyring import Keyring

ACTIVE, PAST, REVOKED, UNKNOWN = 1, 2, 3, 4
"""Versions of the kit's key; the last is told to nobody."""
SCHEMA: list[dict[str, Any]] = [
    {"name": "ref", "type": "string", "role": "key", "description": "Number of a parcel"},
    {"name": "weight", "type": "float", "nullable": True, "description": "Weight in kilograms"},
    {"name": "stops", "type": "int", "description": "Stops on its way"},
]
NO_CONTENT = "0" * 64


@dataclass(frozen=True)
class Published:
    """A release with its bundle.

    Args:
        release: as it travels.
        release_signature: of it.
        manifest: as it travels.
        manifest_signature: of it.
        files: bytes by name, those of the delta too.
        told: the manifest, parsed.
        facts: the release, parsed.
    """

    release: str
    release_signature: Signature
    manifest: str
    manifest_signature: Signature
    files: Mapping[str, bytes]
    told: Mapping[str, Any]
    facts: Mapping[str, Any]
    table: pl.DataFrame = field(repr=False)

    @property
    def content_id(self) -> str:
        """Name of the bundle."""
        return str(self.facts["content_id"])

    @property
    def generation(self) -> int:
        """Its number."""
        return int(self.facts["generation"])

    def names(self, via: str = "full") -> list[str]:
        """Files of the whole, or of the delta."""
        told = self.told["files"] if via == "full" else (self.told["delta"] or {"files": []})["files"]
        return [str(file["path"]) for file in told]

    def proof(self, via: str) -> str:
        """What a receiver that has the files answers."""
        return proof(str(self.facts["nonce"]), ([self.files[name]] for name in sorted(self.names(via), key=str.encode)))


def rows(number: int, *, shift: int = 0) -> pl.DataFrame:
    """Rows of parcels; another shift gives other values under the same keys."""
    return pl.DataFrame(
        {
            "ref": [f"p{i:05d}" for i in range(number)],
            "weight": [None if i % 7 == 3 else (i + shift) / 4 for i in range(number)],
            "stops": [i % 5 + shift for i in range(number)],
        },
        schema={"ref": pl.String, "weight": pl.Float64, "stops": pl.Int64},
    )


def written(table: pl.DataFrame, kind: str) -> bytes:
    """Rows in a format of the protocol."""
    stream = io.BytesIO()
    if kind == "parquet":
        table.write_parquet(stream, compression="zstd")
    elif kind == "arrow":
        table.write_ipc(stream, compat_level=pl.CompatLevel.oldest())
    elif kind == "ndjson":
        table.write_ndjson(stream)
    elif kind == "json":
        table.write_json(stream)
    elif kind == "csv":
        table.write_csv(stream)
    else:
        lines = (f"{stops} 1:{0.0 if weight is None else weight}\n" for _, weight, stops in table.iter_rows())
        return "".join(lines).encode()
    return stream.getvalue()


class Publisher:
    """Makes releases.

    Args:
        keys: from which the kit's keys are derived.
        tenant: whose bundles they are said to be.
        now: the clock.
        fresh: source of chance.
    """

    def __init__(self, keys: Keyring, *, tenant: str, now: Callable[[], dt.datetime], fresh: Callable[[int], bytes]) -> None:
        self.tenant, self.now, self.fresh = tenant, now, fresh
        self.run = fresh(8).hex()
        self.signers = {version: Signer(keys, version) for version in (ACTIVE, PAST, REVOKED, UNKNOWN)}

    def release(
        self,
        engine: str,
        generation: int,
        table: pl.DataFrame,
        *,
        kind: str = "parquet",
        base: Published | None = None,
        files: Mapping[str, bytes] | None = None,
        told: Mapping[str, Any] | None = None,
        facts: Mapping[str, Any] | None = None,
        by: tuple[int, int] = (ACTIVE, ACTIVE),
        as_kind: tuple[Kind, Kind] = (Kind.RELEASE, Kind.MANIFEST),
    ) -> Published:
        """A release of rows.

        Args:
            engine: for whom.
            generation: its number.
            table: its rows.
            kind: format of the files with rows.
            base: what a delta goes on from.
            files: bytes of files in place of the right ones.
            told: what the manifest says in place of the truth.
            facts: what the release says in place of the truth.
            by: version of the key that signs release and manifest.
            as_kind: what the signatures say that they are of.
        """
        content: dict[str, bytes] = {f"part-00000.{kind}": written(table, kind), "README.md": b"# Parcels\n\nMade up, to try a receiver.\n"}
        counts: dict[str, int | None] = {f"part-00000.{kind}": table.height, "README.md": None}
        if kind == "libsvm":
            content["features.json"], counts["features.json"] = b'["weight"]', None
        changed = {} if base is None else _delta(base.table, table, kind)
        content |= {name: written(part, kind) for name, part in changed.items()} | dict(files or {})
        entry = {name: {"path": name, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()} for name, body in content.items()}
        content_id = hashlib.sha256(canonical_json([self.run, engine, sorted(entry.items())])).hexdigest()
        manifest = {
            "engine": engine,
            "tenant": self.tenant,
            "contract_version": "1.0",
            "contract_hash": hashlib.sha256(canonical_json(SCHEMA)).hexdigest(),
            "format": kind,
            "content_id": content_id,
            "rows": table.height,
            "schema": SCHEMA,
            "files": [{**entry[name], "rows": count} for name, count in counts.items()],
            "delta": None
            if base is None
            else {
                "base_content_id": base.content_id,
                "base_generation": base.generation,
                **{name.split("-")[1].split(".")[0]: part.height for name, part in changed.items()},
                "files": [{**entry[name], "rows": part.height} for name, part in changed.items()],
            },
            "reason": None if table.height else "nothing was shipped",
            **(told or {}),
        }
        text = canonical_json(manifest)
        release = {
            **_facts(self, engine, generation, content_id, hashlib.sha256(text).hexdigest()),
            **(facts or {}),
        }
        said = canonical_json(release)
        signed = (self.signers[by[0]].signed(as_kind[0], said), self.signers[by[1]].signed(as_kind[1], text))
        return Published(said.decode(), signed[0], text.decode(), signed[1], content, manifest, release, table)

    def again(self, earlier: Published, generation: int) -> Published:
        """An earlier bundle under a new number, as a rollback is."""
        facts = _facts(self, str(earlier.facts["engine"]), generation, earlier.content_id, str(earlier.facts["manifest_sha256"]))
        said = canonical_json({**facts, "kind": "rolled_back", "reason": "tried out"})
        signature = self.signers[ACTIVE].signed(Kind.RELEASE, said)
        return Published(
            said.decode(), signature, earlier.manifest, earlier.manifest_signature, earlier.files, earlier.told, json.loads(said), earlier.table
        )


def _facts(publisher: Publisher, engine: str, generation: int, content_id: str, manifest_sha256: str) -> dict[str, Any]:
    return Release(
        tenant=publisher.tenant,
        engine=engine,
        generation=generation,
        content_id=content_id,
        manifest_sha256=manifest_sha256,
        previous=generation - 1 or None,
        nonce=publisher.fresh(16).hex(),
        issued_at=publisher.now(),
    ).model_dump(mode="json")


def _delta(before: pl.DataFrame, after: pl.DataFrame, kind: str) -> dict[str, pl.DataFrame]:
    """Files of the way from one table to another."""
    gone = before.join(after, on="ref", how="anti").select("ref")
    changed = after.join(before, on=after.columns, how="anti", nulls_equal=True)
    return {f"delta-upserts.{kind}": changed, f"delta-deletes.{kind}": gone}


def public_keys(keys: Keyring, *, now: dt.datetime) -> list[TrustedKey]:
    """What a receiver is given before it is tried: a key that signs, one whose time is over, one that was revoked."""
    import base64
    import datetime as dt

    made, day = [], dt.timedelta(days=1)
    for version, status in ((ACTIVE, "active"), (PAST, "retired"), (REVOKED, "revoked")):
        signer = Signer(keys, version)
        made.append(
            TrustedKey.model_validate(
                {
                    "key_id": signer.key_id,
                    "public_key": base64.b64encode(signer.public).decode(),
                    "status": status,
                    "not_before": now - 10 * day,
                    "not_after": now - day if version == PAST else None,
                }
            )
        )
    return made
