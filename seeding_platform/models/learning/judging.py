"""Figures of held-out rows with their intervals, slice by slice, beside the dummy's; calibration; what a prediction costs."""

from __future__ import annotations

import time
from dataclasses import replace
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from seeding_platform.errors import ConfigError, ContractBroken
from seeding_platform.models.artefacts import size_of
from seeding_platform.models.evaluation import Bin, Calibration, Evaluation, Figure
from seeding_platform.models.kinds import Direction, Kind, measures_of
from seeding_platform.models.learning.clusters import Groups, silhouette, stabilities
from seeding_platform.models.learning.figures import of_classes, of_numbers
from seeding_platform.models.learning.intervals import ROUNDS, interval, weighings
from seeding_platform.models.learning.reading import feature_values, labels, readable
from seeding_platform.models.learning.scored import Scored, as_rows, scored, together
from seeding_platform.models.learning.splits import parted
from seeding_platform.models.learning.trained import positive_class, train
from seeding_platform.models.spec import Split

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from seeding_platform.models.learning.figures import Figured
    from seeding_platform.models.learning.trained import Trained
    from seeding_platform.models.spec import ModelSpec

_MOST_CLASSES_RANKED = 10
_MOST_VALUES = 20
_FEWEST_ROWS = 10
_TIMED, _TIMED_AT_LEAST, _TIMED_MS = 30, 5, 50.0
_BINS = 10
_STABILITY_ROUNDS = 20


def evaluate(
    model: Trained, spec: ModelSpec, frame: pl.DataFrame | Scored, *, seed: int = 0, clock: Callable[[], float] = time.perf_counter
) -> Evaluation:
    """Judge a model by rows that it did not see.

    Args:
        model: fitted.
        spec: its specification.
        frame: rows with features and target, or what the model said of them already (`scored`); made-up ones do not count.
        seed: of the intervals.
        clock: seconds, by which predictions are timed.

    Raises:
        ContractBroken: a column is missing or holds what is none of its kind, or a row has no target.
        PermanentError: no row is left.
    """
    return _judged(spec, [model], [frame if isinstance(frame, Scored) else scored(model, spec, frame)], seed=seed, clock=clock)


