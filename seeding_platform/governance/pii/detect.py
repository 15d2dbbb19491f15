"""Personal data in texts: where it stands, what it is, how sure that is.

A text is read in one form (`plain`); what most texts do not have is ruled out by one look a label at the whole column, and only the rest is
read by the finders. Offsets are those of the original text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.governance.pii.finders import FINDERS, WEAK_FINDERS
from seeding_platform.governance.pii.plain import ODD, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeding_platform.governance.pii.plain import Plain
    from seeding_platform.governance.pii.spans import Finder, Span

SPANS: dict[str, pl.DataType] = {"row": pl.Int64(), "start": pl.Int64(), "end": pl.Int64(), "label": pl.String(), "score": pl.Float64()}


def detect_pii(texts: pl.Series, *, weak: bool = False) -> pl.DataFrame:
    """Find personal data.

    Labels: EMAIL PHONE IBAN CREDIT_CARD BSN IP_ADDRESS MAC_ADDRESS US_SSN UK_NINO SECRET LICENSE_PLATE VAT_ID GEO HANDLE. Numbers must have
    the right check digits where there are any; where a form is not enough, the words around must speak for it.

    Args:
        texts: any texts; null counts as empty.
        weak: also PERSON and ADDRESS, by lists of words: many are missed, and some are none.

    Returns:
        `row` (0-based), `start`, `end` (code points of the original text, end exclusive), `label`, `score` (0-1), by row and place; no two
        spans of a row overlap.

    >>> detect_pii(pl.Series(["Mail jan@example.nl or call +31 6 12345678", "nothing here"])).rows()
    [(0, 5, 19, 'EMAIL', 0.99), (0, 28, 42, 'PHONE', 0.99)]
    """
    finders = FINDERS + WEAK_FINDERS if weak else FINDERS
    read, origins = as_read(texts)
    found: dict[int, list[Span]] = {}
    for finder in finders:
        for row, text in triggered(read, finder):
            if spans := list(finder.find(text)):
                found.setdefault(row, []).extend(spans)
    rows = []
    for row in sorted(found):
        origin = origins.get(row)
        spans = found[row] if len(found[row]) == 1 else apart(found[row])
        rows += [(row, *(origin.span(s.start, s.end) if origin else (s.start, s.end)), s.label, s.score) for s in spans]
    return pl.DataFrame(rows, schema=SPANS, orient="row")


def as_read(texts: pl.Series) -> tuple[pl.Series, dict[int, Plain]]:
    """The texts in the form that they are read in, and of those that have another one, where each character stood."""
    texts = texts.cast(pl.String).fill_null("")
    odd = texts.str.contains(ODD).arg_true()
    if not odd.len():
        return texts, {}
    origins = {row: plain(text) for row, text in zip(odd.to_list(), texts.gather(odd).to_list(), strict=True)}
    return texts.clone().scatter(odd, pl.Series([p.text for p in origins.values()], dtype=pl.String)), origins


def triggered(read: pl.Series, finder: Finder) -> Iterable[tuple[int, str]]:
    """Rows that a finder has to look at."""
    rows = read.str.contains(finder.trigger).arg_true()
    return zip(rows.to_list(), read.gather(rows).to_list(), strict=True)


def apart(spans: Iterable[Span]) -> list[Span]:
    """Spans that do not overlap, in order: of those that do, the surest, then the longest, then the one whose finder came first."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (-s.score, s.start - s.end)):
        if all(span.end <= other.start or span.start >= other.end for other in kept):
            kept.append(span)
    return sorted(kept, key=lambda s: s.start)
