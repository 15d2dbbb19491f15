"""What was made of a person's rows: bundles that must be taken back, models that must be trained anew, corrections that name the person."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.catalog import LANDED
from seeding_platform.errors import PermanentError
from seeding_platform.governance.subject_rights.rectification import Correction
from seeding_platform.governance.subject_rights.restriction import LINEAGE, rows_about
from seeding_platform.storage.lake import Lake
from seeding_platform.storage.marks import CORRECTED, RESTRICTED
from seeding_platform.storage.recalls import PARTS, recall, recalled, remaining

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from seeding_platform.catalog.ports import ModelTags, TrainedVersion
    from seeding_platform.governance.subject_rights.matcher import Matcher
    from seeding_platform.settings import Settings
    from seeding_platform.storage.marks import Mark, Marks

ERASED_TAG = "subject_erased"
"""Tag of a model version that was trained on somebody who must not be in it; `true` until it is trained anew."""
LAYER = "quality/"


@dataclass(frozen=True, slots=True)
class RecalledBundles:
    """Bundles that were made of tables before somebody's rows were taken out of them, or put right."""

    settings: Settings
    tenant: str
    tables: Sequence[str]
    request_id: str
    reason: str
    at: str
    name: str = "bundles"

    def find(self) -> dict[str, int]:
        """Bundles that are to be recalled."""
        return {str(b.relative_to(self.settings.bundles)): 1 for b in self._outdated()}

    def export(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Nothing: what is held is told by the tables themselves."""
        yield from ()

    def erase(self) -> dict[str, int]:
        """Bundles that were recalled, and how many files went."""
        return {
            str(b.relative_to(self.settings.bundles)): recall(b, request=self.request_id, reason=self.reason, at=self.at)
            for b in list(self._outdated())
        }

    def residue(self) -> list[str]:
        """Bundles that are still there."""
        return sorted(self.find())

    def _outdated(self) -> Iterator[Path]:
        root, lake = self.settings.bundles / self.tenant, Lake(self.settings.lake)
        now = {t: lake.version(t) for t in self.tables if lake.exists(t)}
        for bundle in sorted(p for p in root.glob("*/*") if p.is_dir() and p.parent.name != PARTS) if root.is_dir() else []:
            if recalled(bundle) is not None:
                if remaining(bundle):  # its recall was cut short
                    yield bundle
            elif any(_number(v) < now[t] for t, v in _inputs(bundle).items() if t in now):
                yield bundle


def _inputs(bundle: Path) -> Mapping[str, Any]:
    """Versions of the tables that a bundle was made of; none where it has no manifest."""
    try:
        told = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    inputs = told.get("lineage", {}).get("inputs", {})
    return {name if name.startswith(LAYER) else f"{LAYER}{name}": version for name, version in inputs.items()}


def _number(version: Any) -> int:
    """A version as a number; what is none is older than all."""
    return int(version) if str(version).isdigit() else -1


@dataclass(frozen=True, slots=True)
class TrainedModels:
    """Model versions that were trained on rows about a person: tagged, and refused from then on.

    It comes before the tables: once those are rewritten, nothing says any more which rows were whose.
    """

    settings: Settings
    models: ModelTags
    tenant: str
    matcher: Matcher
    tables: Sequence[str]
    request_id: str
    subject: str
    at: str
    reason: str = "erased"
    name: str = "trained models"

    def find(self) -> dict[str, int]:
        """Versions that are to be tagged."""
        return {f"{m.name} version {m.version}": 1 for m in self._trained()}

    def export(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Versions that were trained on rows about the person."""
        for name in self.find():
            yield self.name, {"model": name}

    def erase(self) -> dict[str, int]:
        """Versions that were tagged."""
        done = {}
        for found in list(self._trained()):
            tags = {ERASED_TAG: "true", f"{ERASED_TAG}_at": self.at, f"{ERASED_TAG}_request": self.request_id, f"{ERASED_TAG}_subject": self.subject,
                    f"{ERASED_TAG}_why": self.reason}  # fmt: skip
            self.models.tag(found.name, found.version, tags)
            done[f"{found.name} version {found.version}"] = 1
        return done

    def residue(self) -> list[str]:
        """Versions that are not tagged yet."""
        return sorted(self.find())

    def _trained(self) -> Iterator[TrainedVersion]:
        lake, names = Lake(self.settings.lake), [t.removeprefix(LAYER) for t in self.tables] or list(LANDED)
        about = {name: rows for name in names if (rows := rows_about(lake, name, self.tenant, self.matcher)).height}
        for version in self.models.trained(self.tenant) if about else ():  # the registry is opened only where it may matter
            read = {table.removeprefix(LAYER): (table, number) for table, number in version.inputs.items()}
            stood = (_stood_in(lake, *read[name], self.tenant, rows) for name, rows in about.items() if name in read)
            if version.tags.get(ERASED_TAG) != "true" and any(stood):
                yield version


def _stood_in(lake: Lake, table: str, version: int, tenant: str, about: pl.DataFrame) -> bool:
    """Whether rows stood in a version of a table; true where that version cannot be read any more."""
    try:
        rows = lake.read(table, version=version, tenant=tenant).select(LINEAGE).collect()
    except (PermanentError, pl.exceptions.PolarsError, OSError):
        return True
    return bool(rows.join(about, on=list(LINEAGE), how="semi", nulls_equal=True).height)


@dataclass(frozen=True, slots=True)
class PersonsMarks:
    """Corrections and restrictions of a person who is erased: a correction holds the right value, and would bring it back.

    A correction of somebody else that only mentions the person stays in force without the person.
    """

    marks: Marks
    tenant: str
    matcher: Matcher
    name: str = "marks"

    def find(self) -> dict[str, int]:
        """Marks by kind."""
        counted: dict[str, int] = {}
        for kind, _ in self._theirs():
            counted[kind] = counted.get(kind, 0) + 1
        return counted

    def export(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Corrections that stand for the person."""
        for kind, mark in self._marks():
            if kind == CORRECTED:
                yield "corrections", {"since": mark.at.isoformat(), **mark.body}

    def erase(self) -> dict[str, int]:
        """Marks that were deleted, or rewritten without the person, by kind."""
        found, theirs = self.find(), list(self._marks())
        own = {mark.request_id for _, mark in theirs if mark.token in self._tokens()}
        others = {mark.request_id: _correction(mark).without(self.matcher) for _, mark in theirs if mark.request_id not in own}
        for request_id in sorted(own | {r for r, rest in others.items() if rest is None}):
            self.marks.forget(request_id, self.tenant)
        for request_id, rest in others.items():
            if rest is not None:
                self.marks.rewrite(request_id, self.tenant, rest.body())
        return found

    def residue(self) -> list[str]:
        """Marks that are still there."""
        return sorted(f"{kind} by {request_id}" for kind, request_id in self._theirs())

    def _theirs(self) -> Iterable[tuple[str, str]]:
        return ((kind, mark.request_id) for kind, mark in self._marks())

    def _tokens(self) -> set[str]:
        return {self.marks.token(self.tenant, i.label, i.value) for i in self.matcher.identifiers}

    def _marks(self) -> Iterator[tuple[str, Mark]]:
        tokens = self._tokens()
        for kind in (CORRECTED, RESTRICTED):
            for _, mark in self.marks.of(kind, self.tenant):
                if mark.token in tokens or (kind == CORRECTED and _correction(mark).mentions(self.matcher)):
                    yield kind, mark


def _correction(mark: Mark) -> Correction:
    return Correction(str(mark.body["table"]), mark.body["columns"])
