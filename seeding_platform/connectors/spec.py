"""What a user says about a file source: where it is, how it is written, which tables it feeds.

The YAML form is binding; `seeding_platform.components.FileSource` shows it to Dagster. Reading is done elsewhere.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from seeding_platform.catalog import LANDED, TABLES

if TYPE_CHECKING:
    from seeding_platform.catalog import TableContract

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Tenant = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]
Constant = str | int | float | bool


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Notation(_Strict):
    """How a source writes dates and numbers; ISO 8601 is always understood as well."""

    date: str | None = Field(None, description="strptime format of dates, such as %d-%m-%Y")
    timestamp: str | None = Field(None, description="strptime format of dates with time")
    decimal: Literal[".", ","] = Field(".", description="Decimal mark; the other of . and , is the thousands mark")
    timezone: str = Field("UTC", description="IANA zone of times without offset")
    dates: dict[str, str] = Field(default_factory=dict, description="contract column: its own strptime format, where columns differ")
    decimals: dict[str, Literal[".", ","]] = Field(default_factory=dict, description="contract column: its own decimal mark")

    def of(self, column: str) -> Notation:
        """The notation of one column."""
        form, mark = self.dates.get(column), self.decimals.get(column)
        if form is None and mark is None:
            return self
        clock = form is not None and ("%H" in form or "%I" in form)
        change = {"timestamp": form} if clock else {"date": form} if form is not None else {}
        return self.model_copy(update=change | ({"decimal": mark} if mark else {}))

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{zone!r} is no IANA time zone, such as Europe/Amsterdam") from error
        return zone


class TableMapping(_Strict):
    """How one contract is filled from a source's columns."""

    contract: str = Field(description="Contract that is fed")
    columns: dict[str, str] = Field(default_factory=dict, description="contract column: source column")
    constants: dict[str, Constant] = Field(default_factory=dict, description="contract column: value")
    key_from: list[str] = Field(default_factory=list, description="Source columns whose content hash becomes the key, where the source has no id")
    formats: Notation = Field(default_factory=Notation, description="Notation of dates and numbers")

    @field_validator("contract")
    @classmethod
    def _known_contract(cls, name: str) -> str:
        if name not in LANDED:
            why = "is computed by the platform and cannot be landed" if name in TABLES else f"is no contract{_near(name, LANDED)}"
            raise ValueError(f"{name!r} {why}")
        return name

    @model_validator(mode="after")
    def _columns_exist(self) -> TableMapping:
        table = LANDED[self.contract]
        for column in (*self.columns, *self.constants):
            if column in table.derived:
                raise ValueError(f"{self.contract}.{column} is computed by the platform and cannot be mapped")
            if column not in table.columns:
                raise ValueError(f"{self.contract} has no column {column!r}{_near(column, table.columns)}")
        both = sorted(set(self.columns) & set(self.constants))
        if both:
            raise ValueError(f"{self.contract}: {', '.join(both)} stand under columns and under constants; keep one")
        self._check_key(table)
        return self

    def _check_key(self, table: TableContract) -> None:
        given = {*self.columns, *self.constants}
        if self.key_from and self.hashed_key in given:
            raise ValueError(f"{self.contract}.{self.hashed_key} is mapped and made by key_from; keep one")
        missing = [k for k in table.key if k not in given and not (self.key_from and k == self.hashed_key)]
        if missing and table.identity == "natural":
            raise ValueError(f"{self.contract}: the key needs {', '.join(missing)}; map it, or make it with key_from: [source columns]")

    @property
    def hashed_key(self) -> str:
        """The key column that `key_from` fills: the first of the contract's key."""
        return LANDED[self.contract].key[0]


class FileSourceSpec(_Strict):
    """Files of one kind and the tables that they feed."""

    name: Name = Field(description="Name of the source")
    stream: Name = Field("main", description="Name of the stream; raw rows land in raw/<name>__<stream>")
    path: str | None = Field(None, description="One fixed file; relative paths start at the samples folder")
    files: str | None = Field(None, description="Pattern of file names in the landing folder, such as ads_*.csv")
    format: Literal["csv", "json", "jsonl", "parquet", "excel", "ad_export"] = Field(
        description="Form of the files; ad_export: an ad platform's own export, recognised by its content"
    )
    delimiter: str | None = Field(None, description="CSV delimiter; sniffed when absent", min_length=1, max_length=1)
    encoding: str | None = Field(None, description="Text encoding; sniffed when absent")
    sheet: str | None = Field(None, description="Excel sheet; the first when absent")
    mode: Literal["append", "upsert", "replace", "history", "restate"] = Field(
        "append",
        description="What a new file means for the rows of earlier ones: added; added, the newest row of a key counts; in their place; "
        "in their place, and the earlier ones kept with _valid_from and _valid_to; restate (ad_export only): in place of the same platform, "
        "account and day",
    )
    tenant: Tenant = Field("default", description="Whose data it is")
    synthetic: bool = Field(False, description="Made data: trains, never evaluates")
    trust: float = Field(0.95, gt=0, lt=1, description="Share of its records that is taken for right before anything is seen")
    tables: list[TableMapping] = Field(min_length=1, description="Contracts that are fed")

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str | None) -> str | None:
        import codecs

        if encoding is not None:
            try:
                codecs.lookup(encoding)
            except LookupError as error:
                raise ValueError(f"{encoding!r} is no encoding; common ones are utf-8, cp1252, utf-16") from error
        return encoding

    @model_validator(mode="after")
    def _restates_exports(self) -> FileSourceSpec:
        if (self.mode == "restate") != (self.format == "ad_export"):
            raise ValueError("format: ad_export goes with mode: restate, and no other format does")
        return self

    @model_validator(mode="after")
    def _one_place(self) -> FileSourceSpec:
        if (self.path is None) == (self.files is None):
            raise ValueError("give either path: (one fixed file) or files: (a pattern in the landing folder)")
        if self.files is not None and "/" in self.files:
            raise ValueError("files: is matched against file names, so it holds no /")
        twice = {m.contract for m in self.tables if [o.contract for o in self.tables].count(m.contract) > 1}
        if twice:
            raise ValueError(f"{', '.join(sorted(twice))} is fed twice by the same file")
        return self

    @property
    def label(self) -> str:
        """`<name>__<stream>`: the raw table and the `_source` of its rows."""
        return f"{self.name}__{self.stream}"

    @property
    def table(self) -> str:
        """Lake table of the rows as read."""
        return f"raw/{self.label}"


def _near(name: str, known: object) -> str:
    found = difflib.get_close_matches(name, list(known), n=1)  # type: ignore[call-overload]
    return f"; did you mean {found[0]!r}?" if found else ""
