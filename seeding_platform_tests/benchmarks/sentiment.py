"""The sentiment model beside the VADER rules (Hutto and Gilbert 2014) on tweets that people rated, in one run on the same rows held out.

    pip install vaderSentiment
    python -m seeding_platform_tests.benchmarks.sentiment

The rules' lexicon was made by the people who rated these tweets, and their authors chose the rules on them; the model has seen only the other rows.
"""

from __future__ import annotations

import json

import polars as pl

from seeding_platform.models import evaluate, load_spec, split_rows, train
from seeding_platform.settings import project_root
from seeding_platform_tests.real import real_data


def rated_tweets() -> pl.DataFrame:
    """4,200 tweets with the sign of the mean of ten or twenty ratings: `text`, `sentiment`."""
    columns = {"vader_tweets.tsv": ["id", "mean", "text"], "vader_tweets_ratings.tsv": ["id", "mean", "sd", "ratings"]}
    texts, rated = (pl.read_csv(real_data(n), separator="\t", has_header=False, new_columns=c, quote_char=None) for n, c in columns.items())
    means = pl.Series("rated", [sum(r) / len(r) for r in map(json.loads, rated["ratings"])])
    sign = pl.when(pl.col("rated") > 0).then(pl.lit("positive")).otherwise(pl.lit("negative"))
    return texts.join(rated.select("id").with_columns(means), on="id", how="inner").with_columns(sentiment=sign)


def main() -> None:
    """Print accuracy of both on the rows held out."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    spec = load_spec(project_root() / "examples" / "models" / "sentiment.yaml")
    before, held = split_rows(spec, rated_tweets())
    ours = evaluate(train(spec, before, seed=0), spec, held)
    rules = SentimentIntensityAnalyzer()
    right = sum((rules.polarity_scores(t)["compound"] > 0) == (s == "positive") for t, s in held.select("text", "sentiment").iter_rows())
    print(f"{held.height} tweets held out: model {ours.value:.3f}, VADER rules {right / held.height:.3f}")


if __name__ == "__main__":
    main()
