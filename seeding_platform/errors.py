"""What can go wrong, as types that carry their data and say what to do next.

A room raises one of these; an edge (CLI, Dagster asset, service) decides how to show it. `str(error)` is a whole
message for a person: what did not happen, why, and how to fix it.
"""

from __future__ import annotations


class SeedingError(Exception):
    """Base of every error that this product raises on purpose.

    Args:
        what: what did not happen and why, one sentence.
        fix: what a person can do about it; shown after the sentence.
    """

    def __init__(self, what: str, *, fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what} {self.fix}".rstrip()

    def without_value(self) -> str:
        """The message as it may be kept and shown to everybody: what a cell holds may be about a person."""
        return str(self)


class ConfigError(SeedingError):
    """A setting or a YAML file of a user's is wrong; nothing was started."""


class TransientError(SeedingError):
    """Worth trying again later without a change."""


class PermanentError(SeedingError):
    """Trying again without a change gives the same failure."""


class BusyError(SeedingError):
    """Another process holds the lock for this work."""


class SourceUnreadable(PermanentError):
    """A file cannot be split into rows and columns as its source declares.

    Args:
        file: name of the file, without folders.
        what: what is wrong with it.
        line: 1-based line of the file, where one line is to blame.
        column: column name, where one column is to blame.
        fix: what to do.
    """

    def __init__(self, file: str, what: str, *, line: int | None = None, column: str | None = None, fix: str = "") -> None:
        place = "".join([file, f", line {line}" if line else "", f", column {column!r}" if column else ""])
        super().__init__(f"{place}: {what}", fix=fix)
        self.file, self.line, self.column = file, line, column


class ContractBroken(PermanentError):
    """Data does not keep the contract of its table.

    Args:
        table: contract name.
        column: the column at fault.
        value: the offending value as text, if there is one.
        row: 0-based row of the frame, if there is one.
        fix: what to do.
    """

    def __init__(
        self, table: str, *, column: str, value: str | None = None, row: int | None = None, what: str = "breaks its contract", fix: str = ""
    ) -> None:
        shown = f" value {value!r}" if value is not None else ""
        where = f" in row {row}" if row is not None else ""
        super().__init__(f"{table}: column {column!r}{shown}{where} {what}.", fix=fix)
        self.table, self.column, self.value, self.row, self.why = table, column, value, row, what

    def without_value(self) -> str:
        """Table, column and row, without the value."""
        return str(ContractBroken(self.table, column=self.column, row=self.row, what=self.why, fix=self.fix))


class GateClosed(PermanentError):
    """A quality gate refused a table, a model or a bundle; what stood before stays in force."""
