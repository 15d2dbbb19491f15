"""Made measurements of posts: ordinary ones, viral ones, which are right, and planted ones, which are wrong; the truth beside them.

Counts come from a chain, as in life: followers, impressions, likes, comments and shares, each a noisy share of the one before and a Poisson
draw. A viral post multiplies what reaches people, and is shared more readily. A planted one breaks one link of the chain.
"""

from __future__ import annotations

import numpy as np
import polars as pl

PLATFORMS = {"Instagram": (0.045, 0.05, 0.02), "LinkedIn": (0.022, 0.09, 0.05), "TikTok": (0.09, 0.02, 0.06), "X": (0.012, 0.12, 0.18)}
WRONG = ("likes_x1000", "impressions_cut", "comments_flood", "shares_flood", "bought_likes")
IMPOSSIBLE = ("likes_above_impressions", "negative")


def generate(rows: int, seed: int, *, wrong: float = 0.006, impossible: float = 0.002, viral: float = 0.0033) -> pl.DataFrame:
    """`post, platform, impressions, likes, comments, shares, kind`; kind is ordinary, viral, or one of `WRONG` and `IMPOSSIBLE`."""
    dice = np.random.default_rng(seed)
    platform = dice.choice(list(PLATFORMS), rows, p=[0.4, 0.25, 0.25, 0.1])
    like, comment, share = (np.array([PLATFORMS[p][i] for p in platform]) for i in range(3))
    kind = dice.choice(
        np.array(["ordinary", "viral", "wrong", "impossible"]), rows, p=[1 - viral - wrong - impossible, viral, wrong, impossible]
    ).astype(object)
    kind[kind == "wrong"] = dice.choice(WRONG, int((kind == "wrong").sum()))
    kind[kind == "impossible"] = dice.choice(IMPOSSIBLE, int((kind == "impossible").sum()))
    went = kind == "viral"
    reach = np.exp(dice.normal(0, 0.6, rows)) * np.where(went, np.exp(dice.uniform(3, 5.5, rows)), 1)
    impressions = dice.poisson(np.exp(dice.normal(8, 1.4, rows)) * reach) + 1
    likes = np.minimum(dice.poisson(impressions * like * np.exp(dice.normal(0, 0.45, rows)) * np.where(went, 1.3, 1)), impressions)
    comments = dice.poisson(likes * comment * np.exp(dice.normal(0, 0.5, rows)))
    shares = dice.poisson(likes * share * np.exp(dice.normal(0, 0.5, rows)) * np.where(went, 2.0, 1))
    likes, impressions, comments, shares = _broken(kind, dice, impressions, likes, comments, shares)
    return pl.DataFrame(
        {
            "post": [f"m{i}" for i in range(rows)],
            "platform": platform,
            "impressions": impressions,
            "likes": likes,
            "comments": comments,
            "shares": shares,
            "kind": kind.astype(str),
        }
    )


def _broken(
    kind: np.ndarray, dice: np.random.Generator, impressions: np.ndarray, likes: np.ndarray, comments: np.ndarray, shares: np.ndarray
) -> tuple:
    """One link of the chain broken in each planted row; statistically wrong ones stay possible."""
    n = len(kind)
    times = np.exp(dice.uniform(np.log(80), np.log(1500), n))
    some = np.maximum(likes, 5)
    slip = kind == "likes_x1000"
    cut = kind == "impressions_cut"
    bought = kind == "bought_likes"
    over = kind == "likes_above_impressions"
    new_impressions = np.where(slip, np.maximum(impressions, some * 1000), impressions)  # the feed that slips in likes has many impressions
    new_likes = np.where(slip, np.minimum(some * 1000, new_impressions), likes)
    new_impressions = np.where(cut, np.maximum(likes, impressions // 1000) + 1, new_impressions)
    new_likes = np.where(bought, (np.maximum(impressions, 200) * dice.uniform(0.7, 0.98, n)).astype(np.int64), new_likes)
    new_impressions = np.where(bought, np.maximum(impressions, 200), new_impressions)
    new_likes = np.where(over, impressions * dice.integers(2, 50, n) + 1, new_likes)
    new_comments = np.where(kind == "comments_flood", ((comments + 2) * times).astype(np.int64), comments)
    new_shares = np.where(kind == "shares_flood", ((shares + 2) * times).astype(np.int64), shares)
    new_comments = np.where(kind == "negative", -1 - comments, new_comments)
    return new_likes, new_impressions, new_comments, new_shares
