"""How often retraining, promotion and roll-back go wrong, beside the rules of thumb.

`python -m seeding_platform_tests.benchmarks.retraining [--seeds N] [--seed N]`
Made histories whose truth is known; 100 labels at each four-hourly check. Prints figures, judges nothing.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from seeding_platform.models.promotion import metric
from seeding_platform.models.promotion.metrics import scored
from seeding_platform.models.promotion.pairs import difference
from seeding_platform.models.promotion.resampling import paired_gain
from seeding_platform_tests.models.retraining.simulated import (
    deployed,
    deployed_from_the_shadow,
    false_spells,
    found,
    looked_at_again,
    naive,
    ours,
    rolled_back,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl


def triggers(seeds: int, rng: np.random.Generator) -> None:
    """False retrains and how soon drops are found."""
    print("| accuracy | rule | false in 28 d: first, later | false checks a day | 5 points in 48 h, from day 3, 7, 14 | median h | 10 points |")
    print("|---|---|---|---|---|---|---|")
    for share in (0.75, 0.85, 0.92, 0.97):
        for name, rule in (("naive", naive), ("ours", ours)):
            first, later, a_day = false_spells(rule, seeds, share, rng)
            soon = [found(rule, seeds, share, 0.05, day, rng) for day in (3, 7, 14)]
            large, _ = found(rule, seeds, share, 0.10, 14, rng)
            five = ", ".join(f"{s:.1%}" for s, _ in soon)
            print(f"| {share} | {name} | {first:.1%}, {later:.1%} | {a_day:.3f} | {five} | {soon[2][1]:.0f} | {large:.1%} |")


def gate(seeds: int, rng: np.random.Generator) -> None:
    """How often challengers are deployed."""
    print("| true gain | discordant | rows | naive deploys | gate deploys |\n|---|---|---|---|---|")
    for gain, discordant, n in (
        (-0.01, 0.08, 100), (-0.01, 0.14, 100), (-0.02, 0.14, 100), (-0.01, 0.08, 1000), (0.0, 0.08, 1000),
        (0.04, 0.08, 1000), (0.04, 0.10, 1000), (0.04, 0.14, 1000), (0.04, 0.2, 1000), (0.04, 0.2, 2000),
    ):  # fmt: skip
        ours_, thumb = deployed(seeds, n, gain, discordant, rng)
        print(f"| {gain:+.2f} | {discordant} | {n} | {thumb:.1%} | {ours_:.1%} |")
    for gain in (-0.01, 0.0):
        again = looked_at_again(20 * seeds, gain, 0.08, rng)
        print(f"judged again each 100 rows up to 2,000, true gain {gain:+.2f}, discordant .08: deployed {again:.2%}")
    for gain, discordant in ((-0.01, 0.08), (0.0, 0.08), (0.04, 0.08), (0.04, 0.14)):
        shares = ", ".join(f"{deployed_from_the_shadow(seeds, n, gain, discordant, rng):.1%} from {n} rows" for n in (100, 500, 1000))
        print(f"in the shadow, true gain {gain:+.2f}, discordant {discordant}: deployed {shares}")


def watch(seeds: int, rng: np.random.Generator) -> None:
    """How often the watch rolls back."""
    for drop in (0.0, 0.05, 0.10):
        print(f"watch, accuracy .85, drop {drop:.2f}: rolled back {rolled_back(20 * seeds, 0.85, drop, rng):.1%}")


def coverage(seeds: int, rng: np.random.Generator) -> None:
    """How often 95 % intervals of a gain hold the true one."""
    for name in ("rmse", "log_loss", "auc"):
        m = metric(name)
        truth = m.gain(*(m.value(scored(f, m)) for f in _two(name, 400_000, rng)))
        for n in (100, 500):
            held = 0
            for seed in range(seeds):
                got = paired_gain(m, *(scored(f, m) for f in _two(name, n, rng)), confidence=0.95, seed=seed, replicates=1000)
                held += got.low <= truth <= got.high
            print(f"paired bootstrap, gain in {name}, {n} rows: 95 % intervals hold the true gain in {held / seeds:.1%}")
    for n in (100, 1000):
        cells = rng.multinomial(n, [0.06, 0.02, 0.92], size=20 * seeds)
        limits = [difference(int(won), int(lost), n, confidence=0.95) for won, lost, _ in cells]
        print(f"Bonett-Price, true gain .04, {n} rows: {np.mean([low <= 0.04 <= high for low, high in limits]):.1%}")


def _two(name: str, n: int, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Score frames of two models of which the second is a little better, with errors that have much in common."""
    import polars as pl

    shared = rng.normal(size=n)
    if name == "rmse":
        truth = rng.lognormal(0, 0.8, n)
        return tuple(pl.DataFrame({"truth": truth, "prediction": np.full(n, c) + 0.3 * shared}) for c in (0.8, 1.3))
    signal = rng.normal(size=n)
    truth = (rng.random(n) < norm.cdf(signal - 0.8)).astype(int)
    scores = [norm.cdf((signal - 0.8 + noise * shared) / np.sqrt(1 + noise**2)) for noise in (1.0, 0.6)]
    return tuple(pl.DataFrame({"truth": truth, "prediction": (s > 0.5).astype(int), "score": s}) for s in scores)


def main(argv: Sequence[str] | None = None) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=500, help="of each figure (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of everything drawn (default: %(default)s)")
    chosen = parser.parse_args(argv)
    rng = np.random.default_rng(chosen.seed)
    for part in (triggers, gate, watch, coverage):
        part(chosen.seeds, rng)


if __name__ == "__main__":
    main()
