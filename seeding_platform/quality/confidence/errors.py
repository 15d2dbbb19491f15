"""Errors put into raw rows, as exports and people make them, so that it can be seen which of them leave a trace.

The catalogue is an assumption about the world; what confidence says holds as far as the errors of a source are of these kinds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

    from seeding_platform.catalog import Column, TableContract

    Make = Callable[[str, list[str], np.random.Generator], str | None]

VERSION = 1
SHARE, MISSING = 0.25, 0.22
"""Of rows that get an error, and of errors that are a missing value."""
MORE = (0.7, 0.22, 0.08)
"""Of rows with an error, those with one, two and three."""


def spoiled(raw: pl.DataFrame, contract: TableContract, rng: np.random.Generator, *, share: float = SHARE) -> pl.DataFrame:
    """The same raw rows with errors in `share` of them, in cells that say something; keys stay as they are.

    Args:
        raw: rows in the contract's raw schema.
        contract: whose rows they are.
        rng: what decides where and which.
        share: of the rows.
    """
    columns = [c for c in contract.columns if c not in contract.derived and c not in contract.key and raw[c].null_count() < raw.height]
    if not columns or not raw.height:
        return raw
    count = rng.choice(len(MORE), size=raw.height, p=MORE) + 1
    count = count * (rng.random(raw.height) < share)
    order = rng.random((raw.height, len(columns))).argsort(axis=1)
    changed = {}
    for place, name in enumerate(columns):
        rows = ((order == place).argmax(axis=1) < count).nonzero()[0]
        cells = raw[name].gather(rows)
        said = [(int(row), value) for row, value in zip(rows, cells, strict=True) if value is not None and value.strip()]
        if not said:
            continue
        others = raw[name].drop_nulls().sample(min(500, raw[name].count()), seed=int(rng.integers(2**31)), with_replacement=True).to_list()
        kinds = _kinds(contract.columns[name])
        made = [_spoiled_cell(value, others, kinds, rng) for _, value in said]
        changed[name] = raw[name].scatter([row for row, _ in said], pl.Series(made, dtype=pl.String))
    return raw.with_columns(**changed)


def _spoiled_cell(value: str, others: list[str], kinds: Mapping[str, float], rng: np.random.Generator) -> str | None:
    if rng.random() < MISSING:
        return None
    kind = rng.choice(list(kinds), p=list(kinds.values()))
    return _MAKE[str(kind)](value, others, rng)


def _kinds(column: Column) -> Mapping[str, float]:
    """Kinds of errors of a column's type, and how often each is made."""
    if column.dtype.is_numeric():
        return {"slip": 0.3, "sign": 0.15, "digits": 0.25, "elsewhere": 0.15, "no_value": 0.15}
    if column.dtype.is_temporal():
        return {"digits": 0.3, "elsewhere": 0.4, "no_value": 0.3}
    if column.dtype == pl.Boolean:
        return {"elsewhere": 0.7, "no_value": 0.3}
    return {"typo": 0.55, "elsewhere": 0.25, "cut": 0.2}


def _slip(value: str, _: list[str], rng: np.random.Generator) -> str:
    """A unit slip: a decimal mark that is lost, or a hundred or a thousand times as much."""
    whole = value.rstrip("0123456789")
    if whole and whole[-1] in ".,":
        return whole[:-1] + value[len(whole) :]
    return value + ("00" if rng.random() < 0.5 else "000")


def _digits(value: str, _: list[str], rng: np.random.Generator) -> str:
    """Two neighbouring digits in the wrong order."""
    places = [i for i in range(len(value) - 1) if value[i : i + 2].isdigit() and value[i] != value[i + 1]]
    if not places:
        return f"{value}7"
    at = int(rng.choice(places))
    return value[:at] + value[at + 1] + value[at] + value[at + 2 :]


def _typo(value: str, _: list[str], rng: np.random.Generator) -> str:
    """A letter left out, put in, or in the wrong order."""
    at = int(rng.integers(len(value)))
    kind = rng.integers(3)
    if kind == 0 and len(value) > 1:
        return value[:at] + value[at + 1 :]
    if kind == 1 and at + 1 < len(value) and value[at] != value[at + 1]:
        return value[:at] + value[at + 1] + value[at] + value[at + 2 :]
    return value[:at] + str(rng.choice(list("aeiknorst"))) + value[at:]


def _elsewhere(_: str, others: list[str], rng: np.random.Generator) -> str:
    """The value of another row."""
    return others[int(rng.integers(len(others)))]


_MAKE: dict[str, Make] = {
    "slip": _slip,
    "sign": lambda value, _, __: f"-{value}",
    "digits": _digits,
    "elsewhere": _elsewhere,
    "no_value": lambda _, __, rng: str(rng.choice(["n.v.t.", "#REF!", "see note", "??"])),
    "typo": _typo,
    "cut": lambda value, _, __: value[: max(1, len(value) * 2 // 3)],
}
