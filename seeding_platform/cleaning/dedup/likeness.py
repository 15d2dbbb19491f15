"""Duplicates by text: equal, or alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from seeding_platform.cleaning.dedup.fuzzy import alike
from seeding_platform.cleaning.dedup.known import FORM, TEXTS, Known
from seeding_platform.cleaning.dedup.pins import decided, kinds_after
from seeding_platform.cleaning.dedup.texts import gaps_of, normalised, tell_nothing
from seeding_platform.cleaning.progress import quiet
from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from seeding_platform.cleaning.policy import DuplicatePolicy
    from seeding_platform.cleaning.progress import Progress

Mode = Literal["strict", "fuzzy", "semantic"]
_OPENING = 12  # letters: texts that begin alike stand beside each other, and more letters cost more to sort
MODES: tuple[Mode, ...] = ("strict", "fuzzy", "semantic")


def deduplicate(
    frame: pl.DataFrame, *, id: str, text: str, mode: Mode, policy: DuplicatePolicy | None = None, progress: Progress = quiet
) -> pl.DataFrame:
    """Group rows whose texts are the same post.

    Numbers, dates, prices, negations and telling words that differ keep two texts apart, however alike they are. Texts of fewer than three
    words or twelve letters are never grouped. The result does not depend on the order of the rows.

    Args:
        frame: rows with an id each.
        id: column of ids; each once, none null.
        text: column of texts; null counts as empty.
        mode: `strict` = equal after normalisation; `fuzzy` = also typos, reposts, cut-off texts, additions; `semantic` = also other words.
        policy: columns that must be equal too, and pairs of ids that a person has joined or put apart.
        progress: is told a line at each step.

    Returns:
        `id` (type of the input), `cluster_id` (String), `duplicate_kind` (unique, original, strict, fuzzy, semantic, or pinned = joined by a
        person), `similarity` (0-1, to the text through which the row joined its cluster); every input row once, in its order.

    Raises:
        ConfigError: a column is missing, an id is null or stands twice, or the mode is none of these.
    """
    if mode not in MODES:
        raise ConfigError(f"mode {mode!r} is none of {', '.join(MODES)}")
    missing = [c for c in (id, text, *(policy.by if policy else ())) if c not in frame.columns]
    if missing:
        raise ConfigError(f"there is no column {', '.join(missing)}; the file has {', '.join(frame.columns)}")
    ids = frame[id]
    if ids.null_count():
        raise ConfigError(f"column {id} is null in {ids.null_count():,} rows: every row needs an id")
    if ids.n_unique() < ids.len():
        raise ConfigError(f"column {id} names {ids.len() - ids.n_unique():,} rows twice: every row needs an id of its own")
    found, _ = grouped(ids, frame[text], mode, None, progress)
    if policy is None or not frame.height:
        return found
    record = ids.cast(pl.String)
    told = decided(frame.select(*policy.by, id).with_columns(record=record, cluster_id=found["cluster_id"], decided_by=pl.lit(mode)), policy)
    return kinds_after(found, told)


def grouped(ids: pl.Series, texts: pl.Series, mode: Mode, known: Known | None, progress: Progress = quiet) -> tuple[pl.DataFrame, Known]:
    """`deduplicate` without a policy, beginning with what an earlier run has found; and what the next one may begin with.

    The rows are the same whatever is known. None = nothing is known, and nothing is to be kept.

    Args:
        ids: each once, none null.
        texts: as long as `ids`.
        mode: as in `deduplicate`.
        known: what is known of these and other texts.
        progress: is told a line at each step.
    """
    if not ids.len():
        empty = {"cluster_id": pl.String(), "duplicate_kind": pl.String(), "similarity": pl.Float64()}
        return pl.DataFrame([ids, *pl.DataFrame(schema=empty).get_columns()]), Known.nothing()
    kept, known = known is not None, known or Known.nothing()
    distinct = _formed(texts.cast(pl.String).fill_null(""), known)
    groups = _groups(distinct)
    group_of = np.full(ids.len(), -1, dtype=np.int64)
    placed = groups.select(pl.int_range(pl.len()).alias("group"), "row").explode("row", empty_as_null=False)
    group_of[placed["row"].to_numpy()] = placed["group"].to_numpy()
    progress(f"{distinct.height:,} different texts, {groups.height:,} of them after normalisation and with something to say")
    places = _as_before(distinct, groups, known, mode)
    pairs: pl.DataFrame | None = known.pairs
    if places is None:
        near, likeness = np.arange(groups.height), np.ones(groups.height)
        if mode != "strict" and groups.height:
            near, likeness, pairs = alike(groups, known.pairs if kept else None, progress)
        cluster = near
        if mode == "semantic" and groups.height:
            cluster, likeness = _reworded(groups, near, likeness, progress)
    else:
        near, cluster, likeness = places
    found = _told(ids, ids.cast(pl.String), group_of, near, cluster, likeness)
    if pairs is None or not kept:
        return found, Known.nothing()
    ended = pl.DataFrame({"key": groups["key"], "near": near, "cluster": cluster, "likeness": likeness}, schema_overrides={"likeness": pl.Float64})
    now = distinct.select("mark", "bytes", "key", *FORM, times=pl.col("row").list.len()).join(ended, on="key", how="left", maintain_order="left")
    return found, Known(now.select(pl.col(name).cast(dtype) for name, dtype in TEXTS.items()), pairs, mode)


def _formed(texts: pl.Series, known: Known) -> pl.DataFrame:
    """A row a distinct text: `raw`, the rows that have it, `mark` and `bytes` that name it, its normal form and the `key` of that."""
    distinct = pl.DataFrame({"raw": texts}).with_row_index("row").group_by("raw").agg(pl.col("row"))
    named = distinct.with_columns(mark=pl.col("raw").hash(3), bytes=pl.col("raw").str.len_bytes())
    old = named.join(known.texts.select("mark", "bytes", "key", *FORM), on=["mark", "bytes"], how="inner")
    new = named.join(known.texts.select("mark", "bytes"), on=["mark", "bytes"], how="anti") if known.texts.height else named
    forms = normalised(new["raw"])
    return pl.concat([old, new.with_columns(forms.frame.select(list(FORM)).get_columns()).with_columns(key=forms.strict_key())], how="diagonal")


def _groups(distinct: pl.DataFrame) -> pl.DataFrame:
    """Texts of equal content that say something, longest first: `body, link, cut, tail, raw` (one way it was written), and the rows that have it."""
    rows_of = pl.col("row").list.explode(keep_nulls=False, empty_as_null=False)
    groups = distinct.group_by("key").agg(pl.col("body").first(), pl.col("link").first(), pl.col("cut", "tail", "raw").min(), rows_of)
    length = gaps_of(groups["body"])
    spoken = groups.with_columns(length=length).filter(~tell_nothing(groups["body"], length))
    order = spoken.select(pl.arg_sort_by("length", pl.col("body").str.head(_OPENING), "key", descending=[True, False, False])).to_series()
    return spoken[order]


def _as_before(distinct: pl.DataFrame, groups: pl.DataFrame, known: Known, mode: Mode) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Where the texts ended the last time, if they are the same texts as often as then; else None."""
    if known.mode != mode or known.texts.height != distinct.height:
        return None
    now = distinct.select("mark", "bytes", times=pl.col("row").list.len())
    if now.join(known.texts, on=["mark", "bytes", "times"], how="semi").height != distinct.height:
        return None
    ended = groups.select("key").join(known.texts.unique("key"), on="key", how="left", maintain_order="left")
    near, cluster, likeness = (ended[name].to_numpy() for name in ("near", "cluster", "likeness"))
    return near, cluster, likeness


