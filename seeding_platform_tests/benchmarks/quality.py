"""How right tables are after cleaning, and whether stated confidence holds.

`python -m seeding_platform_tests.benchmarks.quality [--rows N] [--seed N]`
Made tables whose truth is known, with errors that the platform was not told of. Prints figures, judges nothing.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from seeding_platform.catalog import LANDED
from seeding_platform.cleaning import clean
from seeding_platform.cleaning.intake import as_raw
from seeding_platform.cleaning.policy import CleaningPolicy
from seeding_platform.quality import Sides, assess
from seeding_platform.quality.confidence import calibrated, reliability
from seeding_platform.quality.recommendations import recommended
from seeding_platform_tests.quality.injected.dirt import with_errors
from seeding_platform_tests.quality.injected.measure import accuracy, wrong_rows
from seeding_platform_tests.quality.injected.rules import ADS, MEASUREMENTS
from seeding_platform_tests.quality.injected.second import RULES_CAMPAIGN_DAYS, RULES_ORDERS, campaign_days, orders, spoilt
from seeding_platform_tests.quality.injected.truth import ads, measurements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

SHARES = (0.02, 0.05, 0.1, 0.2, 0.4)
RULES = ("fd", "snap", "slip")


class Case(NamedTuple):
    """A table: what makes it, what spoils it, its key, and the rules that its keeper would declare."""

    name: str
    contract: str
    make: Callable[[int, int], pl.DataFrame]
    spoil: Callable[[pl.DataFrame, int, float, tuple[str, ...]], tuple[pl.DataFrame, pl.DataFrame]]
    key: tuple[str, ...]
    rules: Sequence[dict[str, Any]]


def first(truth: pl.DataFrame, seed: int, share: float, key: tuple[str, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Errors of the first generator."""
    made = with_errors(truth, seed, rows_wrong=share, key=key)
    return made.rows, made.errors


def second(truth: pl.DataFrame, seed: int, share: float, key: tuple[str, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Errors of the second generator."""
    return spoilt(truth, seed, rows_wrong=share, key=key)


CASES = [
    Case("ads", "ad_facts", ads, first, ("row_id",), ADS),
    Case("measurements", "content_analytics", measurements, first, ("post_id",), MEASUREMENTS),
    Case("orders", "orders", orders, second, ("order_id",), RULES_ORDERS),
    Case("campaign days", "ad_facts", campaign_days, second, ("row_id",), RULES_CAMPAIGN_DAYS),
]


def accuracies(case: Case, rows: int, seed: int) -> None:
    """Cells right before and after, by the contract alone, with declared rules, and with those that are recommended."""
    truth, contract = case.make(rows, seed), LANDED[case.contract]
    dirty, errors = case.spoil(truth, seed + 1, 0.25, case.key)
    bare = clean(dirty, contract)
    found = [dict(f.add) for f in recommended(bare.kept, bare.quarantined, contract, CleaningPolicy()) if f.kind in RULES and f.add]
    for named, rules in (("contract alone", ()), ("rules declared", case.rules), ("rules recommended", found)):
        result = bare if not rules else clean(dirty, contract, CleaningPolicy(repairs=tuple(rules)))
        a = accuracy(result.kept, truth, errors, key=case.key)
        told = f"wrong {a.wrong_before:,} of {a.cells:,} cells before ({a.before:.4f}), {a.wrong_after:,} after ({a.after:.4f})"
        print(
            f"{case.name:14}{named:18} {told}; errors gone {a.reduction:.1%}, repaired in kept rows {a.repaired:.1%}; "
            f"broken {a.broken} ({a.broken / a.kept_cells:.3%}); {a.rows_set_aside:,} rows set aside, {a.right_set_aside} of them right"
        )


def confidences(case: Case, rows: int, seed: int) -> None:
    """Calibration error of stated confidence at several shares of wrong rows."""
    contract = LANDED[case.contract]
    for share in SHARES:
        truth = case.make(rows, seed + 2)
        dirty, _ = case.spoil(truth, seed + 3, share, case.key)
        raw = as_raw(dirty, contract, source="export").rows
        began = time.process_time()
        calibration = calibrated(raw, contract, CleaningPolicy())
        learned = time.process_time() - began
        result = clean(raw, contract)
        began = time.process_time()
        beside = Sides({"export": result.quarantined.height}, result.repairs, result.duplicates)
        stated = assess(result.kept, contract, beside=beside, calibration=calibration).rows
        judged = time.process_time() - began
        told = stated.select(*case.key, "confidence").join(wrong_rows(result.kept, truth, key=case.key), on=case.key)
        found = reliability(told["confidence"], told["right"])
        print(
            f"{case.name:14}{share:4.0%} of rows wrong: stated {told['confidence'].mean():.3f}, right {told['right'].mean():.3f}, "
            f"ECE {found.ece:.4f}, monotone {found.monotone}, n {found.n:,}; learned in {learned:.1f} CPU-s, judged in {judged:.2f}"
        )


def main(argv: Sequence[str] | None = None) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000, help="of each table (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of everything drawn (default: %(default)s)")
    chosen = parser.parse_args(argv)
    for case in CASES:
        accuracies(case, chosen.rows, chosen.seed)
    for case in CASES:
        confidences(case, chosen.rows, chosen.seed)


if __name__ == "__main__":
    main()
