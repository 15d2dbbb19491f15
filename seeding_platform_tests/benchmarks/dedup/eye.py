"""Draw clusters and near-misses of real posts for a person to read: `python -m seeding_platform_tests.benchmarks.dedup.eye FILE --out SHEET.jsonl`.

A near-miss is a pair that shares half of its sketch, and so was looked at, and was kept apart. Every line of the sheet is
`{"what": "cluster" | "near-miss", "kind", "ids", "texts"}`, each text once, at most twelve of a cluster.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import numpy as np
import polars as pl

from seeding_platform.cleaning import deduplicate
from seeding_platform.cleaning.dedup.candidates import candidates, sketches, vocabulary
from seeding_platform.cleaning.dedup.texts import normalised, tell_nothing, tokens
from seeding_platform.cleaning.files import read_table

MOST = 12


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--mode", default="semantic")
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="default: one never used before")
    chosen = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    rng = random.Random(seed)
    posts = read_table(chosen.file, text_columns=("id", "text")).with_columns(pl.col("text").fill_null(""))
    found = posts.join(deduplicate(posts, id="id", text="text", mode=chosen.mode), on="id")
    clusters = found.filter(pl.len().over("cluster_id") > 1).group_by("cluster_id").agg("id", "text", pl.col("duplicate_kind"))
    told = clusters.filter(pl.col("text").list.n_unique() > 1).sort("cluster_id")
    print(f"seed {seed}: {posts.height:,} posts, {clusters.height:,} clusters, {told.height:,} of texts that are not letter for letter the same")
    lines = [_cluster(told.row(n, named=True)) for n in rng.sample(range(told.height), min(chosen.number, told.height))]
    misses = _near_misses(found)
    print(f"{len(misses):,} pairs were looked at and kept apart")
    lines += [_pair(found, *misses[n]) for n in rng.sample(range(len(misses)), min(chosen.number, len(misses)))]
    chosen.out.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def _cluster(row: dict[str, list[str]]) -> dict[str, object]:
    first = {text: at for at, text in reversed(list(enumerate(row["text"])))}
    places = sorted(first.values())[:MOST]
    kinds = sorted(set(row["duplicate_kind"]) - {"original", "unique"})
    return {"what": "cluster", "kind": "+".join(kinds), "ids": [row["id"][n] for n in places], "texts": [row["text"][n] for n in places]}


def _near_misses(found: pl.DataFrame) -> list[tuple[int, int]]:
    """Rows of `found` whose texts share half of their sketch and whose clusters differ."""
    bodies = normalised(found["text"]).frame["body"]
    at = found.select("cluster_id", body=bodies).with_row_index("row").filter(~tell_nothing(bodies)).unique("body", keep="first", maintain_order=True)
    at = at.sort(pl.col("body").str.len_chars(), "body", descending=[True, False])
    words = tokens(at["body"])
    rows, cluster = at["row"].to_numpy(), at["cluster_id"].to_list()
    pairs = candidates(sketches(words, vocabulary(words)))
    apart = [cluster[a] != cluster[b] for a, b in pairs.tolist()]
    return [(int(rows[a]), int(rows[b])) for a, b in pairs[np.array(apart, dtype=bool)].tolist()]


def _pair(found: pl.DataFrame, *rows: int) -> dict[str, object]:
    return {"what": "near-miss", "kind": "", "ids": [found["id"][n] for n in rows], "texts": [found["text"][n] for n in rows]}


if __name__ == "__main__":
    main()
