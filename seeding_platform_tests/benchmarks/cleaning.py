"""The whole cleaning of posts, warm: `python -m seeding_platform_tests.benchmarks.cleaning [--rows N]`.

Dirty posts (notations, spellings, entities, duplicates by key and by text) go through harmonise, repair, validate, merge, duplicates by text, flags
and score; then once more with a hundredth of new posts, with and without the index of the first cleaning.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog import LANDED
from seeding_platform.cleaning import CleaningPolicy, clean
from seeding_platform.cleaning.intake import as_raw
from seeding_platform_tests.benchmarks.dedup.generate import generate

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeding_platform.cleaning import CleaningResult

POSTS = LANDED["content_posts"]
RULES = [
    {"name": "no_draughts", "kind": "format", "column": "status", "pattern": "^draught$", "replace": "draft"},
    {"name": "platform_spelt", "kind": "snap", "column": "platform", "dictionary": ["Instagram", "LinkedIn", "Facebook", "X"]},
]


def dirty(rows: int, seed: int) -> pl.DataFrame:
    """Posts as an export may hold them; 2 % stand twice with the same key, 1 % break the contract."""
    made = generate(rows, seed)
    rng = random.Random(seed)
    n = made.height
    return pl.DataFrame(
        {
            "post_id": [f"p{rng.randrange(n)}" if rng.random() < 0.02 else f"p{i}" for i in range(n)],
            "account_id": [f"a{rng.randrange(200)}" for _ in range(n)],
            "platform": [rng.choice(["Instagram", "instagram", "IG", "Linkedin", "LinkedIn", "facebook", "X", "twitter"]) for _ in range(n)],
            "status": [rng.choice(["published", "Published", "draught", "gepubliceerd"]) for _ in range(n)],
            "text": made["text"],
            "url": [f"https://posts.example/{i}?utm_source=x&id={i}" for i in range(n)],
            "published_at": [
                "never" if rng.random() < 0.01 else f"{rng.randrange(1, 29):02}-{rng.randrange(1, 13):02}-2026 {rng.randrange(24):02}:15"
                for _ in range(n)
            ],
        }
    )


def measured(what: str, run: Callable[[], CleaningResult]) -> CleaningResult:
    """Run once and print wall and CPU seconds."""
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    result = run()
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    places = f"{result.rows_in:,} in = {result.kept.height:,} kept + {result.duplicates.height:,} merged + {result.quarantined.height:,} quarantined"
    print(
        f"{what:42} {wall:5.2f} s wall, {cpu:5.2f} CPU-s; {places}; {result.repairs.height:,} cells rewritten, {result.clusters.height:,} in clusters"
    )
    return result


def main() -> None:
    """Clean and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=None, help="default: one never used before")
    chosen = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    print(f"seed {seed}")
    raw = as_raw(dirty(chosen.rows, seed), POSTS, source="bench").rows
    for mode in ("strict", "fuzzy", "semantic"):
        policy = CleaningPolicy.model_validate({"repairs": RULES, "duplicates": {"text": "text", "mode": mode}})
        clean(raw.head(1000), POSTS, policy)  # warm
        part = raw.head(chosen.rows - chosen.rows // 100)
        measured(mode, lambda policy=policy: clean(raw, POSTS, policy))  # type: ignore[misc]
        known = clean(part, POSTS, policy).index
        measured(f"{mode}, 1 % new, index of the rest", lambda policy=policy, known=known: clean(raw, POSTS, policy, index=known))  # type: ignore[misc]
        known = clean(raw, POSTS, policy).index
        measured(f"{mode}, nothing new, index", lambda policy=policy, known=known: clean(raw, POSTS, policy, index=known))  # type: ignore[misc]


if __name__ == "__main__":
    main()
