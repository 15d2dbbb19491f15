"""Outlier rules: which values are suspect among their like.

A suspect value is flagged, never dropped: a viral post is legitimate. Impossible values are rules of the contracts. What tells a viral post
from a wrong one is the shares between its counts, so a column may be a quotient, written "likes/impressions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import polars as pl

from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Method = Literal["z", "mad", "iqr", "iforest"]
METHODS: tuple[Method, ...] = get_args(Method)
MAD_LIMIT = 5.0
IQR_LIMIT = 3.0
GROUP_ROWS = 30
ISOLATED = 0.75
SCHEMA = {"row": pl.UInt32(), "column": pl.String(), "method": pl.String(), "score": pl.Float64(), "flagged": pl.Boolean()}
_NORMAL = 1.4826  # MAD of a normal distribution times this is its standard deviation
_MEAN_NORMAL = 1.2533  # the same of the mean absolute deviation
_MIDDLE = 3.0  # standard deviations within which rows tell how columns go together
_FEW = 5.0  # a count of so many tells half as much of the size of its row as a large one
_TOGETHER = 0.5  # correlation from which on they do
_STRAY = 0.01  # share of negative values up to which a column is taken for one of counts


def flag_outliers(
    frame: pl.DataFrame, columns: str | Sequence[str], *, by: str | Sequence[str] | None = None, methods: Sequence[Method] = METHODS
) -> pl.DataFrame:
    """Judge each value among those of its group by several detectors.

    Columns that are more even on the log scale, as counts are, are judged on it; whole numbers that are given together and rise and fall
    together are judged by what the others leave unexplained, for a viral post is large in all of them. A quotient of counts is judged by
    its log, with the chance of small counts added to its spread (Poisson). Groups of fewer than 30 rows are judged among all rows.

    Args:
        frame: any table.
        columns: numeric columns, or quotients of two ("likes/impressions").
        by: columns that form the groups.
        methods: `z`: score = distance from the mean in standard deviations, flagged where among so many normal values hardly one is expected
            (Bonferroni, .05). `mad`: the same from the median in median absolute deviations (Iglewicz and Hoaglin 1993), flagged above 5.
            `iqr`: distance from the middle half in interquartile ranges, flagged above 3 (Tukey's outer fence). `iforest`: score of an isolation
            forest (Liu, Ting and Zhou 2008) over all columns together, flagged above .75 where it is an outlier among the scores.

    Returns:
        `row` (0-based), `column`, `method`, `score`, `flagged`, for each row, column and method; for `iforest` one a row, its columns joined by
        commas. A missing value, and the quotient of a negative one, have no score and are not flagged: what is impossible is for the rules of a
        contract.

    Raises:
        ConfigError: a column is missing or not numeric, or a method is unknown.
    """
    names = [columns] if isinstance(columns, str) else list(columns)
    groups = [by] if isinstance(by, str) else list(by or ())
    _require(frame, names, groups, methods)
    if not frame.height or not names or not methods:
        return pl.DataFrame(schema=SCHEMA)
    group = frame.select(pl.struct(groups)).to_series().rank("dense") if groups else pl.repeat(1, frame.height, eager=True)
    judged = _unexplained(frame, names, [_standardised(frame, name, group) for name in names])
    found = [_scored(column, name, method) for name, column in zip(names, judged, strict=True) for method in methods if method != "iforest"]
    if "iforest" in methods:
        found.append(_isolated(judged, ",".join(names)))
    return pl.concat(found)


def suspect_quotient(numerator: str, denominator: str, *, limit: float, min_rows: int, by: tuple[str, ...] = ()) -> pl.Expr:
    """True where the log of the quotient of two counts lies more than `limit` robust standard deviations from the median of its group.

    Groups with fewer than `min_rows` rows are not screened; a missing count is not suspect.

    >>> df = pl.DataFrame({"likes": [10, 11, 9, 10, 12, 900], "shown": [1000, 1100, 950, 990, 1010, 1000]})
    >>> df.select(suspect_quotient("likes", "shown", limit=6, min_rows=5)).to_series().to_list()
    [False, False, False, False, False, True]
    """

    def among(stat: pl.Expr) -> pl.Expr:
        return stat.over(*by) if by else stat

    value, noise = _log_quotient(numerator, denominator)
    suspect = (_robust(value, noise, among).abs() > limit) & (among(value.count()) >= min_rows)
    return suspect.fill_null(False)


def suspect_count(column: str, *, factor: float, min_rows: int, by: tuple[str, ...] = ()) -> pl.Expr:
    """True where log1p of a count lies more than `factor` interquartile ranges outside the middle half of its group (Tukey 1977).

    Groups with fewer than `min_rows` rows, or without a spread, are not screened.

    >>> df = pl.DataFrame({"x": [10, 11, 12, 13, 14, 15, 90_000]})
    >>> df.select(suspect_count("x", factor=3, min_rows=5)).to_series().to_list()[-2:]
    [False, True]
    """
    value = pl.when(pl.col(column) >= 0).then(pl.col(column).cast(pl.Float64)).log1p()
    low, high = value.quantile(0.25), value.quantile(0.75)
    reach = factor * (high - low)
    suspect = ((value < low - reach) | (value > high + reach)) & (value.count() >= min_rows) & (high > low)
    return (suspect.over(*by) if by else suspect).fill_null(False)


def _require(frame: pl.DataFrame, names: list[str], groups: list[str], methods: Sequence[Method]) -> None:
    unknown = [m for m in methods if m not in METHODS]
    if unknown:
        raise ConfigError(f"method {', '.join(unknown)} is none of {', '.join(METHODS)}")
    wanted = [part for name in names for part in _parts(frame, name)]
    missing = [c for c in (*wanted, *groups) if c not in frame.columns]
    if missing:
        raise ConfigError(f"there is no column {', '.join(missing)}; the table has {', '.join(frame.columns)}")
    texts = [c for c in wanted if not frame.schema[c].is_numeric() and frame.schema[c] != pl.Null]
    if texts:
        raise ConfigError(f"column {texts[0]} is {frame.schema[texts[0]]}: outliers are sought among numbers")


def _parts(frame: pl.DataFrame, name: str) -> list[str]:
    return [name] if name in frame.columns or "/" not in name else [part.strip() for part in name.split("/", 1)]


def _standardised(frame: pl.DataFrame, name: str, group: pl.Series) -> pl.Series:
    """Robust standard score of each value in its group."""
    parts = _parts(frame, name)
    given = frame.select(pl.col(c).cast(pl.Float64) for c in dict.fromkeys(parts))
    if len(parts) == 2:
        value, noise = _log_quotient(*parts)
    else:
        value, noise = _own_scale(given[name], whole=frame.schema[name].is_integer()), pl.lit(0.0)
    held = given.select(x=value, noise=noise).with_columns(group=group)
    large = pl.len().over("group") >= GROUP_ROWS

    def among(stat: pl.Expr) -> pl.Expr:
        return pl.when(large).then(stat.over("group")).otherwise(stat)

    return held.select(_robust(pl.col("x"), pl.col("noise"), among)).to_series()


def _unexplained(frame: pl.DataFrame, names: list[str], scores: list[pl.Series]) -> list[pl.Series]:
    """Scores of counts after what the mean of the other counts explains is taken out (reduced major axis of the middle, where rows are sound)."""
    counts = [i for i, name in enumerate(names) if name in frame.columns and frame.schema[name].is_integer()]
    if len(counts) < 2:
        return scores
    left = list(scores)
    for i in counts:
        others = [j for j in counts if j != i]
        table = pl.DataFrame([*(scores[j].alias(f"u{j}") for j in others), *(frame[names[j]].cast(pl.Float64).alias(f"n{j}") for j in others)])
        weight = {j: pl.when(pl.col(f"u{j}").is_not_null()).then((pl.col(f"n{j}").clip(0) + 0.5) / (pl.col(f"n{j}").clip(0) + _FEW)) for j in others}
        mean = pl.sum_horizontal(weight[j] * pl.col(f"u{j}") for j in others) / pl.sum_horizontal(weight.values())
        held = pl.DataFrame({"u": scores[i], "m": table.select(mean.fill_nan(None)).to_series(), "n": frame[names[i]].cast(pl.Float64)})
        middle = held.filter((pl.col("u").abs() < _MIDDLE) & (pl.col("m").abs() < _MIDDLE))
        explained = float(middle.select(pl.corr("u", "m")).item() or 0.0) if middle.height >= GROUP_ROWS else 0.0
        if not explained > _TOGETHER:
            continue
        slope = float(middle.select(pl.col("u").std() / pl.col("m").std()).item())
        rest = pl.when(pl.col("m").is_null()).then(0.0).otherwise(pl.col("m")) * -slope + pl.col("u")
        one = float(held.select((pl.col("n") > 0).mean() * pl.cov("u", pl.col("n").clip(0).add(0.5).log()) / pl.col("u").var()).item() or 1.0)
        chance = 1 / (pl.col("n").clip(0) + 0.5) / one**2
        left[i] = held.select(_robust(rest, chance, lambda stat: stat)).to_series()
    return left


def _own_scale(column: pl.Series, *, whole: bool) -> pl.Expr:
    """The value, null where it is not finite; its log, signs kept, where the middle of the column is more even on that scale."""
    value = pl.when(pl.col(column.name).is_finite()).then(pl.col(column.name))
    known = column.filter(column.is_finite())
    positive = known.filter(known > 0)
    if not positive.len() or (known < 0).sum() > _STRAY * known.len():
        return value
    step = 0.5 if whole else float(positive.quantile(0.05) or 0.0) / 2
    logged = value.sign() * (value.abs() / step).log1p()
    on_logs = known.to_frame(column.name).select(logged).to_series()
    return logged if abs(_lean(on_logs)) < abs(_lean(known)) else value


def _lean(values: pl.Series) -> float:
    """Skewness by quantiles, -1 to 1 (Bowley 1901, with tenths): outliers do not move it."""
    low, middle, high = (float(values.quantile(q) or 0.0) for q in (0.1, 0.5, 0.9))
    return (high + low - 2 * middle) / (high - low) if high > low else 0.0


def _log_quotient(numerator: str, denominator: str) -> tuple[pl.Expr, pl.Expr]:
    """Log of the quotient of two counts, null where one is missing or negative, and its variance by chance (delta method, Poisson: 1/a + 1/b)."""
    above, below = (pl.when(pl.col(c) >= 0).then(pl.col(c).cast(pl.Float64)) + 0.5 for c in (numerator, denominator))
    return (above / below).log(), 1 / above + 1 / below


def _robust(value: pl.Expr, noise: pl.Expr, among: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """Distance from the median in standard deviations, which are those of the group without chance, and of chance.

    Where more than half of the values are equal the mean absolute deviation takes the place of the median one.
    """
    from_middle = value - among(value.median())
    median_spread = _NORMAL * among(from_middle.abs().median())
    spread = pl.when(median_spread > 0).then(median_spread).otherwise(_MEAN_NORMAL * among(from_middle.abs().mean()))
    own = (spread**2 - among(noise.median())).clip(lower_bound=(0.2 * spread) ** 2)
    return pl.when(from_middle == 0).then(0.0).otherwise(from_middle / (own + noise).sqrt())


def _scored(u: pl.Series, name: str, method: Method) -> pl.DataFrame:
    if method == "mad":
        return _told(u.abs(), MAD_LIMIT, name, method)
    if method == "z":
        spread = float(u.std() or 0.0)  # type: ignore[arg-type]
        return _told((u - u.mean()).abs() / spread if spread else u * 0.0, _hardly_one(len(u)), name, method)
    low, high = (u.quantile(q) or 0.0 for q in (0.25, 0.75))
    beyond = u.to_frame("u").select(pl.max_horizontal(low - pl.col("u"), pl.col("u") - high, 0.0) + 0.0 * pl.col("u")).to_series()
    return _told(beyond / (high - low), IQR_LIMIT, name, method)


def _hardly_one(n: int) -> float:
    """Distance in standard deviations that none of `n` normal values is expected to have (Bonferroni at .05), at least 3."""
    from statistics import NormalDist

    return max(3.0, NormalDist().inv_cdf(1 - 0.05 / (2 * n)))


def _isolated(scores: list[pl.Series], name: str) -> pl.DataFrame:
    """An isolation forest over the standard scores of all columns; a missing value counts as the median."""
    from sklearn.ensemble import IsolationForest

    table = pl.DataFrame({f"u{i}": u.fill_null(0.0).fill_nan(0.0) for i, u in enumerate(scores)})
    forest = IsolationForest(n_estimators=100, max_samples=min(256, table.height), random_state=0, n_jobs=1)
    score = pl.Series("score", -forest.fit(table.to_numpy()).score_samples(table.to_numpy()))
    spread = _NORMAL * float((score - score.median()).abs().median() or 0.0)  # type: ignore[arg-type]
    limit = max(ISOLATED, float(score.median() or 0.0) + MAD_LIMIT * spread)  # type: ignore[arg-type]
    known = pl.DataFrame({f"k{i}": u.is_not_null() for i, u in enumerate(scores)})
    held = known.with_columns(score).select(pl.when(pl.any_horizontal(known.columns)).then("score")).to_series()
    return _told(held, limit, name, "iforest")


def _told(score: pl.Series, limit: float, name: str, method: str) -> pl.DataFrame:
    told = pl.DataFrame({"score": score}).with_row_index("row").with_columns(column=pl.lit(name), method=pl.lit(method))
    told = told.with_columns(score=pl.when(pl.col("score").is_not_nan()).then("score"))
    return told.with_columns(flagged=(pl.col("score") > limit).fill_null(False)).select(*SCHEMA).cast(SCHEMA)  # type: ignore[arg-type]
