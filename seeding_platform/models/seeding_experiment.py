"""What data from outside is worth: a model from a few labels of one's own, against one from the same labels and the seed package.

The seed package is every labelled row that is not the tenant's own: rows marked `synthetic`, and rows of others that the tenant may learn from.
Both models are judged by the same rows of the tenant's own, which neither saw.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.errors import ConfigError, PermanentError
from seeding_platform.models.kinds import Direction, Kind
from seeding_platform.models.learning.judging import deciding_value
from seeding_platform.models.learning.reading import feature_values, labelled, labels, made_up, moments, target_values
from seeding_platform.models.learning.scored import alike, scored
from seeding_platform.models.learning.splits import split_rows
from seeding_platform.models.learning.trained import train
from seeding_platform.models.operations.rows import fingerprints
from seeding_platform.models.spec import Split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from seeding_platform.models.learning.trained import Trained
    from seeding_platform.models.spec import ModelSpec

SIZES = (48, 150, 500)
"""Own labels that a cold start is tried with."""
DRAWS = 20
MOST_SEED_ROWS = 5000
FEWEST_HELD_OUT = 30
_TRIES = 20
_CLASSES = (Kind.CLASSIFICATION, Kind.NEXT_ITEM)


@dataclass(frozen=True, slots=True)
class Rung:
    """Cold and warm start with one number of own labels.

    Args:
        labels: own labelled rows of each draw.
        draws: draws in which both could be measured.
        cold: mean of the metric from own labels alone.
        warm: mean of the metric from the same labels and the seed package.
        gain: mean of the paired differences, above 0 where the package helps, whichever way the metric runs.
        ci_low: lower limit of its 95 % interval over the draws; None of a single one.
        ci_high: upper limit.
        cold_cpu_s: CPU-seconds of one fit.
        warm_cpu_s: the same with the package.
    """

    labels: int
    draws: int
    cold: float
    warm: float
    gain: float
    ci_low: float | None
    ci_high: float | None
    cold_cpu_s: float
    warm_cpu_s: float


@dataclass(frozen=True, slots=True)
class SeedingExperiment:
    """What the seed package is worth to one model.

    Args:
        model: its name.
        metric: what both are judged by.
        direction: which way of it is better.
        floor: below it a model is not used; None = none is set.
        says: what came of it, or why it could not be run.
        own_rows: own labelled rows that draws are taken from.
        held_out: own rows that both are judged by.
        seed_rows: rows of the package that were trained on.
        left_out: rows of the package that would have told of held-out rows: alike in every feature, of the same group, or not older.
        seed_alone: the metric of the package without one own label.
        rungs: by number of own labels; empty where it could not be run.
        cold_needs: the fewest own labels of those tried whose mean reaches the floor; None = none does, or there is no floor.
        warm_needs: the same with the package; 0 where the package alone does.
    """

    model: str
    metric: str
    direction: str
    floor: float | None
    says: str
    own_rows: int = 0
    held_out: int = 0
    seed_rows: int = 0
    left_out: int = 0
    seed_alone: float | None = None
    rungs: tuple[Rung, ...] = ()
    cold_needs: int | None = None
    warm_needs: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as JSON would hold them."""
        return asdict(self) | {"rungs": [asdict(r) for r in self.rungs]}


