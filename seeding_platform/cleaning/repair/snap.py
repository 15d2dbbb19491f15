"""Dictionary rules: a value close to one entry, and to no other, is that entry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

if TYPE_CHECKING:
    from seeding_platform.cleaning.repair.rules import SnapRule

_AT_ONCE = 4_000_000  # distances held at a time
_FAR = 255
_RARE = 200  # an entry with so many times fewer rows than one near it is no entry but a slip that happened more than once
_WHOLE, _PART = 4, 2  # a cut-off value has so many letters, and one part in so many of the entry's


def snap_findings(text: pl.DataFrame, rule: SnapRule) -> pl.DataFrame:
    """Values outside the dictionary that are an entry with a slip, or may be: `row, before, after, confidence`.

    The distance is that of optimal string alignment (insertions, deletions, substitutions, neighbours swapped), on lower-case text without
    accents and punctuation. It may be 1 from 4 letters on, and a third of the length (at most 3) for a given dictionary, a fifth (at most
    2) for a learned one; the next entry must be twice as far. Digits must be equal. The beginning of just one entry, at least half of it, is that
    entry cut off.
    """
    counts = text[rule.column].alias("value").drop_nulls().value_counts(name="n")
    learned = rule.dictionary is None
    known = _entries(counts, rule.min_support) if learned else pl.DataFrame({"value": rule.dictionary})
    unknown = counts.join(known, on="value", how="anti").sort("value")
    if not known.height or not unknown.height:
        return pl.DataFrame(schema={"row": pl.Int64, "before": pl.String, "after": pl.String, "confidence": pl.Float64})
    told = _nearest(unknown, known.sort("value"), learned=learned, margin=rule.margin)
    sure = told.filter(pl.col("after") != pl.col("value"))
    cut = _cut_off(unknown.join(sure, on="value", how="anti"), known, margin=rule.margin if learned else 0.0)
    told = pl.concat([told.join(cut, on="value", how="anti"), cut])
    rows = pl.DataFrame({"row": pl.int_range(text.height, eager=True), "value": text[rule.column]})
    found = rows.join(told, on="value", how="inner", maintain_order="left")
    return found.rename({"value": "before"})


def _entries(counts: pl.DataFrame, support: int) -> pl.DataFrame:
    """Frequent values, without those that are the slip of a far more frequent one."""
    frequent = counts.filter(pl.col("n") >= support).sort("value")
    if not frequent.height:
        return frequent
    rare = frequent.filter(pl.col("n") * _RARE <= frequent["n"].max())
    common = frequent.filter(pl.col("n") >= _RARE * support)
    if not rare.height or not common.height:
        return frequent
    slips = _nearest(rare, common, learned=True, margin=float(_RARE)).filter(pl.col("after") != pl.col("value"))
    cut = _cut_off(rare, frequent, margin=float(_RARE))
    return frequent.filter(~pl.col("value").is_in(pl.concat([slips["value"], cut["value"]]).implode()))


def _cut_off(unknown: pl.DataFrame, known: pl.DataFrame, *, margin: float) -> pl.DataFrame:
    """`value, after, confidence` of values that are the beginning of one entry only; its rows must be `margin` times theirs."""
    own = unknown.with_columns(form=_forms(unknown["value"]), letters=pl.col("value").str.len_chars())
    entries = known.with_columns(entry_form=_forms(known["value"]), size=pl.col("value").str.len_chars()).rename({"value": "entry"})
    pairs = own.filter(pl.col("letters") >= _WHOLE).join_where(
        entries.rename({"n": "rows"}) if "n" in entries.columns else entries.with_columns(rows=pl.lit(None, dtype=pl.UInt32)),
        pl.col("size") > pl.col("letters"),
        pl.col("entry_form").str.starts_with(pl.col("form")),
    )
    only = pairs.filter(pl.len().over("value") == 1)
    enough = (pl.col("rows") >= margin * pl.col("n")) if margin else pl.lit(True)
    found = only.filter(enough & (pl.col("letters") * _PART >= pl.col("size")) & (pl.col("entry_form") != pl.col("form")))
    return found.select("value", after="entry", confidence=(pl.col("letters") / pl.col("size")).cast(pl.Float64))


def _nearest(unknown: pl.DataFrame, known: pl.DataFrame, *, learned: bool, margin: float) -> pl.DataFrame:
    """`value, after, confidence` of the unknown values that have an entry near."""
    entries, entry_form = known["value"], _forms(known["value"]).to_list()
    values, value_form = unknown["value"], _forms(unknown["value"]).to_list()
    best, near, next_near = _two_nearest(value_form, entry_form)
    length = np.array([len(form) for form in value_form])
    reach = np.minimum(np.maximum(1, length // (5 if learned else 3)), 2 if learned else 3)
    reach = np.where(length >= 4, reach, 0)
    found = pl.DataFrame(
        {
            "value": values,
            "entry": entries.gather(best),
            "near": near,
            "next": next_near,
            "length": length,
            "reach": reach,
            "same_digits": [_digits(values[i]) == _digits(entries[int(b)]) for i, b in enumerate(best)],
        }
    ).filter((pl.col("near") <= pl.col("reach")) & (pl.col("length") > 0))
    sure = (pl.col("next") > pl.col("near")) & (pl.col("next") >= 2 * pl.col("near")) & pl.col("same_digits")
    if learned:
        rows = unknown.rename({"n": "own"}).join(found, on="value").join(known.select(entry="value", n="n"), on="entry")
        found = rows.with_columns(frequent=pl.col("n") >= margin * pl.col("own"))
        sure = sure & pl.col("frequent")
    confidence = 1 - pl.col("near") / pl.col("length")
    return found.select(
        "value", after=pl.when(sure).then("entry").otherwise("value"), confidence=pl.when(sure).then(confidence).otherwise(confidence / 2)
    )


def _two_nearest(values: list[str], entries: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each value the nearest entry, its distance, and that of the next entry of another form."""
    step = max(1, _AT_ONCE // len(entries))
    parts = []
    forms = np.array(entries, dtype=object)
    for start in range(0, len(values), step):
        distance = cdist(values[start : start + step], entries, scorer=OSA.distance, score_cutoff=8, score_hint=2, dtype=np.uint8)
        best = distance.argmin(axis=1)
        near = distance[np.arange(len(best)), best].copy()
        same_form = forms[None, :] == forms[best][:, None] if len(set(entries)) < len(entries) else None
        if same_form is None:
            distance[np.arange(len(best)), best] = _FAR
        else:
            distance[same_form] = _FAR
            near = np.where(same_form.sum(axis=1) > 1, 99, near)  # two entries that only punctuation or case tells apart: neither is sure
        parts.append((best, near, distance.min(axis=1)))
    return tuple(np.concatenate([part[i] for part in parts]).astype(np.int64) for i in range(3))  # type: ignore[return-value]


def _forms(values: pl.Series) -> pl.Series:
    """Lower case, without accents, punctuation as one space."""
    bare = values.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    return bare.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()


def _digits(value: str) -> list[str]:
    return re.findall(r"\d+", value)
