"""Repair what is known to be wrong and print what became of it: `python -m seeding_platform_tests.benchmarks.repair`."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl

from seeding_platform.cleaning import repair
from seeding_platform.cleaning.repair.rules import load_rules
from seeding_platform_tests.benchmarks.repair.measure import measure
from seeding_platform_tests.benchmarks.repair.products import RULES, products
from seeding_platform_tests.real import real_data

DOUBTFUL = {"beers": (), "rayyan": ("article_jcreated_at",)}


def public(name: str) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Dirty, repaired and true table."""
    dirty, truth = (pl.read_csv(real_data(f"cleaning/{name}_{kind}.csv"), infer_schema=False) for kind in ("dirty", "clean"))
    return dirty, repair(dirty, load_rules(Path(__file__).with_name(f"{name}.yaml"))).frame, truth


def main() -> None:
    """Print a line for each table."""
    for name, doubtful in DOUBTFUL.items():
        tables = public(name)
        print(f"{name:32}", measure(*tables).line())
        if doubtful:
            print(f"{name} without {', '.join(doubtful):15}", measure(*tables, without=doubtful).line())
    seed = random.SystemRandom().randrange(10**6)
    truth, dirty = products(20_000, seed)
    print(f"{f'made products, seed {seed}':32}", measure(dirty, repair(dirty, RULES).frame, truth).line())


if __name__ == "__main__":
    main()
