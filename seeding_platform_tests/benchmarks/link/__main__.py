"""Link public records and print what was right: `python -m seeding_platform_tests.benchmarks.link`.

The threshold is chosen on the pairs whose first id has an even checksum, and judged on the others.
"""

from __future__ import annotations

import time
import zlib
from pathlib import Path

import polars as pl

from seeding_platform.cleaning import link
from seeding_platform.cleaning.link.policy import load_policy
from seeding_platform_tests.real import real_data

Tables = tuple[pl.DataFrame, pl.DataFrame | None, pl.DataFrame]


def bibliographies() -> Tables:
    """Two lists of papers and the pairs that are the same."""
    a, b = (pl.read_csv(real_data(f"linkage/dblp_acm_{name}.csv"), infer_schema=False, encoding="utf8-lossy") for name in ("dblp", "acm"))
    same = pl.read_csv(real_data("linkage/dblp_acm_truth.csv"), has_header=False, infer_schema=False, new_columns=["id_a", "id_b"])
    return a, b, same


def persons() -> Tables:
    """One list of persons with their duplicates and the pairs that are the same."""
    table = pl.read_csv(real_data("linkage/febrl_dataset3.csv"), infer_schema=False)
    table = table.rename({c: c.strip() for c in table.columns}).with_columns(pl.all().str.strip_chars())
    person = table.select("rec_id", who=pl.col("rec_id").str.extract(r"rec-(\d+)-"))
    same = person.join(person, on="who").filter(pl.col("rec_id") < pl.col("rec_id_right"))
    return table, None, same.select(id_a="rec_id", id_b="rec_id_right")


SETS = {"dblp_acm": bibliographies, "febrl": persons}


def linked(name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scored pairs with `same` (whether they are) and `even`, and the true pairs with `even`."""
    a, b, truth = SETS[name]()
    found = link(a, b, policy=load_policy(Path(__file__).with_name(f"{name}.yaml")))
    if b is None:
        found = found.with_columns(id_a=pl.min_horizontal("id_a", "id_b"), id_b=pl.max_horizontal("id_a", "id_b"))
    even = pl.col("id_a").map_elements(lambda i: zlib.crc32(i.encode()) % 2 == 0, return_dtype=pl.Boolean)
    truth = truth.with_columns(even=even, same=True)
    return found.with_columns(even=even).join(truth.drop("even"), on=["id_a", "id_b"], how="left").with_columns(
        pl.col("same").fill_null(False)
    ), truth


def figures(found: pl.DataFrame, truth: pl.DataFrame, threshold: float) -> tuple[float, float, float]:
    """Precision, recall and F1 of the pairs at or above the threshold."""
    told = found.filter(pl.col("score") >= threshold)
    right = int(told["same"].sum())
    precision, recall = right / max(1, told.height), right / max(1, truth.height)
    return precision, recall, 2 * precision * recall / max(1e-12, precision + recall)


def halves(name: str) -> tuple[float, tuple[float, float, float], tuple[float, float, float]]:
    """The threshold best on one half; the figures of the other half with it, and with the default of 0.5."""
    found, truth = linked(name)
    chosen_on, judged_on = ((found.filter(pl.col("even") == half), truth.filter(pl.col("even") == half)) for half in (True, False))
    threshold = max((t / 100 for t in range(1, 100)), key=lambda t: figures(*chosen_on, t)[2])
    return threshold, figures(*judged_on, threshold), figures(*judged_on, 0.5)


def main() -> None:
    """Print a line for each set."""
    for name in SETS:
        before = time.process_time()
        threshold, best, default = halves(name)
        shown = [" ".join(f"{label} {value:.4f}" for label, value in zip(("P", "R", "F1"), three, strict=True)) for three in (best, default)]
        print(f"{name:10} at {threshold:.2f}, chosen on the other half: {shown[0]} | at 0.50: {shown[1]} | {time.process_time() - before:.1f} CPU-s")


if __name__ == "__main__":
    main()
