"""Two bundles side by side, in every format that has keys: the same is found whatever the rows are written in."""

import decimal

import polars as pl
import pytest

from seeding_platform.distribution.delivery.comparing import compared
from seeding_platform.distribution.manifest import read_manifest
from seeding_platform_tests.distribution.contracts import contract, fixed
from seeding_platform_tests.distribution.test_bundle import build


@pytest.mark.parametrize("kind", ["parquet", "arrow", "ndjson", "json", "csv"])
def test_what_differs_is_found(tmp_path, kind):
    engine = contract(kind)
    sides = []
    for number, amounts in enumerate((["1.10", None, "3.00"], ["1.10", "2.00", "3.01"])):
        told = {"k": ["a", "b", "c"], "d": [amount and decimal.Decimal(amount) for amount in amounts], "tags": [["x"], [], None]}
        rows = pl.DataFrame({n: told.get(n, [None] * 3) for n in engine.schema()}, schema=engine.schema())
        made = build(tmp_path / str(number), contract=engine, feed=fixed(rows))
        sides.append((made.path, read_manifest(made.path)))
    found = compared(*sides)
    assert (found.added, found.removed, found.changed, found.unchanged, found.by_field) == (0, 0, 2, 1, {"d": 2})
    assert [(row.key["k"], row.fields["d"]) for row in found.examples_changed] == [
        ("b", (None, decimal.Decimal("2.00"))),
        ("c", (decimal.Decimal("3.00"), decimal.Decimal("3.01"))),
    ]
