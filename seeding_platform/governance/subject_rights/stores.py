"""Every place where a person's data may stand, each with its own way of erasing it. `stores_of` is the whole list.

Erasing replaces a person's identifiers, wherever they stand, by a mark; the rows stay, as nobody's. What cannot be rewritten without breaking what it
is (a signed bundle, a trained model) is taken away and made anew from what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from seeding_platform.governance.subject_rights.files import BESIDE, holds, rebuilt, replace, rewrite
from seeding_platform.governance.subject_rights.keyed import KeysStore
from seeding_platform.storage.database import writing
from seeding_platform.storage.lake import Lake
from seeding_platform.storage.recalls import PARTS, RECALLED, recall, swept

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeding_platform.catalog.ports import StoreEraser
    from seeding_platform.governance.subject_rights.matcher import Matcher
    from seeding_platform.settings import Settings
    from seeding_platform.storage.state import State
    from seeding_platform.storage.subject_keys import SubjectKeys

LEFT_OUT = ("audit_", "privacy_")
"""Tables that hold pseudonyms and hashes only; free text in the audit log was redacted when it was written."""
WRITTEN = frozenset({("privacy_requests", "identity"), ("privacy_holds", "reason")})
"""What people write beside those: redacted when it was written, but a name may have been missed."""
STRUCTURE = frozenset({"tenant", "kind", "status", "state", "role", "channel", "sha256", "body_sha256"})
"""Columns that say what a row is, not what somebody wrote."""
_NEVER = ("audit", "privacy", "master-key", "session-secret", "first-admin-key")
"""Names under the state that hold no personal data by their form: pseudonyms, hashes and keys."""


@dataclass(frozen=True, slots=True)
class LakeStore:
    """The tables: cells rewritten, then every old file and log entry deleted."""

    settings: Settings
    tenant: str
    matcher: Matcher
    name: str = "lake"

    def _lake(self) -> Lake:
        return Lake(self.settings.lake)

    def find(self) -> dict[str, int]:
        """Rows by table."""
        lake = self._lake()
        counted = {t: int(self.matcher.rows(self._rows(lake, t)).sum()) for t in lake.tables()}
        return {t: n for t, n in counted.items() if n}

    def export(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Rows by table."""
        lake = self._lake()
        for table in lake.tables():
            rows = self._rows(lake, table)
            for row in rows.filter(self.matcher.rows(rows)).iter_rows(named=True):
                yield table, row

    def erase(self) -> dict[str, int]:
        """Cells by table; and each table whose old versions still held the person, purged."""
        lake, done = self._lake(), {}
        for table in lake.tables():
            mine = self._rows(lake, table)
            made, cells = self.matcher.erased(mine)
            if cells:
                lake.replace(table, made, {"tenant": self.tenant}) if "tenant" in made.columns else lake.overwrite(table, made)
                done[table] = cells
            if cells or self._files(table):
                lake.purge(table)
                done.setdefault(table, 0)
        return done

    def residue(self) -> list[str]:
        """Files of the tenant's partitions, and of the logs, in which the person stands."""
        return [found for table in self._lake().tables() for found in self._files(table)]

    def _rows(self, lake: Lake, table: str) -> Any:
        rows = lake.read(table).collect()
        return rows.filter(rows["tenant"] == self.tenant) if "tenant" in rows.columns else rows

    def _files(self, table: str) -> list[str]:
        folder = Path(self.settings.lake) / table
        others = [p.name for p in folder.iterdir() if p.is_dir() and p.name.startswith("tenant=") and unquote(p.name) != f"tenant={self.tenant}"]
        files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.relative_to(folder).parts[0] not in others)
        return [str(p.relative_to(self.settings.lake)) for p in files if holds(p, self.matcher)]