def seeding_experiment(
    spec: ModelSpec,
    frame: pl.DataFrame,
    package: pl.DataFrame | None = None,
    *,
    sizes: Sequence[int] = SIZES,
    draws: int = DRAWS,
    seed: int = 0,
    clock: Callable[[], float] = time.process_time,
) -> SeedingExperiment:
    """Run the experiment of one model.

    The interval tells how far the gain depends on which rows are labelled first; the held-out rows are the same in every draw.

    Args:
        spec: the model.
        frame: rows of the tenant; those marked `synthetic` count to the package.
        package: further rows from outside, with the same columns.
        sizes: numbers of own labels.
        draws: how often own labels are drawn for each.
        seed: of the split, where the specification's own has several parts, of draws and of fits.
        clock: CPU-seconds.

    Raises:
        ConfigError: sizes or draws are none that can be tried.
        ContractBroken: a column is missing in one of the tables, or holds what is none of its kind.
    """
    if draws < 1 or not sizes or min(sizes) < 2:
        raise ConfigError(
            "An experiment needs at least one draw, and at least two labels.", fix="Ask for labels such as 48,150,500 and for 20 draws."
        )
    if spec.kind is Kind.CLUSTERING:
        return _not_run(spec, "groups have no labels that could be few")
    real = _distinct(spec, labelled(spec, frame.filter(~made_up(frame))))
    outside = [labelled(spec, part) for part in (frame.filter(made_up(frame)), package) if part is not None and part.height]
    outside = [part for part in outside if part.height]
    if not outside:
        return _not_run(spec, "there is no labelled row from outside: none is marked synthetic, and no other was given", own_rows=real.height)
    try:
        pool, held = split_rows(spec, real, split=_one_part(spec, seed))
    except PermanentError as error:
        return _not_run(spec, str(error), own_rows=real.height)
    tried = sorted({size for size in sizes if size < pool.height})
    if not tried or held.height < FEWEST_HELD_OUT:
        says = f"{pool.height} own labels to draw from and {held.height} held out; more than {min(sizes)} and {FEWEST_HELD_OUT} are needed"
        return _not_run(spec, says, own_rows=pool.height, held_out=held.height)
    safe = [_telling_nothing(spec, part, held) for part in outside]
    before = sum(part.height for part in outside)
    seeds = pl.concat([_plain(spec, part) for part in safe if part.height]) if any(part.height for part in safe) else None
    if seeds is None:
        says = f"none of the {before} rows from outside is free of held-out rows"
        return _not_run(spec, says, own_rows=pool.height, held_out=held.height, left_out=before)
    left_out = before - seeds.height
    if seeds.height > MOST_SEED_ROWS:
        seeds = seeds.sample(MOST_SEED_ROWS, seed=seed)
    own, judged = _plain(spec, pool), _plain(spec, held)
    alone = _value(spec, train(spec, seeds, seed=seed), judged) if _learnable(spec, seeds) else None
    found = (_rung(spec, own, seeds, judged, size, draws=draws, seed=seed, clock=clock) for size in tried)
    rungs = tuple(rung for rung in found if rung is not None)
    shared: dict[str, Any] = {"own_rows": pool.height, "held_out": held.height, "seed_rows": seeds.height, "left_out": left_out, "seed_alone": alone}
    if not rungs:
        return _not_run(spec, f"{spec.metric} could not be told of any draw: the labels drawn, or those held out, are all the same", **shared)
    cold_needs, warm_needs = (_needs(spec, [(r.labels, getattr(r, side)) for r in rungs]) for side in ("cold", "warm"))
    if alone is not None and spec.floor is not None and spec.meets_floor(alone):
        warm_needs = 0
    told = "; ".join(_says(rung) for rung in rungs)
    return SeedingExperiment(
        spec.name, spec.metric, str(spec.direction), spec.floor, told, rungs=rungs, cold_needs=cold_needs, warm_needs=warm_needs, **shared
    )


def _not_run(spec: ModelSpec, why: str, **facts: Any) -> SeedingExperiment:
    return SeedingExperiment(spec.name, spec.metric, str(spec.direction), spec.floor, f"not run: {why}", **facts)


def _one_part(spec: ModelSpec, seed: int) -> Split:
    """The specification's split, or one part by chance where it has several or leaves it to files."""
    if spec.split.kind == "kfold" or (spec.split.kind == "given" and spec.split.column is None):
        return Split(kind="holdout", seed=seed)
    return spec.split


def _distinct(spec: ModelSpec, rows: pl.DataFrame) -> pl.DataFrame:
    """Each content once: a row that stands twice would be drawn on one side and judged on the other."""
    marks = pl.Series([mark.hex() for mark in fingerprints(spec, rows)], dtype=pl.String)
    return rows.filter(marks.is_first_distinct())


