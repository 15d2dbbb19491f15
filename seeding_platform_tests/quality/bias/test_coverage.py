"""Coverage: of a thousand simulated tables the 95 % intervals hold the truth in 95 %, give or take two points; of fewer, give or take more."""

import numpy as np
import polars as pl
import pytest

from seeding_platform.quality.bias import model_fairness, outcome, representation
from seeding_platform_tests.depth import depth

pytestmark = pytest.mark.long

RUNS = depth(1_000, 300)
SLACK = 0.002 + (0.014 if RUNS < 1_000 else 0)  # the intervals of small counts hold 96.7 % by themselves; and chance


def holds(row, truth):
    return row["ci_low"] - 1e-12 <= truth and (row["ci_high"] is None or truth <= row["ci_high"] + 1e-12)


def rows_of(found, metric):
    return {row["group"]: row for row in found.filter(pl.col("metric") == metric).rows(named=True)}


def compared(rows, one, other):
    """The row of whichever is not the reference, and which it is compared with."""
    return (rows[one], one, other) if rows[one]["ci_low"] != rows[one]["ci_high"] else (rows[other], other, one)


def covered(hits):
    return sum(hits) / len(hits)


@pytest.mark.parametrize(
    ("sizes", "rates"),
    [
        ((100, 100), (0.1, 0.3)),
        ((100, 100), (0.5, 0.9)),
        ((100, 1000), (0.3, 0.5)),
        ((200, 300), (0.05, 0.1)),
        ((300, 500), (0.2, 0.2)),
        ((1000, 200), (0.7, 0.9)),
        ((1000, 1000), (0.05, 0.06)),
    ],
)
def test_outcomes(sizes, rates):
    rng = np.random.default_rng(20)
    truth = dict(zip("ab", rates, strict=True))
    hits = {"base_rate": [], "statistical_parity_difference": [], "disparate_impact": []}
    for _ in range(RUNS):
        label = np.concatenate([rng.random(n) < p for n, p in zip(sizes, rates, strict=True)])
        found = outcome(pl.DataFrame({"g": np.repeat(["a", "b"], sizes), "y": label}), group="g", label="y", positive=True)
        hits["base_rate"].append(holds(rows_of(found, "base_rate")["a"], rates[0]))
        row, one, other = compared(rows_of(found, "statistical_parity_difference"), "a", "b")
        hits["statistical_parity_difference"].append(holds(row, truth[one] - truth[other]))
        row, one, other = compared(rows_of(found, "disparate_impact"), "a", "b")
        hits["disparate_impact"].append(holds(row, truth[one] / truth[other]))
    for metric, held in hits.items():
        assert covered(held) == pytest.approx(0.95, abs=0.02 + SLACK), metric


@pytest.mark.parametrize(
    ("size", "base", "rates"),
    [(100, 0.5, (0.9, 0.7)), (200, 0.3, (0.6, 0.8)), (500, 0.3, (0.7, 0.7)), (1000, 0.2, (0.5, 0.55)), (400, 0.5, (0.05, 0.3))],
)
def test_true_positive_rates(size, base, rates):
    rng = np.random.default_rng(21)
    truth = dict(zip("ab", rates, strict=True))
    gaps, odds = [], []
    for _ in range(RUNS):
        group = np.repeat(["a", "b"], size)
        label = rng.random(2 * size) < base
        said = np.where(label, rng.random(2 * size) < np.repeat(rates, size), rng.random(2 * size) < 0.1)
        found = model_fairness(pl.DataFrame({"g": group, "y": label, "p": said}), group="g", label="y", prediction="p")
        row, one, other = compared(rows_of(found, "true_positive_rate_difference"), "a", "b")
        gaps.append(holds(row, truth[one] - truth[other]))
        odds.append(holds(rows_of(found, "equalized_odds_difference")["(all)"], abs(rates[0] - rates[1])))
    assert covered(gaps) == pytest.approx(0.95, abs=0.02 + SLACK)
    assert covered(odds) >= 0.932 - SLACK


@pytest.mark.parametrize(
    "rates", [(0.3,) * 3, (0.2, 0.3, 0.5), (0.3,) * 10, tuple(np.linspace(0.2, 0.6, 10))], ids=lambda r: f"{len(r)} {r[0]}-{r[-1]}"
)
def test_the_extremes_of_many_groups_are_not_overstated(rates):
    rng = np.random.default_rng(22)
    differences, ratios = [], []
    for _ in range(RUNS):
        group = np.repeat(np.arange(len(rates)), 200)
        found = outcome(pl.DataFrame({"g": group, "y": rng.random(group.size) < np.array(rates)[group]}), group="g", label="y", positive=True)
        differences.append(holds(rows_of(found, "demographic_parity_difference")["(all)"], max(rates) - min(rates)))
        ratios.append(holds(rows_of(found, "demographic_parity_ratio")["(all)"], min(rates) / max(rates)))
    assert covered(differences) >= 0.932 - SLACK
    assert covered(ratios) >= 0.932 - SLACK


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.6, 0.4), (0.2,) * 5, (0.4, 0.3, 0.15, 0.1, 0.05), (0.05,) * 20], ids=lambda s: f"{len(s)} {s[0]}")
def test_distances_of_shares(shares):
    rng = np.random.default_rng(23)
    p, k = np.array(shares), len(shares)
    truth = {
        "psi": ((p - 1 / k) * np.log(p * k)).sum(),
        "total_variation_distance": np.abs(p - 1 / k).sum() / 2,
        "normalised_entropy": -(p * np.log(p)).sum() / np.log(k),
    }
    hits = {metric: [] for metric in truth}
    for seed in range(RUNS):
        found = representation(pl.DataFrame({"g": rng.choice(k, 1000, p=p)}), group="g", seed=seed)
        for metric, true in truth.items():
            hits[metric].append(holds(rows_of(found, metric)["(all)"], true))
    for metric, held in hits.items():
        assert covered(held) >= 0.922 - SLACK, metric
