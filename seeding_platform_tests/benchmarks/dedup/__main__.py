"""Make posts, find their duplicates, print what was right and what it cost: `python -m seeding_platform_tests.benchmarks.dedup`."""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl

from seeding_platform_tests.benchmarks.dedup.generate import generate
from seeding_platform_tests.benchmarks.dedup.measure import measure


def main() -> None:
    """Run it and print; the deduplication runs in a process of its own, as a user would start it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=None, help="default: one never used before")
    parser.add_argument("--mode", default="fuzzy")
    chosen = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    with tempfile.TemporaryDirectory() as folder:
        posts, found = Path(folder) / "posts.parquet", Path(folder) / "found.parquet"
        made = generate(chosen.rows, seed)
        made.write_parquet(posts)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "seeding_platform.cli", "dedup", str(posts), "--id", "id", "--text", "text", "--mode", chosen.mode]
        subprocess.run([*command, "--out", str(found)], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"{chosen.rows:,} posts, seed {seed}, {chosen.mode}: {cpu:.2f} CPU-s with imports, peak {after.ru_maxrss / 1e6:.2f} GB")
        clusters = pl.read_parquet(found)
        print("all kinds      ", measure(made, clusters).line())
        print("no paraphrases ", measure(made, clusters, without=("paraphrase",)).line())


if __name__ == "__main__":
    main()
