"""Duplicates by text: equal, or alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from seeding_platform.cleaning.dedup.candidates import candidates, sketches, vocabulary
from seeding_platform.cleaning.dedup.cut import beginnings
from seeding_platform.cleaning.dedup.differences import PART, SAME, Differences
from seeding_platform.cleaning.dedup.texts import normalised, tell_nothing, tokens
from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from seeding_platform.cleaning.dedup.differences import Judged
    from seeding_platform.cleaning.dedup.texts import Tokens

Mode = Literal["strict", "fuzzy"]
MOST_LIKELY = 5
"""A text that was cut off joins a post that begins with it and was posted this many times as often as all others that do."""

MODES: tuple[Mode, ...] = ("strict", "fuzzy")


def deduplicate(frame: pl.DataFrame, *, id: str, text: str, mode: Mode) -> pl.DataFrame:
    """Group rows whose texts are the same post.

    Numbers, dates, prices, negations and telling words that differ keep two texts apart, however alike they are. Texts of fewer than three
    words or twelve letters are never grouped. The result does not depend on the order of the rows.

    Args:
        frame: rows with an id each.
        id: column of ids; each once, none null.
        text: column of texts; null counts as empty.
        mode: `strict` = equal after normalisation; `fuzzy` = also typos, reposts, cut-off texts, additions.

    Returns:
        `id` (type of the input), `cluster_id` (String), `duplicate_kind` (unique, original, strict, fuzzy), `similarity` (0-1, to the text
        through which the row joined its cluster); every input row once, in its order.

    Raises:
        ConfigError: a column is missing, an id is null or stands twice, or the mode is none of these.
    """
    if mode not in MODES:
        raise ConfigError(f"mode {mode!r} is none of {', '.join(MODES)}")
    missing = [c for c in (id, text) if c not in frame.columns]
    if missing:
        raise ConfigError(f"there is no column {', '.join(missing)}; the file has {', '.join(frame.columns)}")
    ids = frame[id]
    if ids.null_count():
        raise ConfigError(f"column {id} is null in {ids.null_count():,} rows: every row needs an id")
    if ids.n_unique() < ids.len():
        raise ConfigError(f"column {id} names {ids.len() - ids.n_unique():,} rows twice: every row needs an id of its own")
    if not frame.height:
        return pl.DataFrame(schema={id: frame.schema[id], "cluster_id": pl.String, "duplicate_kind": pl.String, "similarity": pl.Float64})
    names = ids.cast(pl.String)
    rows = pl.DataFrame({"text": frame[text].cast(pl.String).fill_null("")}).with_row_index("row")
    distinct = rows.group_by("text").agg(pl.col("row"))
    forms = normalised(distinct["text"])
    keyed = forms.frame.with_columns(key=forms.strict_key(), row=distinct["row"])
    groups = keyed.group_by("key").agg(pl.col("body", "cut", "tail").first(), pl.col("row").list.explode(keep_nulls=False, empty_as_null=False))
    spoken = groups.filter(~tell_nothing(groups["body"])).with_columns(length=pl.col("body").str.count_matches(" ", literal=True))
    spoken = spoken.sort(["length", "body", "key"], descending=[True, False, False])
    group_of = np.full(frame.height, -1, dtype=np.int64)
    placed = spoken.select(pl.int_range(pl.len()).alias("group"), "row").explode("row", empty_as_null=False)
    group_of[placed["row"].to_numpy()] = placed["group"].to_numpy()
    linked = _linked(spoken) if mode == "fuzzy" and spoken.height else (np.arange(spoken.height), np.ones(spoken.height))
    return _told(frame[id], names, group_of, *linked)


def _linked(spoken: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Component and likeness of each group of equal texts."""
    words: Tokens = tokens(spoken["body"])
    counted = vocabulary(words)
    pairs = candidates(sketches(words, counted))
    judged = Differences(words, counted, spoken["cut"].to_numpy()).judge(pairs)
    return _joined(spoken, pairs, judged)