def fit_and_evaluate(
    spec: ModelSpec,
    frame: pl.DataFrame,
    *,
    split: Split | Mapping[str, Any] | None = None,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Evaluation:
    """Train on what a split leaves, judge by what it holds out; of several folds every row is judged once, by a model that did not see it.

    Args:
        spec: the model.
        frame: rows; those without a target are left out, and counted in `split`.
        split: in place of the specification's own; a mapping in the form of its block will do.
        seed: of fits and intervals.
        clock: seconds, by which predictions are timed.
    """
    readable(spec, frame)
    told = spec.split if split is None else split if isinstance(split, Split) else Split.model_validate(dict(split))
    if spec.kind is Kind.CLUSTERING:
        model = train(spec, frame, seed=seed)
        judged = evaluate(model, spec, frame, seed=seed, clock=clock)
        return replace(judged, split={"kind": "none", "train_rows": frame.height, "test_rows": frame.height})
    models, rows, trained_on = [], [], []
    for before, held in parted(spec, frame, split=told):
        models.append(train(spec, before, seed=seed))
        rows.append(scored(models[-1], spec, held))
        trained_on.append(before.height)
    tested = sum(r.frame.height for r in rows)
    facts = told.model_dump(exclude_none=True) | {"train_rows": round(sum(trained_on) / len(trained_on)), "test_rows": tested}
    without = int(labels(frame[str(spec.target)]).null_count())
    judged = _judged(spec, models, rows, seed=seed, clock=clock)
    return replace(judged, split=facts | ({"without_target": without} if without else {}))


def _judged(spec: ModelSpec, models: list[Trained], parts: list[Scored], *, seed: int, clock: Callable[[], float]) -> Evaluation:
    rows = together(parts)
    split = {"kind": "given", "train_rows": models[-1].rows, "test_rows": rows.frame.height}
    latency, size = _latency(models[-1], spec, rows.frame, clock), size_of(models[-1])
    if rows.dummy is None:
        metrics, shares = _of_groups(spec, models[-1], rows, seed)
        return Evaluation(spec.metric, metrics, {}, None, {"cluster_share": shares}, None, latency, size, split)
    group = _grouping(spec, rows.frame)
    own = _own_figures(spec, rows, group, seed)
    names = list(dict.fromkeys((*_figures_of(spec, rows), *((spec.metric,) if spec.metric not in own else ()))))
    theirs = {name: _figured(spec, name, rows, rows.scores) for name in names}
    dummies = {name: _figured(spec, name, rows, rows.dummy) for name in names}
    metrics, dummy, gain = _with_intervals(spec, theirs, dummies, rows.frame.height, group, seed)
    if spec.metric in own:
        gain = own[spec.metric][2]
    return Evaluation(
        spec.metric,
        metrics | {name: told[0] for name, told in own.items()},
        dummy | {name: told[1] for name, told in own.items()},
        gain,
        _slices(spec, rows, group, seed),
        _calibration(spec, rows),
        latency,
        size,
        split,
    )


def deciding_value(spec: ModelSpec, rows: Scored, scores: NDArray[Any]) -> float:
    """The figure that decides, of any scores of the same rows; NaN where it cannot be told."""
    own = _own_computations(spec)
    if spec.metric in own:
        return own[spec.metric](as_rows(spec, replace(rows, scores=scores)))
    return float(_figured(spec, spec.metric, rows, scores).of(np.ones((1, rows.frame.height)))[0])


def _figures_of(spec: ModelSpec, rows: Scored) -> list[str]:
    many = rows.classes is not None and len(rows.classes) > _MOST_CLASSES_RANKED
    return [name for name in measures_of(spec.kind) if not (name == "auc" and many)]


def _figured(spec: ModelSpec, name: str, rows: Scored, scores: NDArray[Any]) -> Figured:
    if rows.classes is not None:
        return of_classes(name, rows.truth, scores, positive_class(spec, rows.classes) if len(rows.classes) == 2 else 0)
    return of_numbers(name, rows.truth, scores)


def _with_intervals(
    spec: ModelSpec, theirs: dict[str, Figured], dummies: dict[str, Figured], rows: int, group: NDArray[Any] | None, seed: int, rounds: int = ROUNDS
) -> tuple[dict[str, Figure], dict[str, Figure], float | None]:
    """Figures of model and dummy with intervals, and the gain in the deciding one by its standard error: both on the same drawn rows."""
    once = np.ones((1, rows))
    drawn = {("model", n): [] for n in theirs} | {("dummy", n): [] for n in dummies}  # type: ignore[var-annotated]
    for weights in weighings(rows, group, seed=seed, rounds=rounds):
        for who, figures in (("model", theirs), ("dummy", dummies)):
            for name, figured in figures.items():
                drawn[who, name].append(figured.of(weights))
    spread = {key: np.concatenate(values) for key, values in drawn.items()}
    told = {
        who: {name: _figure(float(figured.of(once)[0]), spread[who, name], rows) for name, figured in figures.items()}
        for who, figures in (("model", theirs), ("dummy", dummies))
    }
    ours, other = (told[who].get(spec.metric) for who in ("model", "dummy"))
    if ours is None or other is None or ours.value is None or other.value is None:
        return told["model"], told["dummy"], None
    gain = _gain(spec, ours.value - other.value, spread["model", spec.metric] - spread["dummy", spec.metric])
    return told["model"], told["dummy"], gain


def _gain(spec: ModelSpec, difference: float, drawn: NDArray[Any]) -> float | None:
    """What is gained over the dummy, in standard errors; below zero where the model is worse. None where the rows drawn never differ."""
    known = drawn[np.isfinite(drawn)]
    error = float(known.std(ddof=1)) if known.size > 1 else 0.0
    return (difference if spec.direction is Direction.UP else -difference) / error if error > 0 else None


def _figure(value: float, drawn: NDArray[Any], n: int) -> Figure:
    return Figure(None if np.isnan(value) else value, *interval(drawn), n)


def _grouping(spec: ModelSpec, frame: pl.DataFrame) -> NDArray[Any] | None:
    """Number of each row's group, where rows of one vary together; a row without one stands for itself."""
    if spec.group is None or spec.group not in frame.columns:
        return None
    names = labels(frame[spec.group]).to_list()
    return np.unique([f"row {n}" if name is None else f"value {name}" for n, name in enumerate(names)], return_inverse=True)[1]


def _slices(spec: ModelSpec, rows: Scored, group: NDArray[Any] | None, seed: int) -> dict[str, dict[str, Figure]]:
    """The deciding figure for the commonest values of each column, of at least 10 rows each; one of your own without an interval."""
    own = _own_computations(spec)
    told: dict[str, dict[str, Figure]] = {}
    for column in spec.slices:
        if column not in rows.frame.columns:
            raise ContractBroken(spec.name, column=column, what="is not in the table, and figures are told apart by it", fix="Correct slices.")
        values = labels(rows.frame[column]).fill_null("(missing)")
        counted = values.value_counts().sort("count", values.name, descending=[True, False]).filter(pl.col("count") >= _FEWEST_ROWS)
        told[column] = {}
        for value in counted[values.name].head(_MOST_VALUES).to_list():
            mine = (values == value).to_numpy()
            some = rows.only(mine)
            inside = None if group is None else np.unique(group[mine], return_inverse=True)[1]
            if spec.metric in own:
                figure = own[spec.metric](as_rows(spec, some))
                told[column][value] = Figure(None if np.isnan(figure) else figure, None, None, int(mine.sum()))
                continue
            figures = {spec.metric: _figured(spec, spec.metric, some, some.scores)}
            told[column][value] = _with_intervals(spec, figures, {}, int(mine.sum()), inside, seed, rounds=ROUNDS // 2)[0][spec.metric]
    return told


def _calibration(spec: ModelSpec, rows: Scored) -> Calibration | None:
    if rows.classes is None:
        return None
    if len(rows.classes) == 2:
        place = positive_class(spec, rows.classes)
        of, score, happened = rows.classes[place], rows.scores[:, place], rows.truth == place
    else:
        of, score, happened = "first guess", rows.scores.max(axis=1), rows.truth == rows.scores.argmax(axis=1)
    order = np.argsort(score, kind="stable")
    bins = tuple(
        Bin(float(score[b].min()), float(score[b].max()), int(b.size), float(score[b].mean()), float(happened[b].mean()))
        for b in np.array_split(order, min(_BINS, max(1, order.size // _FEWEST_ROWS)))
    )
    return Calibration(of, sum(b.n * abs(b.mean_score - b.share) for b in bins) / order.size, bins)


def _latency(model: Trained, spec: ModelSpec, frame: pl.DataFrame, clock: Callable[[], float]) -> dict[str, float]:
    """Time of one row at a time, reading included, after a first one that does not count; 5 to 30 rows, a twentieth of a second of them."""
    times: list[float] = []
    for place in range(min(_TIMED, frame.height)):
        row = frame.slice(place, 1)
        if not times:
            model.scores(spec, row)
        start = clock()
        model.scores(spec, row)
        times.append((clock() - start) * 1000.0)
        if len(times) >= _TIMED_AT_LEAST and sum(times) > _TIMED_MS:
            break
    return {"p50": round(float(np.percentile(times, 50)), 3), "p99": round(float(np.percentile(times, 99)), 3)}


def _of_groups(spec: ModelSpec, model: Trained, rows: Scored, seed: int) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """Figures of clustering, and the share of each group."""
    if not isinstance(model.estimator, Groups):
        raise ConfigError(f"{spec.name}: an own trainer cannot group rows.", fix="Leave trainer out for kind clustering.")
    points = model.estimator.points(model.layout, feature_values(spec, rows.frame))
    mine = rows.scores.astype(int)
    found = stabilities(model.estimator, points, rounds=_STABILITY_ROUNDS, seed=seed)
    n = int(mine.size)
    stable = Figure(None, None, None, n) if found.size == 0 else Figure(float(found.mean()), *interval(found), n)
    apart = silhouette(points, mine)
    metrics = {"stability": stable, "silhouette": Figure(None if np.isnan(apart) else apart, None, None, n)}
    shares = {str(g): Figure(float((mine == g).mean()), None, None, int((mine == g).sum())) for g in np.unique(mine)}
    return metrics, shares


def _own_figures(spec: ModelSpec, rows: Scored, group: NDArray[Any] | None, seed: int) -> dict[str, tuple[Figure, Figure, float | None]]:
    """Figures that the specification defines, of model and dummy, and the gain by its standard error."""
    wanted = _own_computations(spec)
    if not wanted:
        return {}
    table = as_rows(spec, rows)
    others = as_rows(spec, Scored(rows.truth, rows.told, rows.dummy if rows.dummy is not None else rows.scores, None, rows.classes, rows.frame))
    told = {}
    for name, compute in wanted.items():
        drawn: list[tuple[float, float]] = []
        for weights in weighings(table.height, group, seed=seed, rounds=ROUNDS // 4):
            for each in weights.astype(int):
                places = np.repeat(np.arange(each.size), each)
                drawn.append((compute(table[places]), compute(others[places])))
        spread = np.array(drawn, dtype=float)
        ours, theirs = compute(table), compute(others)
        told[name] = (
            _figure(ours, spread[:, 0], table.height),
            _figure(theirs, spread[:, 1], table.height),
            _gain(spec, ours - theirs, spread[:, 0] - spread[:, 1]),
        )
    return told


def own_figure(spec: ModelSpec) -> Callable[[pl.DataFrame], float] | None:
    """The deciding figure where the specification defines it; None of one that is built in.

    Raises:
        ConfigError: its entry point is not installed.
    """
    return _own_computations(spec).get(spec.metric)


def _own_computations(spec: ModelSpec) -> dict[str, Callable[[pl.DataFrame], float]]:
    wanted = {name: _expression(spec, name, text) for name, text in (spec.metrics or {}).items()}
    if spec.metric.partition(":")[0] == "entry":
        wanted[spec.metric] = _entry_point(spec, spec.metric.partition(":")[2])
    return wanted


def _expression(spec: ModelSpec, name: str, text: str) -> Callable[[pl.DataFrame], float]:
    def compute(table: pl.DataFrame) -> float:
        try:
            told = table.select(pl.sql_expr(text)).item()
            return float("nan") if told is None else float(told)
        except (pl.exceptions.PolarsError, ValueError, TypeError) as error:
            has = ", ".join(table.columns)
            raise ConfigError(
                f"{spec.name}: metrics.{name} gives no single number: {error}",
                fix=f"Write an SQL expression such as avg(abs(truth - prediction)) over {has}.",
            ) from error

    return compute


def _entry_point(spec: ModelSpec, name: str) -> Callable[[pl.DataFrame], float]:
    found = entry_points(group="seeding_platform.metrics", name=name)
    if not found:
        known = ", ".join(sorted(e.name for e in entry_points(group="seeding_platform.metrics"))) or "none is installed"
        raise ConfigError(f"{spec.name}: no entry point of seeding_platform.metrics is called {name!r} ({known}).", fix="Install its package.")
    loaded = next(iter(found)).load()

    def compute(table: pl.DataFrame) -> float:
        try:
            return float(loaded(table))
        except (pl.exceptions.PolarsError, KeyError, ValueError, TypeError) as error:
            has = ", ".join(table.columns)
            raise ConfigError(f"{spec.name}: entry:{name} gives no number ({type(error).__name__}).", fix=f"It is called with {has}.") from error

    return compute
