"""What was wrong about a person, put right: in the tables that stand, and in whatever brings the wrong value in again.

A correction is written into `raw/<contract>` the way the source of the row writes its values, so that cleaning reads it like any other; landed files
stay as they came.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.catalog import LANDED
from seeding_platform.cleaning.harmonise import harmonise
from seeding_platform.connectors.spec import Notation
from seeding_platform.errors import ConfigError
from seeding_platform.governance.protection import load_pii_policy, protect
from seeding_platform.governance.subject_rights.matcher import Identifier, Matcher, text_columns
from seeding_platform.governance.subject_rights.restriction import LINEAGE
from seeding_platform.storage.lake import Lake
from seeding_platform.storage.marks import CORRECTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeding_platform.catalog import TableContract
    from seeding_platform.settings import Settings
    from seeding_platform.storage.marks import Mark, Marks
    from seeding_platform.storage.subject_keys import SubjectKeys

_SIGN = {"EMAIL": "@", "PERSON": "", "ADDRESS": "", "HANDLE": "", "SECRET": ""}
"""What every identifier of a label has; those of other labels have a digit (`Identifier.parsed`)."""
_LONGEST = 200
"""Letters of a cell that may be an identifier as a whole."""


@dataclass(frozen=True, slots=True)
class Correction:
    """Values of one table that are to be others.

    Args:
        table: name of the contract.
        columns: the right values as text (ISO 8601, decimal point); None = there is none.
    """

    table: str
    columns: Mapping[str, str | None]

    @classmethod
    def checked(cls, table: str, columns: Mapping[str, str | None]) -> Correction:
        """A correction that the contract allows.

        Raises:
            ConfigError: no such table or column, a key, a derived column, a list, or a value that the column cannot have.
        """
        contract = LANDED.get(table)
        if contract is None or not columns:
            raise ConfigError(f"There is nothing to correct in {table!r}.", fix=f"Name a table ({', '.join(LANDED)}) and at least one column.")
        for name, value in columns.items():
            column = contract.columns.get(name)
            if column is None or name in contract.key or name in contract.derived or isinstance(column.dtype, pl.List):
                raise ConfigError(f"{table}.{name} cannot be corrected.", fix="Name a column that sources give and that is neither key nor list.")
            if value is None and not column.nullable:
                raise ConfigError(f"{table}.{name} cannot be without a value.", fix="Give the right one.")
        correction = cls(table, dict(columns))
        correction.typed()
        return correction

    @property
    def contract(self) -> TableContract:
        """The table's contract."""
        return LANDED[self.table]

    def typed(self) -> dict[str, Any]:
        """The right values in the types of clean tables, as a frame of one row by column.

        Raises:
            ConfigError: a value is none that the column can have.
        """
        blank: dict[str, Any] = {"tenant": "t", "_source": "s", "_batch": "b", "_row": 0, "_op": "I", "_notation": "{}", "synthetic": False}
        row = pl.DataFrame([blank | dict(self.columns)], schema=self.contract.schema("raw"))
        found = harmonise(row, self.contract)
        wrong = [c for c in self.columns if c in found.failures["column"].to_list()]
        for name, value in self.columns.items():
            column = self.contract.columns[name]
            given = found.rows[name][0]
            low, high = column.minimum, column.maximum
            if value is not None and (given is None or (low is not None and given < low) or (high is not None and given > high)):
                wrong.append(name)
        if wrong:
            told = ", ".join(f"{self.table}.{c} = {self.columns[c]!r}" for c in dict.fromkeys(wrong))
            raise ConfigError(f"{told} is no value of that column.", fix="Give dates and times as ISO 8601, numbers with a decimal point.")
        return {name: found.rows[name] for name in self.columns}

    def body(self) -> dict[str, Any]:
        """As JSON."""
        return {"table": self.table, "columns": dict(self.columns)}

    def mentions(self, matcher: Matcher) -> bool:
        """Whether a person stands in the right values."""
        return any(value is not None and matcher.found(value) for value in self.columns.values())

    def without(self, matcher: Matcher) -> Correction | None:
        """The same without a person who stands in its right values; None where it says nothing else than the person.

        A value that is only the person becomes none, as in every table; one that the column cannot be without, or cannot have, is left out.
        """
        kept: dict[str, str | None] = {}
        for name, value in self.columns.items():
            if value is None or not matcher.found(value):
                kept[name] = value
                continue
            told = matcher.without(value)
            try:
                Correction.checked(self.table, {name: told})
            except ConfigError:
                continue
            kept[name] = told
        left = any(value is not None or self.columns[name] is None for name, value in kept.items())
        return Correction(self.table, kept) if left else None


def corrected(rows: pl.LazyFrame, contract: TableContract, marks: Marks) -> tuple[pl.LazyFrame, int]:
    """Raw rows of a contract with what is known to be wrong put right, and how many rows that concerned.

    Args:
        rows: the mapped union of all sources, as text.
        contract: of the table.
        marks: the marks of the installation; of several for one person the latest counts.
    """
    wanted = [(tenant, mark) for tenant, mark in marks.of(CORRECTED) if mark.body.get("table") == contract.name]
    if not wanted:
        return rows, 0
    frame, count = rows.collect(), 0
    for tenant, mark in wanted:
        frame, done = _applied(frame, tenant, mark, marks)
        count += done
    return frame.lazy(), count


