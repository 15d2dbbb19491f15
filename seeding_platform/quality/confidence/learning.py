"""Learning what the evidence against a row means: from errors that are put into rows of the same table and cleaned by the same policy.

Confidence is the weighted geometric mean of exp(-count) over the factors of `evidence`, brought to a likelihood by isotonic regression. The rows
that errors are put into have errors of their own. So a record counts as much as its row is to be believed before anything was put into it, which is
worked out from the share that cleaning quarantines.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.quality.confidence.calibration import TRUST, Calibration, Step, starting
from seeding_platform.quality.confidence.errors import spoiled
from seeding_platform.quality.confidence.evidence import FACTORS, evidence
from seeding_platform.quality.confidence.reliability import reliability

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from seeding_platform.catalog import TableContract
    from seeding_platform.cleaning.policy import CleaningPolicy

SAMPLE, ENOUGH, FEWEST = 2_000, 3_000, 200
"""Raw rows looked at, rows with and without errors to learn from, and rows below which nothing is learned."""
STEP_ROWS = 40
ROUNDS, LEAST = 3, 0.02
"""How often what is believed of the rows is worked out again, and how far a row is believed at least."""


def calibrated(raw: pl.LazyFrame | pl.DataFrame, contract: TableContract, policy: CleaningPolicy, *, seed: int = 0) -> Calibration:
    """Learn from a table's own raw rows, with errors put into copies of them.

    What cleaning makes of a row as it came is taken for right, what it makes of the spoiled copy is compared with it.

    Args:
        raw: rows in the contract's raw schema; at most 2,000 are looked at, whole groups of equal keys.
        contract: whose rows they are.
        policy: by which they are cleaned.
        seed: of the errors.

    Returns:
        `starting()` where there are fewer than 200 rows, or no error came through cleaning.
    """
    import numpy as np

    rows = _sample(raw, contract)
    if rows.height < FEWEST:
        return starting()
    plain = policy if policy.duplicates is None or policy.duplicates.action == "merge" else policy.model_copy(update={"duplicates": None})
    drawn = _records(rows, contract, plain, np.random.default_rng(seed))
    first = _learned(drawn, 0)
    whole = _learned(drawn, None)
    other = drawn.learned.filter((pl.col("_half") == 1) & ~pl.col("refused"))
    if first is None or whole is None or not other.height:
        return starting()
    refused = drawn.learned.filter((pl.col("_half") == 1) & pl.col("refused"))
    believed = drawn.believed(first)
    stated = first.probability(other.select(list(FACTORS)), other, quarantined=_by_source(refused))
    held_out = reliability(stated, other["right"], weights=other.join(believed, on="_record", how="left", maintain_order="left")["believed"])
    return replace(whole, held_out=held_out)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Spoiled records, and the rows that they were made of.

    Args:
        learned: factors, `right`, `refused`, `_source`, `synthetic`, `_record`, `_half`.
        plain: factors, `_source`, `synthetic`, `_record` of the kept rows before anything was put into them.
        quarantined: rows of each source that were refused before.
    """

    learned: pl.DataFrame
    plain: pl.DataFrame
    quarantined: Mapping[str, int]

    def believed(self, calibration: Calibration | None) -> pl.DataFrame:
        """`_record` and `believed`: how far a row is to be believed as it came; all alike before anything is known.

        How many records are wrong follows from how many are quarantined, for those are wrong for certain. Where more rows have the same against
        them than wrong records would explain, the others have it by nature: a large customer is no error.
        """
        if calibration is None:
            return self.plain.select("_record", believed=pl.lit(1.0))
        refused = sum(self.quarantined.values())
        every = self.plain.height + refused
        wrong = 1 - calibration.share_right(self.plain.height, refused, TRUST)
        told = self.plain.select("_record", step=calibration.step(calibration.mean(self.plain)))
        here = pl.col("step").replace_strict(dict(enumerate(s.wrong for s in calibration.steps)), return_dtype=pl.Float64)
        expected = wrong * every * here / pl.len().over("step")
        return told.select("_record", believed=(1 - expected).clip(LEAST, 1.0))


def _learned(drawn: _Drawn, half: int | None) -> Calibration | None:
    """A calibration of one half of the records, or of all; None without both right and wrong ones."""
    rows = drawn.learned if half is None else drawn.learned.filter(pl.col("_half") == half)
    found: Calibration | None = None
    for _ in range(ROUNDS):
        found = _fit(rows.join(drawn.believed(found), on="_record", how="left", maintain_order="left"))
        if found is None:
            return None
    return found


