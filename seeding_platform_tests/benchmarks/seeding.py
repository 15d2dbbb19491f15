"""What a seed package is worth on public tables: few labels of one's own, cold against warm.

    python -m seeding_platform_tests.benchmarks.seeding [DRAWS]

Own rows and package never overlap. Packages: other rows of the same source; and, of phone customers, the customers of another product, who leave
for other reasons.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import polars as pl

from seeding_platform.models import ModelSpec, load_spec
from seeding_platform.models.seeding_experiment import seeding_experiment
from seeding_platform.settings import project_root
from seeding_platform_tests.real import real_data

EXAMPLES = project_root() / "examples" / "models"
OWN, PACKAGE = 2500, 2000
Case = tuple[str, ModelSpec, pl.DataFrame, pl.DataFrame]


def phone_customers() -> tuple[ModelSpec, pl.DataFrame]:
    """Customers of a phone company in an order by chance."""
    frame = pl.read_csv(real_data("telco_churn.csv"), infer_schema=False)
    return load_spec(EXAMPLES / "telco_churn.yaml"), frame.sample(fraction=1.0, shuffle=True, seed=1)


def tweets() -> pl.DataFrame:
    """Tweets with what people found of them on average."""
    names = {"separator": "\t", "has_header": False, "quote_char": None}
    texts = pl.read_csv(real_data("vader_tweets.tsv"), new_columns=["id", "mean", "text"], **names)
    rated = pl.read_csv(real_data("vader_tweets_ratings.tsv"), new_columns=["id", "mean", "sd", "ratings"], **names)
    means = pl.Series("rated", [sum(r) / len(r) for r in map(json.loads, rated["ratings"])])
    told = texts.join(rated.select("id").with_columns(means), on="id", how="inner")
    positive = pl.when(pl.col("rated") > 0).then(pl.lit("positive")).otherwise(pl.lit("negative"))
    return told.with_columns(sentiment=positive).sample(fraction=1.0, shuffle=True, seed=1)


def cases() -> Iterator[Case]:
    """Name, specification, own rows, package."""
    spec, customers = phone_customers()
    yield "churn, other customers", spec, customers[:OWN], customers[OWN : OWN + PACKAGE]
    fiber = customers["InternetService"] == "Fiber optic"
    yield "churn of fiber, customers without", spec, customers.filter(fiber)[:OWN], customers.filter(~fiber)[:PACKAGE]
    rated = tweets()
    yield "tweets, other tweets", load_spec(EXAMPLES / "sentiment.yaml"), rated[:2200], rated[2200:]
    train, test = (pl.read_csv(real_data(f"banking77_{side}.csv")) for side in ("train", "test"))
    yield "77 intents, other messages", load_spec(EXAMPLES / "message_intents.yaml"), test, train.sample(PACKAGE, shuffle=True, seed=1)


def main() -> None:
    """Run every case and print a table."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print("| rows | metric | labels | cold | warm | gain (95 %) | package alone | CPU-s a fit | floor, cold and warm |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, spec, own, package in cases():
        found = seeding_experiment(spec, own, package, draws=draws)
        if not found.rungs:
            print(f"| {name} | {found.says} |")
        for r in found.rungs:
            between = "" if r.ci_low is None else f" ({r.ci_low:+.3f} to {r.ci_high:+.3f})"
            needs = "–" if found.floor is None else f"{found.floor}: {found.cold_needs}, {found.warm_needs}"
            print(
                f"| {name} | {found.metric} | {r.labels} | {r.cold:.3f} | {r.warm:.3f} | {r.gain:+.3f}{between} | {found.seed_alone:.3f} "
                f"| {r.cold_cpu_s:.2f}, {r.warm_cpu_s:.2f} | {needs} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
