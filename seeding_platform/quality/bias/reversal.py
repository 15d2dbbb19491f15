"""Simpson's paradox: whether a difference between groups turns round once rows are compared within strata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.errors import ConfigError
from seeding_platform.quality.bias.columns import ALL, chosen, is_binary
from seeding_platform.quality.bias.counts import counted, left_out
from seeding_platform.quality.bias.estimates import proportions, reference_group
from seeding_platform.quality.bias.findings import NAN, Finding, table
from seeding_platform.quality.bias.intervals import LEVEL, replicate_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from seeding_platform.quality.bias.counts import Counts
    from seeding_platform.quality.bias.estimates import Estimates
    from seeding_platform.quality.bias.intervals import Floats

ENOUGH = 10
"""Rows of each of two groups from which on a stratum has a say."""
_ROUNDING = 1e-9


def simpson(
    frame: pl.DataFrame | pl.LazyFrame, *, group: str | Sequence[str], label: str, stratum: str | Sequence[str], seed: int = 0
) -> pl.DataFrame:
    """Whether the overall difference between groups is reversed within strata (Simpson 1951; Bickel, Hammel and O'Connell 1975).

    Every group is compared with the one of the highest overall rate among those of at least 30 rows.

    Args:
        frame: any table.
        group: column, or columns whose values together make the groups (joined by " x "); a null is group "(missing)".
        label: 0/1 or boolean outcome. Rows without one are left out and counted.
        stratum: column, or columns, of what may stand behind the difference; a null is stratum "(missing)".
        seed: of the bootstrap.

    Returns:
        Rows `metric, group, value, n, ci_low, ci_high, verdict`:

        - `label_missing`: share of rows without a label; n is their number.
        - `base_rate`, `standardised_rate` by group: the latter is the mean of the rates of the strata, weighted by all rows of each (direct
          standardisation: Rothman, Greenland and Lash 2008, ch. 3), over the strata in which both the group and the reference have rows.
        - `overall_difference`, `standardised_difference` by group, and `stratum_difference` of "group | stratum": minus the reference.
        - `simpson_reversal` by group but the reference: 1 where the standardised difference has the other sign than the overall one, and so have
          the differences in all strata with 10 rows or more of both groups; else 0; undefined without such a stratum. A reversal is a fact about
          this table and therefore `biased`; its limits are those of a binomial bootstrap of the cells: 1 to 1 where the reversal is in at
          least 97.5 % of the resamples, 0 to 1 where it may be chance.

    Raises:
        ConfigError: a column is missing or the label is not binary.

    >>> cells = {("a", "easy"): (81, 87), ("a", "hard"): (192, 263), ("b", "easy"): (234, 270), ("b", "hard"): (55, 80)}
    >>> rows = [(g, s, int(i < good)) for (g, s), (good, n) in cells.items() for i in range(n)]
    >>> stones = pl.DataFrame(rows, schema=["treatment", "stone", "healed"], orient="row")
    >>> found = simpson(stones, group="treatment", label="healed", stratum="stone").filter(pl.col("group") == "a")
    >>> found.filter(pl.col("metric").str.contains("overall|standardised_d|simpson")).select("metric", pl.col("value").round(3)).rows()
    [('overall_difference', -0.046), ('standardised_difference', 0.054), ('simpson_reversal', 1.0)]
    """
    rows = chosen(frame, group=group, label=label, stratum=stratum)
    if "stratum" not in rows.columns:
        raise ConfigError("stratum: no column is named.", fix="Name what may stand behind the difference.")
    if not is_binary(rows["label"]):
        raise ConfigError(f"label: column {label} is not binary.", fix="Give 0 and 1, or booleans.")
    return table(_findings(rows.with_columns(hit=pl.col("label").cast(pl.Boolean)), seed=seed))


def _findings(rows: pl.DataFrame, *, seed: int) -> Iterator[Finding]:
    import numpy as np

    counts, overall = counted(rows, by_stratum=True), counted(rows).rates()
    reference = reference_group(overall, overall.n)
    yield left_out(rows["hit"].is_null(), "label_missing")
    yield from overall.findings("base_rate")
    others = [g for g in range(len(counts.groups)) if g != reference]
    if reference is None or not others:
        yield from (Finding(m, ALL, NAN, int(counts.n.sum())) for m in ("overall_difference", "standardised_difference", "simpson_reversal"))
        return
    pairs = {g: _standardised(counts, g, reference) for g in range(len(counts.groups))}
    yield from (next(pair.findings("standardised_rate")) for pair in pairs.values())
    yield from overall.differences("overall_difference", reference)
    yield from (next(pairs[g].differences("standardised_difference", 1)) for g in others)
    for s, stratum in enumerate(counts.strata):
        found = counts.rates(s).differences("stratum_difference", reference)
        yield from (f._replace(group=f"{f.group} | {stratum}") for f in found if f.group != counts.groups[reference])
    rng = np.random.default_rng(seed)
    yield from (_reversal(counts, g, reference, rng) for g in others)


def _standardised(counts: Counts, group: int, reference: int) -> Estimates:
    """Directly standardised rates of a group and of the reference; their limits are Wilson's for the effective rows, P (1 - P) / variance.

    The variance within a stratum is that of (k + 1) / (n + 2), or a stratum of few rows that agree would tell as if it were sure (as Agresti
    and Caffo 2000).
    """
    import numpy as np

    pair = [group, reference]
    both = (counts.n[pair] > 0).all(axis=0)
    weight = counts.n.sum(axis=0)[both] / max(int(counts.n.sum(axis=0)[both].sum()), 1)
    rate, size = counts.rate[pair][:, both], counts.size[pair][:, both].astype("float64")
    with np.errstate(all="ignore"):
        value = (weight * rate).sum(axis=1) if both.any() else np.full(2, np.nan)
        shrunk = (rate * size + 1) / (size + 2)
        variance = (weight**2 * shrunk * (1 - shrunk) / size).sum(axis=1)
        within = (value > 0) & (value < 1)
        effective = np.where(within, value * (1 - value) / variance, 1 / (weight**2 / size).sum(axis=1))
    names = (counts.groups[group], counts.groups[reference])
    return proportions(names, counts.n[pair][:, both].sum(axis=1), np.minimum(value, 1.0), effective)


def _reversal(counts: Counts, group: int, reference: int, rng: np.random.Generator) -> Finding:
    """Whether the sign is reversed, with the quantiles of the same in resamples."""
    import numpy as np

    pair = [group, reference]
    both = (counts.n[pair] > 0).all(axis=0)
    n, weight = counts.n[pair], counts.n.sum(axis=0) * both
    rate = np.where(n > 0, counts.rate[pair], 0.0)
    voices = np.asarray((n >= ENOUGH).all(axis=0))
    name, rows = counts.groups[group], int(n.sum())
    if not voices.any():
        return Finding("simpson_reversal", name, NAN, rows)
    found = bool(_reversed(rate, n, weight, voices))
    draws = rng.binomial(n, rate, size=(replicate_count(n.size), *n.shape)) / np.maximum(n, 1)
    often = float(_reversed(draws, n, weight, voices).mean())
    low, high = (float(found and often >= (1 + LEVEL) / 2), float(found or often > (1 - LEVEL) / 2))
    return Finding("simpson_reversal", name, float(found), rows, low, high)


def _reversed(rate: Floats, n: NDArray[np.int64], weight: NDArray[np.int64], voices: NDArray[np.bool_]) -> NDArray[np.float64]:
    """1 where the overall sign is reversed in the standardised difference and in every stratum with a voice; rates are [..., 2, strata]."""
    within = rate[..., 0, :] - rate[..., 1, :]
    together = (rate * n).sum(axis=-1) / n.sum(axis=-1)
    overall = _sign(together[..., 0] - together[..., 1])
    turned = _sign((within * weight).sum(axis=-1)) == -overall
    agreed = (_sign(within[..., voices]) == -overall[..., None]).all(axis=-1)
    return ((overall != 0) & turned & agreed).astype("float64")


def _sign(difference: Floats) -> Floats:
    """Sign of a difference of rates, in which rounding is not one."""
    import numpy as np

    return np.where(np.abs(difference) < _ROUNDING, 0.0, np.sign(difference))
