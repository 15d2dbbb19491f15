"""Representation: the shares of groups in a table, against the shares that they should have."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.errors import ConfigError
from seeding_platform.quality.bias.columns import ALL, MISSING, chosen
from seeding_platform.quality.bias.findings import NAN, Finding, table
from seeding_platform.quality.bias.intervals import distance_limits, normal_quantile, replicate_count, wilson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from seeding_platform.quality.bias.intervals import Floats

LEAST_SHARE = 1e-4
"""Stands for an empty share in the population stability index, which would be infinite."""
_SUM_TOLERANCE = 0.02


def representation(
    frame: pl.DataFrame | pl.LazyFrame, *, group: str | Sequence[str], reference: Mapping[Any, float] | None = None, seed: int = 0
) -> pl.DataFrame:
    """How large each group is, and how far the shares lie from those of a reference.

    Without a reference the yardstick is equal shares, and nothing is judged: nobody claimed that groups are equally large.

    Args:
        frame: any table.
        group: column, or columns whose values together make the groups (joined by " x "); a null is group "(missing)".
        reference: share that each group should have, by its value, its name or a tuple of values; they sum to 1 (two points of rounding are
            scaled away). Groups that are not in the table have n = 0; groups that are not in the reference should have no share.
        seed: of the bootstrap.

    Returns:
        Rows `metric, group, value, n, ci_low, ci_high, verdict`:

        - by group: `share`, `share_difference` (share minus reference), `share_ratio` (share / reference), with Wilson's limits (1927).
        - `psi`: population stability index, sum of (p - q) ln(p / q) (Siddiqi 2006), an empty share counted as 0.0001.
        - `total_variation_distance`: half the sum of |p - q|, 0-1.
        - `normalised_entropy`: Shannon's entropy / log of the number of groups, 0-1 (Pielou 1966).
        - `smallest_cell`: rows of the smallest group, under its name.

        PSI, distance and entropy have limits from a multinomial bootstrap (`intervals.distance_limits`).

    Raises:
        ConfigError: a column is missing or cannot be counted, or the reference holds no shares.

    >>> frame = pl.DataFrame({"sex": ["f"] * 30 + ["m"] * 70})
    >>> found = representation(frame, group="sex", reference={"f": 0.5, "m": 0.5})
    >>> found.filter(pl.col("metric") == "share_ratio").select("group", "value", "n", "verdict").rows()
    [('f', 0.6, 30, 'biased'), ('m', 1.4, 70, 'ok')]
    """
    names = chosen(frame, group=group)["group"]
    counts = dict(names.value_counts(name="n").rows())
    wanted = _reference(reference)
    groups = tuple(sorted(counts.keys() | wanted.keys()))
    n = [counts.get(g, 0) for g in groups]
    shares = wanted if reference is not None else dict.fromkeys(groups, 1 / len(groups)) if len(groups) > 1 else {}
    expected = [shares.get(g, 0.0 if shares else NAN) for g in groups]
    return table(_findings(groups, n, expected, judged=reference is not None, seed=seed))


def _findings(groups: tuple[str, ...], counts: list[int], expected: list[float], *, judged: bool, seed: int) -> Iterator[Finding]:
    import numpy as np

    n, q, total = np.array(counts, dtype="int64"), np.array(expected, dtype="float64"), sum(counts)
    p = n / total if total else np.full(len(groups), np.nan)
    low, high = wilson(p, np.full(len(groups), float(total or 1)), normal_quantile())
    yield from (Finding("share", *row) for row in zip(groups, p, n, low, high, strict=True))
    yield from (Finding("share_difference", *row) for row in zip(groups, p - q, n, low - q, high - q, strict=True))
    with np.errstate(all="ignore"):
        yield from (Finding("share_ratio", *row, judged) for row in zip(groups, p / q, n, low / q, high / q, strict=True))
    yield from (f._replace(judged=judged) for f in _distances(n, q, seed=seed))
    smallest = min(zip(counts, groups, strict=True), default=None)
    yield Finding("smallest_cell", ALL, NAN, 0) if smallest is None else Finding("smallest_cell", smallest[1], float(smallest[0]), smallest[0])


def _distances(n: NDArray[np.int64], q: Floats, *, seed: int) -> Iterator[Finding]:
    """Distances of the shares from the reference, and of equal shares the entropy, which is a distance upside down."""
    import numpy as np

    total, even = int(n.sum()), np.full(n.size, 1 / max(n.size, 1))
    rng = np.random.default_rng(seed)
    for metric, measure, other in (("psi", _psi, q), ("total_variation_distance", _total_variation, q), ("normalised_entropy", _unevenness, even)):
        upside_down = measure is _unevenness
        if not total or n.size < 1 or not np.isfinite(other).all() or (upside_down and n.size < 2):
            yield Finding(metric, ALL, NAN, total)
            continue
        value, count = float(measure(n / total, other)), replicate_count(n.size)
        replicates, chance = (measure(rng.multinomial(total, p, size=count) / total, other) for p in (n / total, other))
        low, high = distance_limits(value, replicates, chance)
        if upside_down:
            yield Finding(metric, ALL, 1 - value, total, max(1 - high, 0.0), 1 - low)
        else:
            yield Finding(metric, ALL, value, total, low, high if metric == "psi" else min(high, 1.0))


def _psi(p: Floats, q: Floats) -> Floats:
    import numpy as np

    one, other = np.maximum(p, LEAST_SHARE), np.maximum(q, LEAST_SHARE)
    return ((one - other) * np.log(one / other)).sum(axis=-1)


def _total_variation(p: Floats, q: Floats) -> Floats:
    import numpy as np

    return np.abs(p - q).sum(axis=-1) / 2


def _unevenness(p: Floats, q: Floats) -> Floats:
    """1 minus the normalised entropy."""
    import numpy as np

    return np.maximum(1 + (p * np.log(np.where(p > 0, p, 1.0))).sum(axis=-1) / math.log(q.size), 0.0)


def _reference(reference: Mapping[Any, float] | None) -> dict[str, float]:
    """Shares by the name of their group, scaled to sum to 1."""
    if reference is None:
        return {}
    shares: dict[str, float] = {}
    for key, share in reference.items():
        if isinstance(share, bool) or not isinstance(share, Real) or not math.isfinite(share) or share < 0:
            raise ConfigError(f"reference: {share!r} of {key!r} is no share.", fix="Give numbers from 0 to 1.")
        name = " x ".join(_named(part) for part in (key if isinstance(key, tuple) else (key,)))
        shares[name] = shares.get(name, 0.0) + float(share)
    total = sum(shares.values())
    if abs(total - 1) > _SUM_TOLERANCE:
        raise ConfigError(f"reference: the shares sum to {total:g}, not to 1.", fix="Give a share for every group.")
    return {name: share / total for name, share in shares.items()}


def _named(value: Any) -> str:
    """A value as polars writes it, which is how groups are named."""
    return MISSING if value is None else str(pl.Series([value]).cast(pl.String).item())