def _applied(frame: pl.DataFrame, tenant: str, mark: Mark, marks: Marks) -> tuple[pl.DataFrame, int]:
    places = (frame["tenant"] == tenant).arg_true()
    mine = frame[places]
    cells = pl.concat([mine[n] for n in text_columns(mine) if n != "tenant" and mine.schema[n] == pl.String], rechunk=False).drop_nulls().unique()
    possible = cells.filter((cells.str.len_chars() <= _LONGEST) & cells.str.contains(_SIGN.get(mark.label, r"[0-9]")))
    names = [v for v in possible.to_list() if marks.token(tenant, mark.label, v) == mark.token]
    if not names:
        return frame, 0
    about = places.filter(Matcher([Identifier(mark.label, v) for v in names]).owns(mine))
    return written(frame, about, Correction(str(mark.body["table"]), mark.body["columns"])), about.len()


def written(raw: pl.DataFrame, places: pl.Series, correction: Correction) -> pl.DataFrame:
    """Raw rows with the right values at some places, in the notation of each row's source."""
    columns = []
    for name, value in correction.columns.items():
        told = [_in_notation(value, name, correction, mark) for mark in raw["_notation"].gather(places).to_list()]
        columns.append(raw[name].clone().scatter(places, pl.Series(told, dtype=pl.String)))
    return raw.with_columns(columns)


def _in_notation(value: str | None, name: str, correction: Correction, mark: str | None) -> str | None:
    """A value as the source of a row writes it: numbers have its decimal mark, everything else is read as it stands."""
    if value is None or not correction.contract.schema("clean")[name].is_numeric():
        return value
    how = Notation.model_validate(json.loads(mark)) if mark else Notation()
    return value.replace(".", how.of(name).decimal)


@dataclass(frozen=True, slots=True)
class CorrectedTables:
    """The tables of one contract, with a person's values put right; quality first: it is found by what `clean` says of the person."""

    settings: Settings
    keys: SubjectKeys
    tenant: str
    matcher: Matcher
    correction: Correction
    name: str = "tables"

    def find(self) -> dict[str, int]:
        """Rows that are not right yet, by table."""
        return {table: wrong.len() for table, _, wrong in self._wrong() if wrong.len()}

    def export(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Nothing: what is held is told by the tables themselves."""
        yield from ()

    def erase(self) -> dict[str, int]:
        """Rows that were put right, by table."""
        lake, done = Lake(self.settings.lake), {}
        for table, rows, wrong in list(self._wrong()):
            if wrong.len():
                lake.replace(table, self._right(table, rows, wrong), {"tenant": self.tenant})
                done[table] = wrong.len()
        return done

    def residue(self) -> list[str]:
        """Tables in which a wrong value still stands."""
        return sorted(self.find())

    def _wrong(self) -> Iterator[tuple[str, pl.DataFrame, pl.Series]]:
        """Table, its rows, and the places of those about the person in which a value is not the right one."""
        lake = Lake(self.settings.lake)
        tables = [t for t in (f"{layer}/{self.correction.table}" for layer in ("quality", "clean", "raw")) if lake.exists(t)]
        for table in tables:
            rows = lake.read(table, tenant=self.tenant).collect()
            about = self._about(lake, table, rows)
            if not about.len():
                continue
            right = self._right(table, rows, about)
            names = [c for c in self.correction.columns if c in rows.columns]
            differs = pl.Series("differs", [False]).new_from_index(0, about.len())
            for name in names:
                differs = differs | ~rows[name].gather(about).eq_missing(right[name].gather(about))
            yield table, rows, about.filter(differs)

    def _about(self, lake: Lake, table: str, rows: pl.DataFrame) -> pl.Series:
        """Places of the rows that are about the person."""
        if not table.startswith("quality/"):
            return self.matcher.owns(rows).arg_true()
        clean = f"clean/{self.correction.table}"
        if not lake.exists(clean):
            return pl.Series([], dtype=pl.UInt32)
        known = lake.read(clean, tenant=self.tenant).collect()
        about = known.filter(self.matcher.owns(known)).select(LINEAGE)
        return rows.with_row_index("_place").join(about, on=list(LINEAGE), how="semi", nulls_equal=True)["_place"]

    def _right(self, table: str, rows: pl.DataFrame, places: pl.Series) -> pl.DataFrame:
        """The rows of a table with the right values at some places."""
        layer = table.partition("/")[0]
        if layer == "raw":
            return written(rows, places, self.correction)
        right = self._protected(rows[places]) if layer == "quality" else _with(rows[places], self.correction.typed())
        names = [n for n in self.correction.columns if n in rows.columns and n in right.columns]
        return rows.with_columns(rows[n].clone().scatter(places, right[n].cast(rows.schema[n])) for n in names)

    def _protected(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Quality rows with the right values as the policy of personal data lets them out, made of the clean rows that they come from."""
        contract, lake = self.correction.contract, Lake(self.settings.lake)
        policy = load_pii_policy(contract, self.settings.policies).model_copy(update={"quasi_identifiers": ()})
        clean = lake.read(f"clean/{contract.name}", tenant=self.tenant).collect()
        theirs = rows.select(LINEAGE).join(clean, on=list(LINEAGE), how="left", nulls_equal=True, maintain_order="left").select(clean.columns)
        return protect(_with(theirs, self.correction.typed()), contract, policy, self.keys.keys, self.keys).rows


def _with(rows: pl.DataFrame, values: Mapping[str, pl.Series]) -> pl.DataFrame:
    """Rows that all have the same values in some columns."""
    return rows.with_columns(v.cast(rows.schema[n]).new_from_index(0, rows.height).alias(n) for n, v in values.items() if n in rows.columns)
