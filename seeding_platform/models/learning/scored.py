"""Held-out rows with what happened, what the model said and what the dummy would have said; the rows that gates and figures work on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from seeding_platform.errors import PermanentError
from seeding_platform.models.kinds import Kind
from seeding_platform.models.learning.reading import labels, made_up, target_values
from seeding_platform.models.learning.trained import numbered, positive_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from seeding_platform.models.learning.trained import Trained
    from seeding_platform.models.spec import ModelSpec

_OWN = ("truth", "prediction", "score")


@dataclass(frozen=True, slots=True)
class Scored:
    """Held-out rows.

    Args:
        truth: numbers; for classes their place, -1 for one that the model does not know.
        told: what happened as text, for classes.
        scores: probabilities (rows x classes) or numbers.
        dummy: the same of the dummy; None of groups.
        classes: labels by place; None of numbers and groups.
        frame: the rows as they came, without made-up ones.
    """

    truth: NDArray[Any]
    told: pl.Series | None
    scores: NDArray[Any]
    dummy: NDArray[Any] | None
    classes: list[str] | None
    frame: pl.DataFrame

    def only(self, which: Sequence[bool] | NDArray[Any]) -> Scored:
        """The rows of which it is said."""
        places = np.flatnonzero(np.asarray(which, dtype=bool))
        told, dummy = None if self.told is None else self.told[places], None if self.dummy is None else self.dummy[places]
        return Scored(self.truth[places], told, self.scores[places], dummy, self.classes, self.frame[places])

    def some(self, most: int, *, seed: int) -> Scored:
        """At most so many of the rows, drawn by chance, in their order."""
        if self.truth.size <= most:
            return self
        return self.only(np.random.default_rng(seed).permutation(self.truth.size) < most)


def scored(model: Trained, spec: ModelSpec, frame: pl.DataFrame) -> Scored:
    """Score rows; made-up ones are left out.

    Raises:
        ContractBroken: a column is missing or holds what is none of its kind, or a row has no target.
        PermanentError: no row is left.
    """
    real = frame.filter(~made_up(frame))
    if real.height == 0:
        raise PermanentError(f"{spec.name}: no row is left to judge it by; made-up rows do not count.", fix="Give it rows that really happened.")
    scores = model.scores(spec, real)
    if spec.kind is Kind.CLUSTERING or model.dummy is None:
        return Scored(np.asarray(scores, dtype=float), None, scores, None, None, real)
    told = target_values(spec, real)
    truth = numbered(told, model.classes) if model.classes else told.to_numpy()
    return Scored(truth, told if model.classes else None, scores, model.dummy.scores(real), model.classes, real)


def together(parts: Sequence[Scored]) -> Scored:
    """The held-out rows of several folds; a class that one of them did not know has no probability there."""
    if len(parts) == 1:
        return parts[0]
    frame = pl.concat([p.frame for p in parts], how="vertical")
    classes = parts[0].classes
    if classes is None:
        dummy = None if parts[0].dummy is None else np.concatenate([p.dummy for p in parts if p.dummy is not None])
        return Scored(np.concatenate([p.truth for p in parts]), None, np.concatenate([p.scores for p in parts]), dummy, None, frame)
    every = sorted({label for p in parts for label in p.classes or []}, key=lambda label: _place(label, parts))
    told = pl.concat([p.told for p in parts if p.told is not None])
    scores, dummies = (np.concatenate([_widened(p, s, every) for p, s in pairs]) for pairs in (
        [(p, p.scores) for p in parts], [(p, p.dummy) for p in parts if p.dummy is not None]
    ))  # fmt: skip
    if all((part.dummy == part.dummy[:1]).all() for part in parts if part.dummy is not None):  # else the order of the folds would tell labels apart
        dummies = np.tile(dummies.mean(axis=0), (len(dummies), 1))
    return Scored(numbered(told, every), told, scores, dummies, every, frame)


def alike(parts: Sequence[Scored]) -> list[Scored]:
    """The same rows as several models scored them, over the same classes: all that a model knows or that occurs; one it does not know is at 0."""
    if parts[0].classes is None:
        return list(parts)
    told = parts[0].told if parts[0].told is not None else pl.Series(dtype=pl.String)
    known = {label for p in parts for label in p.classes or []}
    every = sorted(known | set(told.drop_nulls().to_list()), key=lambda label: _place(label, parts))
    truth = numbered(told, every)
    return [
        replace(p, truth=truth, scores=_widened(p, p.scores, every), dummy=None if p.dummy is None else _widened(p, p.dummy, every), classes=every)
        for p in parts
    ]


def _place(label: str, parts: Sequence[Scored]) -> tuple[float, str]:
    """Order as each part has it: numbers by size, else the alphabet."""
    try:
        return float(label), label
    except ValueError:
        return (0.0, label)


def _widened(part: Scored, scores: NDArray[Any], every: list[str]) -> NDArray[Any]:
    wide = np.zeros((len(scores), len(every)))
    wide[:, [every.index(label) for label in part.classes or []]] = scores
    return wide


def row_scores(model: Trained, spec: ModelSpec, frame: pl.DataFrame) -> pl.DataFrame:
    """Every row that is not made up, with what happened and what the model says: what gates compare.

    Returns:
        `truth`, `prediction`; of two classes `score` (probability of the positive one), of several a `p_<class>` each; then the columns of
        `slices`, and the group, as text.
    """
    return as_rows(spec, scored(model, spec, frame))


def as_rows(spec: ModelSpec, rows: Scored) -> pl.DataFrame:
    """Scored rows as a table."""
    columns: list[pl.Series] = []
    if rows.classes is None:
        columns += [pl.Series("truth", rows.truth, dtype=pl.Float64), pl.Series("prediction", rows.scores, dtype=pl.Float64)]
    else:
        best = rows.scores.argmax(axis=1)
        told = rows.told if rows.told is not None else pl.Series(dtype=pl.String)
        columns += [told.alias("truth"), pl.Series("prediction", [rows.classes[i] for i in best], dtype=pl.String)]
        if len(rows.classes) == 2:
            columns.append(pl.Series("score", rows.scores[:, positive_class(spec, rows.classes)]))
        else:
            columns += [pl.Series(f"p_{label}", rows.scores[:, i]) for i, label in enumerate(rows.classes)]
    beside = [c for c in dict.fromkeys((*spec.slices, *((spec.group,) if spec.group else ()))) if c in rows.frame.columns and c not in _OWN]
    return pl.DataFrame([*columns, *(labels(rows.frame[c]).alias(c) for c in beside)])