def _telling_nothing(spec: ModelSpec, package: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """The rows of a package that say nothing of held-out ones; whatever their label is, so that none is chosen by it."""
    rows = package
    if spec.group is not None and spec.group in rows.columns:
        mine = labels(rows[spec.group])
        rows = rows.filter(mine.is_null() | ~mine.is_in(labels(held[spec.group]).drop_nulls().implode()))
    at = spec.split.column or spec.time
    if spec.split.kind == "time" and at is not None and at in rows.columns:
        rows = rows.filter((_moments(spec, at, rows) < _moments(spec, at, held).min()).fill_null(False))
    if rows.is_empty():
        return rows
    marked = feature_values(spec, rows).with_row_index("_place")
    other = marked.join(feature_values(spec, held), on=list(spec.features), how="anti", nulls_equal=True)
    return rows[other["_place"].sort()]


def _moments(spec: ModelSpec, name: str, rows: pl.DataFrame) -> pl.Series:
    return rows[name] if rows[name].dtype.is_numeric() else moments(spec.name, name, rows[name])


def _plain(spec: ModelSpec, rows: pl.DataFrame) -> pl.DataFrame:
    """Features, target, and the columns that the dummy and weights read, each in one type: rows of several tables can stand below each other."""
    beside = [c for c in (spec.baseline, spec.group) if c is not None and c not in spec.features and c != spec.target]
    further = [labels(rows[c]).alias(c) if c in rows.columns else pl.lit(None, dtype=pl.String).alias(c) for c in dict.fromkeys(beside)]
    return feature_values(spec, rows).with_columns(target_values(spec, rows).alias(str(spec.target)), *further)


def _learnable(spec: ModelSpec, rows: pl.DataFrame) -> bool:
    return spec.kind not in _CLASSES or rows[str(spec.target)].n_unique() > 1


def _rung(
    spec: ModelSpec, own: pl.DataFrame, seeds: pl.DataFrame, held: pl.DataFrame, size: int, *, draws: int, seed: int, clock: Callable[[], float]
) -> Rung | None:
    """Cold and warm start of every draw; None where no draw can be measured."""
    import numpy as np

    pairs: list[tuple[float, float]] = []
    spent = np.zeros(2)
    fits = 0
    for draw in range(draws):
        rows = _drawn(spec, own, size, np.random.default_rng([seed, size, draw]))
        if rows is None:
            continue
        models = []
        for place, given in enumerate((rows, pl.concat([rows, seeds]))):
            began = clock()
            models.append(train(spec, given, seed=seed + draw))
            spent[place] += clock() - began
        fits += 1
        parts = alike([scored(model, spec, held) for model in models])
        cold, warm = (deciding_value(spec, part, part.scores) for part in parts)
        if math.isfinite(cold) and math.isfinite(warm):
            pairs.append((cold, warm))
    if not pairs:
        return None
    told = np.array(pairs)
    gains = (told[:, 1] - told[:, 0]) * (1.0 if spec.direction is Direction.UP else -1.0)
    low, high = _interval(gains)
    cold, warm = (float(mean) for mean in told.mean(axis=0))
    cold_cpu, warm_cpu = (float(s) for s in spent / fits)
    return Rung(size, len(pairs), cold, warm, float(gains.mean()), low, high, cold_cpu, warm_cpu)


def _drawn(spec: ModelSpec, own: pl.DataFrame, size: int, rng: np.random.Generator) -> pl.DataFrame | None:
    """Own labels by chance; drawn again while they are all the same, for nothing can be learned from those."""
    for _ in range(_TRIES):
        rows = own[sorted(rng.permutation(own.height)[:size].tolist())]
        if _learnable(spec, rows):
            return rows
    return None


def _value(spec: ModelSpec, model: Trained, held: pl.DataFrame) -> float | None:
    (part,) = alike([scored(model, spec, held)])
    value = deciding_value(spec, part, part.scores)
    return value if math.isfinite(value) else None


def _interval(gains: NDArray[Any]) -> tuple[float | None, float | None]:
    """95 % interval of the mean over the draws (Student's t)."""
    from scipy.stats import t

    if gains.size < 2:
        return None, None
    half = float(t.ppf(0.975, gains.size - 1) * gains.std(ddof=1) / math.sqrt(gains.size))
    return float(gains.mean()) - half, float(gains.mean()) + half


def _needs(spec: ModelSpec, means: Sequence[tuple[int, float]]) -> int | None:
    if spec.floor is None:
        return None
    return next((labels for labels, mean in means if spec.meets_floor(mean)), None)


def _says(rung: Rung) -> str:
    between = "" if rung.ci_low is None or rung.ci_high is None else f" ({rung.ci_low:+.3f} to {rung.ci_high:+.3f})"
    return f"{rung.labels} labels: {rung.gain:+.3f}{between}"
