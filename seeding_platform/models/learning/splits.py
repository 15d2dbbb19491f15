"""Which rows train and which are held out: by chance, by parts, by time, or as given; groups never on both sides, made-up rows never held out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

from seeding_platform.errors import ConfigError, ContractBroken, PermanentError
from seeding_platform.models.kinds import Kind
from seeding_platform.models.learning.reading import labelled, labels, made_up, moments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seeding_platform.models.spec import ModelSpec, Split

_TEST = ("test", "held_out", "holdout", "evaluate", "true", "1")
_TRAIN = ("train", "training", "false", "0")


def split_rows(spec: ModelSpec, frame: pl.DataFrame, *, split: Split | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Training and held-out rows of a split that has one part.

    Args:
        spec: the model.
        frame: rows; those without a target are left out.
        split: in place of the specification's own.

    Raises:
        ConfigError: the split has several parts, or its column does not say which is which.
        PermanentError: one side is empty.
    """
    parts = parted(spec, frame, split=split)
    if len(parts) > 1:
        raise ConfigError(f"{spec.name}: its split has {len(parts)} parts, and one was asked for.", fix="Take kind holdout, time or given.")
    return parts[0]


def parted(spec: ModelSpec, frame: pl.DataFrame, *, split: Split | None = None) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    """Every pair of training and held-out rows; several of kind kfold, else one.

    Raises:
        ConfigError: the split's column does not say which is which.
        ContractBroken: a column is missing, or a row has no moment.
        PermanentError: one side is empty.
    """
    told = split or spec.split
    rows = labelled(spec, frame).with_row_index("_place")
    made = made_up(rows)
    real = rows.filter(~made)
    if real.height < 2:
        raise PermanentError(f"{spec.name}: {real.height} labelled rows that are not made up; they cannot be parted.", fix="Give it more rows.")
    if told.kind == "time":
        pairs = [_by_time(spec, rows, made, told)]
    elif told.kind == "given":
        pairs = [_as_given(spec, rows, made, told)]
    else:
        held = _kept_apart(spec, real, told)
        pairs = [(rows.filter(~pl.col("_place").is_in(test["_place"].implode())), test) for test in (real.filter(pl.Series(h)) for h in held)]
    return [_sound(spec, _without_groups(spec, train, test).drop("_place"), test.drop("_place")) for train, test in pairs]


def _by_time(spec: ModelSpec, rows: pl.DataFrame, made: pl.Series, split: Split) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The newest rows are held out; whatever is not older than the oldest of them does not train."""
    name = split.column or str(spec.time)
    at = _moments(spec, rows, name)
    order = at.filter(~made).sort()
    cut = order[order.len() - max(1, round(order.len() * split.test_fraction))]
    return rows.filter(at < cut), rows.filter((at >= cut) & ~made)


def _moments(spec: ModelSpec, rows: pl.DataFrame, name: str) -> pl.Series:
    if name not in rows.columns:
        raise ContractBroken(spec.name, column=name, what="is not in the table, and rows are parted by it", fix="Correct split.column or time.")
    at = rows[name] if rows[name].dtype.is_numeric() else moments(spec.name, name, rows[name])
    if at.null_count():
        row = int(at.is_null().arg_true()[0])
        raise ContractBroken(spec.name, column=name, row=row, what="has no value, and rows are parted by it", fix="Fill it or leave the row out.")
    return at


def _as_given(spec: ModelSpec, rows: pl.DataFrame, made: pl.Series, split: Split) -> tuple[pl.DataFrame, pl.DataFrame]:
    name = split.column
    if name is None:
        raise ConfigError(f"{spec.name}: its split is given, but not where.", fix="Give a file each (--train and --test), or name split.column.")
    if name not in rows.columns:
        raise ContractBroken(spec.name, column=name, what="is not in the table, and it says which rows are held out", fix="Correct split.column.")
    told = labels(rows[name]).str.to_lowercase()
    unknown = told.filter(~told.is_in([*_TEST, *_TRAIN]) | told.is_null())
    if unknown.len():
        fix = "Write train or test in every row."
        raise ContractBroken(spec.name, column=name, value=unknown[0], what="says neither train nor test", fix=fix)
    test = told.is_in(_TEST)
    return rows.filter(~test), rows.filter(test & ~made)


def _kept_apart(spec: ModelSpec, real: pl.DataFrame, split: Split) -> list[NDArray[Any]]:
    """By part, whether each real row is held out."""
    group = _groups(spec, real)
    classes = labels(real[str(spec.target)]).to_numpy() if spec.kind is Kind.CLASSIFICATION else None
    if split.kind == "kfold":
        return _folds(spec, real.height, split, group, classes)
    draw = np.random.default_rng(split.seed)
    if group is not None:
        units = draw.permutation(np.unique(group))
        return [np.isin(group, units[: max(1, round(units.size * split.test_fraction))])]
    order = draw.permutation(real.height)
    if classes is not None:
        order = order[np.argsort(classes[order], kind="stable")]
    steps = np.floor(np.arange(1, order.size + 1) * split.test_fraction + 0.5)
    held = np.zeros(real.height, dtype=bool)
    held[order[np.diff(steps, prepend=0.0) > 0]] = True
    return [held]


def _folds(spec: ModelSpec, rows: int, split: Split, group: NDArray[Any] | None, classes: NDArray[Any] | None) -> list[NDArray[Any]]:
    count = split.folds or 5
    units = rows if group is None else np.unique(group).size
    if units < count:
        what = "rows" if group is None else f"values of {spec.group}"
        raise PermanentError(f"{spec.name}: {units} {what} cannot make {count} folds.", fix="Ask for fewer folds, or give it more rows.")
    places = np.zeros((rows, 1))
    if group is not None:
        cut = GroupKFold(count, shuffle=True, random_state=split.seed).split(places, groups=group)
    elif classes is not None and np.unique(classes, return_counts=True)[1].min() >= count:
        cut = StratifiedKFold(count, shuffle=True, random_state=split.seed).split(places, classes)
    else:
        cut = KFold(count, shuffle=True, random_state=split.seed).split(places)
    return [np.isin(np.arange(rows), held) for _, held in cut]


def _groups(spec: ModelSpec, rows: pl.DataFrame) -> NDArray[Any] | None:
    """The group of each row by number; a row without one is a group of its own."""
    if spec.group is None:
        return None
    if spec.group not in rows.columns:
        raise ContractBroken(spec.name, column=spec.group, what="is not in the table, and rows are kept together by it", fix="Correct group.")
    names = labels(rows[spec.group]).to_list()
    own = [f"row {n}" if name is None else f"value {name}" for n, name in enumerate(names)]
    return np.unique(own, return_inverse=True)[1]


def _without_groups(spec: ModelSpec, train: pl.DataFrame, test: pl.DataFrame) -> pl.DataFrame:
    """Training rows whose group is not held out: that of made-up rows, and of rows on both sides of a cut in time, is seen here only."""
    if spec.group is None or spec.group not in train.columns:
        return train
    mine = labels(train[spec.group])
    return train.filter(mine.is_null() | ~mine.is_in(labels(test[spec.group]).drop_nulls().implode()))


def _sound(spec: ModelSpec, train: pl.DataFrame, test: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    for rows, side in ((train, "to train on"), (test, "held out")):
        if rows.height == 0:
            raise PermanentError(f"{spec.name}: the split leaves no row {side}.", fix="Give it more rows, or groups, or another split.")
    return train, test
