"""Find planted outliers and print what was right: `python -m seeding_platform_tests.benchmarks.outliers [--rows N] [--seed N]`."""

from __future__ import annotations

import argparse
import random
import time

import polars as pl

from seeding_platform.cleaning import flag_outliers
from seeding_platform_tests.benchmarks.outliers.generate import IMPOSSIBLE, WRONG, generate

QUOTIENTS = ("likes/impressions", "comments/likes", "shares/likes")


def judged(posts: pl.DataFrame, suspect: pl.Series) -> dict[str, float]:
    """F1 of the planted ones that are possible, share of viral ones that are suspect, and of impossible ones."""
    rows = posts.with_columns(suspect=suspect)
    possible = rows.filter(~pl.col("kind").is_in(list(IMPOSSIBLE)))
    wrong = pl.col("kind").is_in(list(WRONG))
    right, told, planted = (possible.filter(what).height for what in (wrong & pl.col("suspect"), pl.col("suspect"), wrong))
    shares = {
        name: float(rows.filter(pl.col("kind").is_in(list(kinds)))["suspect"].mean() or 0.0)
        for name, kinds in (("viral", ["viral"]), ("impossible", IMPOSSIBLE))
    }  # type: ignore[arg-type]
    return {"f1": 2 * right / max(1, told + planted), **shares}


def suspects(posts: pl.DataFrame, found: pl.DataFrame, method: str) -> pl.Series:
    """Which rows a method flags in any column."""
    rows = found.filter(pl.col("flagged") & (pl.col("method") == method))["row"].unique()
    return posts.select(pl.int_range(pl.len()).is_in(rows.implode())).to_series()


def main() -> None:
    """Print a line for each method, on quotients and on the counts themselves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=None, help="default: one never used before")
    chosen = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    posts = generate(chosen.rows, seed)
    for what, columns in (("quotients", QUOTIENTS), ("counts", ("impressions", "likes", "comments", "shares"))):
        for method in ("mad", "iqr", "z", "iforest"):
            before = time.process_time()
            found = flag_outliers(posts, columns, by="platform", methods=[method])  # type: ignore[list-item]
            cost = time.process_time() - before
            figures = " ".join(f"{name} {value:.4f}" for name, value in judged(posts, suspects(posts, found, method)).items())
            print(f"seed {seed} {what:9} {method:8} {figures} | {cost:.2f} CPU-s")


if __name__ == "__main__":
    main()