def _joined(spoken: pl.DataFrame, pairs: np.ndarray, judged: Judged) -> tuple[np.ndarray, np.ndarray]:
    """Components of what is the same; a text that is a part of others joins the one it is most like, unless two are as good."""
    n, same = spoken.height, judged.verdict == SAME
    likeness = np.zeros(n)
    for side in (0, 1):
        np.maximum.at(likeness, pairs[same, side], judged.similarity[same])
    component = _components(n, pairs[same])
    part = judged.verdict == PART
    edges = pl.DataFrame(
        {
            "child": component[pairs[part, 1]],
            "row": pairs[part, 1],
            "parent": component[pairs[part, 0]],
            "similarity": judged.similarity[part],
        }
    ).filter(pl.col("child") != pl.col("parent"))
    best = (
        edges.group_by("child", "parent")
        .agg(pl.col("similarity").max(), pl.col("row").first())
        .sort("child", "similarity", "parent", descending=[False, True, False])
    )
    sole = _sole(best, spoken, component)
    np.maximum.at(likeness, sole["row"].to_numpy(), sole["similarity"].to_numpy())
    above = np.arange(component.max() + 1)
    above[sole["child"].to_numpy()] = sole["parent"].to_numpy()
    together = _components(len(above), np.stack([np.arange(len(above)), above], axis=1))
    return together[component], np.where(likeness > 0, likeness, 1.0)


def _sole(best: pl.DataFrame, spoken: pl.DataFrame, component: np.ndarray) -> pl.DataFrame:
    """Of each child the one parent that it joins: the only post that begins with a text that was cut off, else the one it is most like.

    A text that several posts begin with joins none, unless one of them was posted far more often; nor does one that is as much like two.
    """
    rows = spoken["row"].list.len().to_numpy()
    first = best.with_columns(next=pl.col("similarity").shift(-1).over("child")).group_by("child", maintain_order=True).first()
    clear = pl.col("next").is_null() | (pl.col("next") < pl.col("similarity") - 1e-9)
    chosen = dict(first.select("row", pl.when(clear).then("parent")).rows())
    for row, whole in beginnings(spoken, first["row"].to_numpy()):
        begun = np.bincount(component[whole], weights=rows[whole]) if len(whole) else np.zeros(0)
        if len(begun):
            likely = int(begun.argmax())
            chosen[row] = likely if begun[likely] >= MOST_LIKELY * (begun.sum() - begun[likely]) else None
    parents = first.with_columns(parent=pl.col("row").replace_strict(chosen, return_dtype=pl.Int64))
    return parents.filter(pl.col("parent").is_not_null() & (pl.col("parent") != pl.col("child")))


def _components(n: int, edges: np.ndarray) -> np.ndarray:
    graph = coo_array((np.ones(len(edges), dtype=np.int8), (edges[:, 0], edges[:, 1])), shape=(n, n))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _told(ids: pl.Series, names: pl.Series, group_of: np.ndarray, component: np.ndarray, likeness: np.ndarray) -> pl.DataFrame:
    """One row an id: its cluster, named after the id with the smallest hash, which is its original."""
    alone = group_of < 0
    group = np.where(alone, 0, group_of)
    cluster = np.where(alone, -1 - np.arange(len(group_of)), component[group] if len(component) else 0)
    similarity = np.where(alone, 1.0, likeness[group] if len(likeness) else 1.0)
    rows = pl.DataFrame({"group": group_of, "cluster": cluster, "similarity": similarity, "mark": names.hash(29), "name": names})
    leads = (
        rows.sort("mark", "name")
        .group_by("cluster")
        .agg(size=pl.len(), lead=pl.col("group").first(), cluster_mark=pl.col("mark").first(), original=pl.col("name").first())
    )
    rows = rows.join(leads, on="cluster", how="left", maintain_order="left").with_columns(original=pl.col("name") == pl.col("original"))
    kind = (
        pl.when(pl.col("size") == 1)
        .then(pl.lit("unique"))
        .when("original")
        .then(pl.lit("original"))
        .when(pl.col("group") == pl.col("lead"))
        .then(pl.lit("strict"))
        .otherwise(pl.lit("fuzzy"))
    )
    told = rows.select(
        cluster_id=pl.format("c{}", pl.col("cluster_mark")),
        duplicate_kind=kind,
        similarity=pl.when(pl.col("original") | (pl.col("group") == pl.col("lead"))).then(1.0).otherwise(pl.col("similarity")),
    )
    return told.insert_column(0, ids)
