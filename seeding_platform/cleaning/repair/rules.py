"""The forms of a repair rule, as an author writes them in YAML."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from seeding_platform.cleaning.files import read_yaml
from seeding_platform.errors import ConfigError


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, description="Stands in the log beside each cell it changed")
    column: str = Field(description="The column that is repaired")

    def needs(self) -> tuple[str, ...]:
        """The columns it reads."""
        return (self.column,)


class FormatRule(_Rule):
    """Rewrite what matches a pattern; without anything to write, flag what does not match it as a whole.

    The steps are taken in this order: `pattern`/`replace`, `case`, `number`. A blank cell is the empty text, so the pattern `^$` fills blanks;
    a result that is empty leaves a blank.
    """

    kind: Literal["format"]
    pattern: str | None = Field(None, description="Regular expression; every match in the cell is replaced")
    replace: str | None = Field(None, description="What takes its place; groups as $1, ${1} or \\1")
    source: str | None = Field(None, description="Fill blanks of `column` from matches in this column instead of rewriting it")
    case: Literal["lower", "upper"] | None = None
    number: bool = Field(False, description="Write numbers in their shortest form: 12.0 becomes 12")
    decimals: int | None = Field(None, ge=0, le=12, description="Round numbers to so many decimals")
    decimal_mark: Literal[".", ","] = "."

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        return pattern

    @model_validator(mode="after")
    def _does_something(self) -> FormatRule:
        if self.replace is not None and self.pattern is None:
            raise ValueError("replace needs a pattern")
        if self.source is not None and self.replace is None:
            raise ValueError("source needs a pattern and what to replace it by")
        if self.decimals is not None and not self.number:
            raise ValueError("decimals needs number: true")
        if self.pattern is None and self.case is None and not self.number:
            raise ValueError("one of pattern, case, number is needed")
        return self

    def needs(self) -> tuple[str, ...]:
        """The columns it reads."""
        return (self.column, self.source) if self.source else (self.column,)


class DependencyRule(_Rule):
    """Equal determinants have equal values: what the clear majority says is written into the rest, blanks included."""

    kind: Literal["fd"]
    determinant: tuple[str, ...] = Field(min_length=1, description="Columns that decide the value; a row with a blank one is left alone")
    min_support: int = Field(3, ge=1, description="Rows that must agree")
    margin: float = Field(2.0, ge=1, description="They must be this many times as many as the next value has")

    @field_validator("determinant", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _other_columns(self) -> DependencyRule:
        if self.column in self.determinant:
            raise ValueError("a column cannot decide itself")
        return self

    def needs(self) -> tuple[str, ...]:
        """The columns it reads."""
        return (*self.determinant, self.column)


class SnapRule(_Rule):
    """Values close to one entry of a dictionary, and to no other, become that entry; without a dictionary, the column's frequent values are it."""

    kind: Literal["snap"]
    dictionary: tuple[str, ...] | None = Field(None, description="Entries, or the name of a text file with one entry a line")
    min_support: int = Field(3, ge=1, description="Rows that an entry of a learned dictionary must have")
    margin: float = Field(5.0, ge=1, description="A learned entry must have this many times the rows of what is replaced")


class SlipRule(_Rule):
    """An amount that is 10, 100 or 1,000 times what at least two amounts beside it speak for is divided by that."""

    kind: Literal["slip"]
    per: tuple[str, ...] = Field(min_length=2, description="Columns of amounts that rise and fall with it; what both speak for is its size")
    by: tuple[str, ...] = Field((), description="Columns that form the groups in which the quotients are alike")
    factors: tuple[float, ...] = Field((100.0, 1000.0), min_length=1, description="What a slip may have multiplied it by; below 1 it made it smaller")

    @field_validator("factors")
    @classmethod
    def _moves(cls, factors: tuple[float, ...]) -> tuple[float, ...]:
        if any(f <= 0 or f == 1 for f in factors):
            raise ValueError("a factor is above 0 and not 1")
        return factors

    @model_validator(mode="after")
    def _other_columns(self) -> SlipRule:
        if self.column in self.per or len(set(self.per)) < len(self.per):
            raise ValueError("witnesses are other columns, each once")
        return self

    def needs(self) -> tuple[str, ...]:
        """The columns it reads."""
        return (*self.by, *self.per, self.column)


RepairRule = Annotated[FormatRule | DependencyRule | SnapRule | SlipRule, Field(discriminator="kind")]
_RULES: TypeAdapter[list[RepairRule]] = TypeAdapter(list[RepairRule])


def parse_rules(rules: Any, *, where: str = "rules", folder: Path | None = None) -> list[RepairRule]:
    """Rules from plain data: a list, or a mapping with the list under `rules`.

    Args:
        rules: what YAML or JSON holds.
        where: what error messages call it.
        folder: where the files of dictionaries are looked for.

    Raises:
        ConfigError: a rule is not in its form, two have the same name, or a dictionary cannot be read.
    """
    listed = rules.get("rules") if isinstance(rules, dict) else rules
    if not isinstance(listed, list) or (isinstance(rules, dict) and set(rules) != {"rules"}):
        raise ConfigError(f"{where}: expected `rules:` with a list of rules")
    try:
        parsed = _RULES.validate_python([_with_dictionary(rule, where, folder) for rule in listed])
    except ValidationError as error:
        told = "; ".join(f"{_place(listed, e['loc'])}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{where}: {told}") from error
    twice = {rule.name for rule in parsed if sum(r.name == rule.name for r in parsed) > 1}
    if twice:
        raise ConfigError(f"{where}: two rules are called {', '.join(sorted(twice))}")
    return parsed


def load_rules(file: Path) -> list[RepairRule]:
    """Rules from a YAML file.

    Raises:
        ConfigError: it cannot be read as rules.
    """
    return parse_rules(read_yaml(file), where=file.name, folder=file.parent)


def _with_dictionary(rule: Any, where: str, folder: Path | None) -> Any:
    if not isinstance(rule, dict) or not isinstance(rule.get("dictionary"), str):
        return rule
    file = (folder or Path()) / rule["dictionary"]
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: the dictionary {rule['dictionary']} cannot be read: {error}") from error
    return {**rule, "dictionary": [line.strip() for line in lines if line.strip()]}


def _place(rules: list[Any], loc: tuple[int | str, ...]) -> str:
    rule = rules[loc[0]] if loc and isinstance(loc[0], int) else None
    name = rule.get("name") if isinstance(rule, dict) else None
    field = ".".join(str(part) for part in loc[1:] if part not in ("format", "fd", "snap"))
    return f"rule {name or loc[0]}" + (f", {field}" if field else "")