def _reworded(groups: pl.DataFrame, near: np.ndarray, likeness: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """Clusters of texts that say the same, one text of each component asked: the one most often posted, and not cut off."""
    from seeding_platform.cleaning.dedup.semantic import reworded

    asked = groups.select("body", "cut", "length", text="raw", times=pl.col("row").list.len(), component=pl.Series(near)).with_row_index("group")
    chosen = asked.sort("component", "cut", "times", "group", descending=[False, False, True, False]).unique("component", keep="first")
    chosen = chosen.sort("group")
    together, like = reworded(chosen, progress)
    cluster_of, like_of = np.arange(len(near)), np.ones(len(near))
    component = chosen["component"].to_numpy()
    cluster_of[component], like_of[component] = component[together], like
    return cluster_of[near], np.minimum(likeness, like_of[near])


def _told(ids: pl.Series, names: pl.Series, group_of: np.ndarray, near: np.ndarray, component: np.ndarray, likeness: np.ndarray) -> pl.DataFrame:
    """One row an id: its cluster, named after the id with the smallest hash, which is its original."""
    alone = group_of < 0
    group = np.where(alone, 0, group_of)
    cluster = np.where(alone, -1 - np.arange(len(group_of)), component[group] if len(component) else 0)
    similarity = np.where(alone, 1.0, likeness[group] if len(likeness) else 1.0)
    close = np.where(alone, -1 - np.arange(len(group_of)), near[group] if len(near) else 0)
    rows = pl.DataFrame({"group": group_of, "near": close, "cluster": cluster, "similarity": similarity, "mark": names.hash(29), "name": names})
    leads = (
        rows.sort("mark", "name")
        .group_by("cluster")
        .agg(
            size=pl.len(),
            lead=pl.col("group").first(),
            lead_near=pl.col("near").first(),
            cluster_mark=pl.col("mark").first(),
            original=pl.col("name").first(),
        )
    )
    rows = rows.join(leads, on="cluster", how="left", maintain_order="left").with_columns(original=pl.col("name") == pl.col("original"))
    kind = (
        pl.when(pl.col("size") == 1)
        .then(pl.lit("unique"))
        .when("original")
        .then(pl.lit("original"))
        .when(pl.col("group") == pl.col("lead"))
        .then(pl.lit("strict"))
        .when(pl.col("near") == pl.col("lead_near"))
        .then(pl.lit("fuzzy"))
        .otherwise(pl.lit("semantic"))
    )
    told = rows.select(
        cluster_id=pl.format("c{}", pl.col("cluster_mark")),
        duplicate_kind=kind,
        similarity=pl.when(pl.col("original") | (pl.col("group") == pl.col("lead"))).then(1.0).otherwise(pl.col("similarity")),
    )
    return told.insert_column(0, ids)
