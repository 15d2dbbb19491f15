"""Generated people: with counts by hand, at random, and like those of the Adult data set."""

from functools import cache

import numpy as np
import polars as pl


def counted(cells, columns):
    """A frame from {values: rows}."""
    return pl.DataFrame([values for values, n in cells.items() for _ in range(n)], schema=columns, orient="row")


def value(found, metric, group="(all)"):
    return row(found, metric, group)["value"]


def row(found, metric, group="(all)"):
    rows = found.filter((pl.col("metric") == metric) & (pl.col("group") == group)).rows(named=True)
    assert len(rows) == 1, (metric, group, found["metric"].unique().to_list())
    return rows[0]


def scored(seed, *, groups, rows):
    """Labels, predictions, scores and weights at random, different by group."""
    rng = np.random.default_rng(seed)
    group = rng.choice(groups, size=rows, p=rng.dirichlet([3.0] * groups))
    base = rng.uniform(0.1, 0.8, groups)[group]
    label = rng.random(rows) < base
    score = np.clip(0.6 * label + rng.normal(0.2, 0.25, rows) + rng.uniform(-0.1, 0.1, groups)[group], 0, 1)
    return pl.DataFrame(
        {
            "group": [f"g{g:02d}" for g in group],
            "label": label.astype("int64"),
            "prediction": (score > 0.5).astype("int64"),
            "score": score,
            "weight": rng.lognormal(0, 0.7, rows),
        }
    )


@cache
def adult(seed=1994, rows=30_000):
    """Income above 50 k by sex and race, with years of education and hours a week behind it, and what a model says."""
    rng = np.random.default_rng(seed)
    sex = np.where(rng.random(rows) < 0.67, "Male", "Female")
    race = rng.choice(["White", "Black", "Asian-Pac-Islander", "Amer-Indian-Eskimo", "Other"], size=rows, p=[0.854, 0.096, 0.031, 0.010, 0.009])
    education = np.clip(
        rng.normal(10.1, 2.6, rows) + np.where(race == "Asian-Pac-Islander", 0.9, 0) - np.where(race == "Black", 0.6, 0), 1, 16
    ).round()
    hours = np.clip(rng.normal(np.where(sex == "Male", 42.4, 36.4), 12), 1, 99).round()
    signal = -10.3 + 0.42 * education + 0.06 * hours + 1.1 * (sex == "Male") + 0.25 * (race == "White") + 1.0
    chance = 1 / (1 + np.exp(-signal))
    income = rng.random(rows) < chance
    score = 1 / (1 + np.exp(-(signal + rng.normal(0, 0.6, rows) + 0.8)))
    return pl.DataFrame(
        {
            "sex": sex,
            "race": race,
            "education": education.astype("int64"),
            "hours": hours.astype("int64"),
            "income": np.where(income, ">50K", "<=50K"),
            "label": income,
            "prediction": score > 0.5,
            "score": score,
            "weight": rng.gamma(2.0, 0.5, rows),
        }
    )