def _sample(raw: pl.LazyFrame | pl.DataFrame, contract: TableContract) -> pl.DataFrame:
    """At most 2,000 rows, rows of one key together, the same ones whenever the table is the same."""
    frame = raw.lazy()
    rows = int(frame.select(pl.len()).collect().item())
    if rows > SAMPLE:
        keys = [pl.col(c).cast(pl.String) for c in ("tenant", *contract.key)]
        frame = frame.filter(pl.concat_str(keys, separator="|", ignore_nulls=True).hash(7) % 1_000_003 < 1_000_003 * SAMPLE // rows)
    return frame.collect().sort("tenant", "_source", "_batch", "_row")


def _records(rows: pl.DataFrame, contract: TableContract, policy: CleaningPolicy, rng: np.random.Generator) -> _Drawn:
    """Clean the rows as they came and in spoiled copies, each copy a tenant of its own, and compare."""
    from seeding_platform.cleaning import clean

    copies = max(1, -(-ENOUGH // rows.height))
    before = clean(rows, contract, policy)
    truth = before.kept.with_row_index("_record")
    made = [spoiled(rows, contract, rng).with_columns(tenant=pl.format("{}#{}", "tenant", pl.lit(n))) for n in range(copies)]
    result = clean(pl.concat(made), contract, policy)
    compared = [c for c in contract.columns if c not in contract.derived and c not in contract.key]
    keys = ["tenant", *contract.key]
    held = result.kept.with_columns(pl.col("tenant").str.replace(r"#\d+$", ""))
    beside = held.select(*keys, *compared).join(truth.select(*keys, *compared, "_record"), on=keys, how="left", suffix="_true", maintain_order="left")
    right = beside.select("_record", right=pl.all_horizontal(pl.col(c).eq_missing(pl.col(f"{c}_true")) for c in compared))
    told = evidence(result.kept, contract, repairs=result.repairs, duplicates=result.duplicates)
    kept = pl.concat([told, right, held.select("_source", "synthetic")], how="horizontal").drop_nulls("_record")
    place = ["_source", "_batch", "_row"]
    away = result.quarantined.select(place).join(truth.select(*place, "_record", "synthetic"), on=place, how="inner")
    refused = away.select("_source", "synthetic", "_record", right=pl.lit(value=False), refused=pl.lit(value=True))
    learned = pl.concat([kept.with_columns(refused=pl.lit(value=False)), refused], how="diagonal")
    plain = pl.concat(
        [
            evidence(truth.drop("_record"), contract, repairs=before.repairs, duplicates=before.duplicates),
            truth.select("_record", "_source", "synthetic"),
        ],
        how="horizontal",
    )
    halves = (pl.col("_record").hash(11) % 2).alias("_half")
    return _Drawn(learned.with_columns(halves), plain, _by_source(before.quarantined))


def _by_source(rows: pl.DataFrame) -> dict[str, int]:
    return dict(rows.group_by("_source").agg(pl.len()).iter_rows())


def _fit(learned: pl.DataFrame) -> Calibration | None:
    """Weights by logistic regression with no weight below 0, steps by isotonic regression; None without both right and wrong records."""
    kept = learned.filter(~pl.col("refused"))
    if not kept.height or kept["right"].n_unique() < 2:
        return None
    found = _weights(kept.select(list(FACTORS)).to_numpy(), kept["right"].cast(pl.Float64).to_numpy(), kept["believed"].to_numpy())
    weights = dict(zip(FACTORS, found, strict=True))
    refused = float(learned.filter("refused")["believed"].sum())
    steps = _steps(Calibration(weights).mean(kept), kept["right"], kept["believed"], wrong_refused=refused)
    wrong = float(learned.filter(~pl.col("right"))["believed"].sum())
    return Calibration(weights, steps, round(refused / wrong, 9), learned.height)


def _weights(x: np.ndarray, right: np.ndarray, believed: np.ndarray) -> list[float]:
    import numpy as np
    from scipy.optimize import minimize

    share = believed / believed.sum()

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        bias, weights = parameters[0], parameters[1:]
        z = bias - x @ weights
        value = float(share @ (np.logaddexp(0, z) - right * z)) + 1e-4 * float(weights @ weights)
        slope = (1 / (1 + np.exp(-z)) - right) * share
        return value, np.concatenate([[slope.sum()], -(x.T @ slope) + 2e-4 * weights])

    start = np.concatenate([[2.0], np.ones(x.shape[1])])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(None, None)] + [(0.0, 8.0)] * x.shape[1])
    return [round(float(w), 4) for w in found.x[1:]]


def _steps(mean: pl.Series, right: pl.Series, believed: pl.Series, *, wrong_refused: float) -> tuple[Step, ...]:
    """Isotonic blocks of the likelihood ratio, neighbours joined until each has 40 rows."""
    from scipy.optimize import isotonic_regression

    rows = pl.DataFrame({"mean": mean, "good": right.cast(pl.Float64) * believed, "weight": believed})
    values = rows.group_by("mean").agg(pl.col("good", "weight").sum(), n=pl.len()).sort("mean")
    level = isotonic_regression((values["good"] / values["weight"]).to_numpy(), weights=values["weight"].to_numpy()).x
    named = values.with_columns(level=pl.Series(level).round(9))
    blocks = named.group_by("level", maintain_order=True).agg(pl.col("mean").min(), pl.col("good", "weight", "n").sum())
    joined: list[list[float]] = []
    for least, good, weight, n in blocks.select("mean", "good", "weight", "n").iter_rows():
        if joined and (joined[-1][3] < STEP_ROWS or n < STEP_ROWS):
            joined[-1][1:] = [joined[-1][1] + good, joined[-1][2] + weight, joined[-1][3] + n]
        else:
            joined.append([least, good, weight, n])
    every_right = sum(b[1] for b in joined)
    every_wrong = sum(b[2] - b[1] for b in joined) + wrong_refused
    share = [(least, (good + 0.5) / (every_right + 1), (weight - good + 0.5) / (every_wrong + 1), int(n)) for least, good, weight, n in joined]
    return tuple(Step(0.0 if i == 0 else round(least, 9), round(r, 9), round(w, 9), n) for i, (least, r, w, n) in enumerate(share))
