"""Taking personal data out of texts: nothing but the spans changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.governance.pii.detect import detect_pii

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


def marked(value: str, label: str) -> str:
    """The label in brackets, in place of the value."""
    del value
    return f"[{label}]"


def masked(value: str, label: str) -> str:
    """Letters and digits as `•`, but for the last four of long numbers.

    >>> masked("NL91 ABNA 0417 1643 00", "IBAN")
    '•••• •••• •••• ••43 00'
    """
    signs = [i for i, c in enumerate(value) if c.isalnum()]
    shown = set(signs[-4:]) if label in ("IBAN", "CREDIT_CARD", "PHONE") and len(signs) > 8 else set()
    return "".join(c if not c.isalnum() or i in shown else "•" for i, c in enumerate(value))


def redacted(
    texts: pl.Series,
    labels: Collection[str] | None = None,
    *,
    replacement: Callable[[str, str], str] = marked,
    spans: pl.DataFrame | None = None,
) -> pl.Series:
    """The texts with something else in place of each span; null stays null.

    Args:
        texts: any texts.
        labels: only these; default: every label that is found.
        replacement: gives what stands in place of a value and its label.
        spans: what `detect_pii` found in `texts`, if that is known.

    >>> redacted(pl.Series(["Mail jan@example.nl!"])).to_list()
    ['Mail [EMAIL]!']
    """
    found = detect_pii(texts) if spans is None else spans
    if labels is not None:
        found = found.filter(pl.col("label").is_in(list(labels)))
    if found.is_empty():
        return texts
    places = found.group_by("row", maintain_order=True).agg("start", "end", "label")
    changed = [
        _replaced(text, starts, ends, names, replacement)
        for text, starts, ends, names in zip(texts.gather(places["row"]).to_list(), places["start"], places["end"], places["label"], strict=True)
    ]
    return texts.clone().scatter(places["row"], pl.Series(changed, dtype=pl.String))


def _replaced(text: str, starts: pl.Series, ends: pl.Series, labels: pl.Series, replacement: Callable[[str, str], str]) -> str:
    parts, at = [], 0
    for start, end, label in sorted(zip(starts.to_list(), ends.to_list(), labels.to_list(), strict=True)):
        parts += [text[at:start], replacement(text[start:end], label)]
        at = end
    return "".join([*parts, text[at:]])
