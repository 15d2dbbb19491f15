"""What keeps a due model from being trained: too little to learn from, a rest after the last attempt, or nothing that changed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.errors import ConfigError
from seeding_platform.models.retraining.triggers import Trigger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeding_platform.models.retraining.thresholds import RetrainingThresholds


class Reason(StrEnum):
    """Why a due model is not trained."""

    TOO_FEW_ROWS = "too_few_rows"
    ONE_CLASS = "one_class"
    COOL_DOWN = "cool_down"
    NO_CHANGE = "no_change"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A training that does not take place, and why."""

    reason: Reason
    says: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Rows to train on.

    Args:
        rows: labelled, each content once.
        unlabelled: rows left out for want of a label.
        duplicates: rows left out for being the same as another.
    """

    rows: pl.DataFrame
    unlabelled: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a model is made of: content of its data, version of the code, hash of its parameters."""

    data: str
    code: str
    params: str


def trainable(frame: pl.DataFrame, *, target: str, classes: bool, thresholds: RetrainingThresholds, ignore: Sequence[str] = ()) -> Ready | Skipped:
    """The rows that may be trained on: labelled, duplicates by content removed, enough of them, of two classes at least.

    Args:
        frame: training rows.
        target: column of the label.
        classes: the label is a class.
        thresholds: the bars.
        ignore: columns that are no content, such as ids and times of landing.

    Raises:
        ConfigError: a column is missing.
    """
    absent = [c for c in (target, *ignore) if c not in frame.columns]
    if absent:
        raise ConfigError(f"The training rows have no column {', '.join(absent)}.", fix=f"They have {', '.join(frame.columns)}.")
    label = pl.col(target)
    labelled = frame.filter(label.is_not_null() & (label.is_not_nan() if frame[target].dtype.is_float() else True))
    rows = labelled.unique([c for c in frame.columns if c not in ignore], keep="first", maintain_order=True)
    unlabelled, duplicates = frame.height - labelled.height, labelled.height - rows.height
    needed = thresholds.min_training_samples
    if rows.height < needed:
        left_out = f"{duplicates} duplicates and {unlabelled} without a label left out"
        return Skipped(Reason.TOO_FEW_ROWS, f"{rows.height} labelled rows ({left_out}), {needed} are needed")
    if classes and rows[target].n_unique() < 2:
        return Skipped(Reason.ONE_CLASS, f"all {rows.height} rows are of one class: there is nothing to tell apart")
    return Ready(rows, unlabelled, duplicates)


def cooling(trigger: Trigger, last_attempt: dt.datetime | None, now: dt.datetime, thresholds: RetrainingThresholds) -> Skipped | None:
    """The rest after an attempt, where it is not over; what is asked for by hand does not wait."""
    if trigger is Trigger.MANUAL or last_attempt is None:
        return None
    over = last_attempt + dt.timedelta(hours=thresholds.cool_down_hours)
    return (
        None
        if now >= over
        else Skipped(Reason.COOL_DOWN, f"the last attempt was at {last_attempt.isoformat()}; the next may be at {over.isoformat()}")
    )


def unchanged(before: Sequence[Fingerprint], now: Fingerprint) -> Skipped | None:
    """Nothing to fit, where data, code and parameters are what a version was made of before."""
    return Skipped(Reason.NO_CHANGE, "data, code and parameters are those of the last version") if now in before else None