@dataclass(frozen=True, slots=True)
class FilesStore:
    """Files that are rewritten as they stand: what was landed, and whatever else lies under the state."""

    name: str
    files: tuple[Path, ...]
    matcher: Matcher
    root: Path

    def find(self) -> dict[str, int]:
        """Files in which the person stands."""
        return dict.fromkeys(self.residue(), 1)

    def export(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The names of those files: their rows are told by the tables that were made of them."""
        for found in self.residue():
            yield self.name, {"file": found}

    def erase(self) -> dict[str, int]:
        """Files that were rewritten."""
        done = {}
        for path in self.files:
            if path.is_file() and holds(path, self.matcher):
                rewrite(path, self.matcher)
                done[self._shown(path)] = 1
        return done

    def residue(self) -> list[str]:
        """Files in which the person still stands."""
        return [self._shown(p) for p in self.files if p.is_file() and holds(p, self.matcher)]

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else path.name


@dataclass(frozen=True, slots=True)
class StateStore:
    """The state database, SQLite or Postgres: every text that people write, of one's own tenant and of everybody where a table says whose it is."""

    settings: Settings
    state: State
    tenant: str
    matcher: Matcher
    name: str = "state"

    def find(self) -> dict[str, int]:
        """Values by table."""
        found: dict[str, int] = {}
        for table, _, values in self._hits():
            found[table] = found.get(table, 0) + len(values)
        return found

    def export(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Values by table and column."""
        for table, column, values in self._hits():
            for value in values:
                yield f"state/{table}", {column: value}

    def erase(self) -> dict[str, int]:
        """Values that were rewritten, by table; then the file rebuilt."""
        from seeding_platform.storage import schema

        done: dict[str, int] = {}
        for table, column, values in list(self._hits()):
            of = schema.metadata.tables[table]
            with writing(self.state.engine) as connection:
                for value in values:
                    connection.execute(self._mine(of, of.update().where(of.c[column] == value)).values({column: self.matcher.replaced(value)}))
            done[table] = done.get(table, 0) + len(values)
        if (file := self._file()) is not None:
            rebuilt(file)
        return done

    def residue(self) -> list[str]:
        """Columns in which the person still stands; what was deleted is gone with the rebuilding."""
        return [f"{table}.{column}" for table, column, _ in self._hits()]

    def _file(self) -> Path | None:
        return Path(str(self.state.engine.url.database)) if self.state.engine.dialect.name == "sqlite" else None

    def _mine(self, table: Any, query: Any) -> Any:
        return query.where(table.c.tenant.in_((self.tenant, ""))) if "tenant" in table.c else query

    def _hits(self) -> Iterator[tuple[str, str, list[str]]]:
        """Table, column and values of every column in which the person stands."""
        import sqlalchemy as sa

        from seeding_platform.storage import schema

        for table in schema.metadata.sorted_tables:
            for column in table.columns:
                if table.name.startswith(LEFT_OUT) and (table.name, column.name) not in WRITTEN:
                    continue
                if isinstance(column.type, sa.Text) and not column.primary_key and column.name not in STRUCTURE:
                    with self.state.engine.connect() as connection:
                        values = connection.execute(self._mine(table, sa.select(column).where(column.is_not(None)).distinct())).scalars().all()
                    if hits := [v for v in values if self.matcher.found(v)]:
                        yield table.name, column.name, hits


@dataclass(frozen=True, slots=True)
class BundlesStore:
    """Bundles: one that holds the person is recalled; what is in its place says so, and the next one is made without."""

    settings: Settings
    tenant: str
    matcher: Matcher
    request_id: str
    at: str
    name: str = "bundles"

    def find(self) -> dict[str, int]:
        """Bundles in which the person stands, and in how many of their files."""
        return {str(b.relative_to(self.settings.bundles)): len(files) for b in self._bundles() if (files := self._hits(b))}

    def export(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The names of those bundles, and with them of the engines that received them."""
        for bundle in self.find():
            yield self.name, {"bundle": bundle, "recipient": Path(bundle).parts[1]}

    def erase(self) -> dict[str, int]:
        """Bundles that were recalled."""
        done = {}
        for bundle in self._bundles():
            if files := self._hits(bundle):
                recall(bundle, request=self.request_id, reason="erased", at=self.at)
                done[str(bundle.relative_to(self.settings.bundles))] = len(files)
        hit = {p.stat().st_ino for entry in self._shared() for p in self._hits(entry)}
        swept(self.settings.bundles / self.tenant, also=hit)
        return done

    def residue(self) -> list[str]:
        """Files in which the person still stands."""
        return [str(p.relative_to(self.settings.bundles)) for b in [*self._bundles(), *self._shared()] for p in self._hits(b)]

    def _bundles(self) -> list[Path]:
        root = self.settings.bundles / self.tenant
        return sorted(p for p in root.glob("*/*") if p.is_dir() and p.parent.name != PARTS) if root.is_dir() else []

    def _shared(self) -> list[Path]:
        """Names under which bundles share files: recalling the bundles takes them away, so nobody may be found there afterwards."""
        return sorted(p for p in (self.settings.bundles / self.tenant / PARTS).glob("*") if p.is_dir())

    def _hits(self, bundle: Path) -> list[Path]:
        return [p for p in sorted(bundle.rglob("*")) if p.is_file() and p.name != RECALLED and holds(p, self.matcher)]


@dataclass(frozen=True, slots=True)
class ModelsStore:
    """Models and their registry: texts of the registry are rewritten, an artefact that holds the person is taken away and its model trained anew."""

    settings: Settings
    matcher: Matcher
    name: str = "models"

    def find(self) -> dict[str, int]:
        """Files in which the person stands."""
        return dict.fromkeys(self.residue(), 1)

    def export(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The names of those files."""
        for found in self.residue():
            yield self.name, {"file": found}

    def erase(self) -> dict[str, int]:
        """Files that were rewritten (the registry, plain texts) or emptied (artefacts)."""
        done = {}
        for path in self._files():
            if not holds(path, self.matcher):
                continue
            if path.suffix in (".db", ".json", ".yaml", ".txt", ".md", "") and not path.name.endswith(".skops"):
                rewrite(path, self.matcher)
            else:
                replace(path, b"")
            done[str(path.relative_to(self.settings.state))] = 1
        return done

    def residue(self) -> list[str]:
        """Files in which the person still stands."""
        return [str(p.relative_to(self.settings.state)) for p in self._files() if holds(p, self.matcher)]

    def _files(self) -> list[Path]:
        return _under(self.settings.state / "mlflow")


def stores_of(settings: Settings, state: State, *, keys: SubjectKeys, tenant: str, matcher: Matcher, request_id: str, at: str) -> list[StoreEraser]:
    """Every store, in the order in which they are erased: what others are made of first."""
    landed = [*_landed_by(settings, state, tenant), *_under(settings.landing)]
    known = {settings.spool, settings.state / "mlflow", settings.bundles, *(settings.state / name for name in _NEVER)}
    database = Path(str(state.engine.url.database)) if state.engine.dialect.name == "sqlite" else None
    beside = {database, *(database.with_name(database.name + end) for end in (*BESIDE, ".lock"))} if database else set()
    others = [p for p in _under(settings.state) if p not in beside and not any(p == k or p.is_relative_to(k) for k in known)]
    return [
        KeysStore(settings, keys, tenant, matcher),
        FilesStore("landed files", tuple(landed), matcher, settings.state.parent),
        LakeStore(settings, tenant, matcher),
        StateStore(settings, state, tenant, matcher),
        BundlesStore(settings, tenant, matcher, request_id, at),
        ModelsStore(settings, matcher),
        FilesStore("state files", tuple(others), matcher, settings.state),
    ]


def _landed_by(settings: Settings, state: State, tenant: str) -> list[Path]:
    """Spooled files of a tenant; those that nobody has landed yet are everybody's."""
    theirs: dict[str, set[str]] = {}
    for landing in state.landings():
        theirs.setdefault(landing.sha256, set()).add(landing.tenant)
    return [p for p in _under(settings.spool) if not (owners := theirs.get(_sha_of(p, settings.spool), set())) or tenant in owners]


def _sha_of(path: Path, spool: Path) -> str:
    parts = path.relative_to(spool).parts
    return parts[1] if len(parts) > 2 else ""


def _under(folder: Path) -> list[Path]:
    files = (p for p in folder.rglob("*") if p.is_file() and not p.is_symlink() and not p.name.endswith(BESIDE)) if folder.is_dir() else ()
    return sorted(files)
