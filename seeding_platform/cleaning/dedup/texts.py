"""Texts as a deduplication reads them: one normal form, and the words of each text as numbers.

What platforms and people add is taken off and kept beside: links, emojis, tags at the end, "RT @name:". The dear steps run only on the
texts that need them.
"""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np
import polars as pl

from seeding_platform.cleaning.dedup.words import EMPTY, NEGATIONS, NUMBERS, TURNING
from seeding_platform.cleaning.text import without_tracking

WORD, NUMBER, NEGATION, TURN, NOTHING = range(5)
"""Kinds of a word: `NOTHING` carries no fact, `TURN` and `NEGATION` turn one around."""

FEWEST_WORDS, FEWEST_LETTERS = 3, 12
_SHORT = 8  # words; a longer text has words enough
_INVISIBLE = r"[\u00ad\u200b-\u200f\u2060\u2066-\u2069\ufe0e\ufe0f\ufeff\x{1f3fb}-\x{1f3ff}]"
_LINK = r"(?:https?://|www\.)[^\s<>\"]+"
_SHORTENED = r"^(?:t\.co|bit\.ly|buff\.ly|ow\.ly|goo\.gl|tinyurl\.com|lnkd\.in|fb\.me|dlvr\.it|ift\.tt|is\.gd|trib\.al|wp\.me|amzn\.to|j\.mp)/"
_UNSETTLED = r"[^\x00-\x7f£©®°À-ÖØ-öø-ÿ‘’“”–—€\x{1f300}-\x{1f3fa}\x{1f400}-\x{1f64f}\x{1f680}-\x{1f6ff}\x{1f900}-\x{1f9ff}]"
"""What is not sure to be its own NFKC form and visible."""
_EMOJI = r"[[\p{Extended_Pictographic}\x{1f1e6}-\x{1f1ff}]--[0-9#*©®™]]"
_SAID_BY = r"^\s*(?:(?:rt|mt|via)\s+@\w+\s*:?\s*)+"
_LAST_TAGS = r"((?:[\s,]*#[\p{L}\p{N}_]+)+)[\s.!]*$"
_CUT_WORD = r"(\S*?)\s*(?:…|\.\.\.?)"
_SHORTEST_CUT = 60  # platforms cut long texts off; at the end of a short one, dots are how people write
_IN_WORDS = r"\p{L}\p{N}\p{M}_@%€$£"
_NO_WORD = rf" *[^{_IN_WORDS} ][^{_IN_WORDS}]*| {{2,}}"
"""What stands between words, but for a single space: that is what it is replaced with, and most of what is found there."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Normal forms, one row a text.

    Args:
        frame: `body` (words only), `link`, `tags`, `emojis`, `cut` (ends in an ellipsis), `tail` (what is left of the word before it).
    """

    frame: pl.DataFrame

    def strict_key(self) -> pl.Series:
        """One number for equal content: words in order, and the sets of tags, emojis and the link."""
        return self.frame.select(pl.struct("body", "link", "tags", "emojis").hash().alias("key")).to_series()


def normalised(texts: pl.Series) -> Texts:
    """Bring texts into one form.

    >>> normalised(pl.Series(["RT @a: Don&#39;t  pay \u20ac 1,000! https://x.nl/?utm_source=b #now"])).frame.row(0)
    ('dont pay €1000', 'x.nl/', 'now', '', False, '')
    """
    raw = pl.col("t")
    plain = texts.fill_null("").alias("t").to_frame()
    clear = _where(plain["t"], plain["t"].str.contains(_UNSETTLED), raw.str.replace_all(_INVISIBLE, "").str.normalize("NFKC"))
    entity = clear.str.contains(r"&[#a-zA-Z]")
    clear = _where(clear, entity, raw.map_batches(_unescaped, return_dtype=pl.String).str.normalize("NFKC").str.replace_all(_INVISIBLE, ""))
    odd = clear.str.contains(r"[^\x00-\x7f]")
    emojis = _where(pl.repeat("", clear.len(), eager=True).alias("t"), odd, raw.str.extract_all(_EMOJI).list.join(""), of=clear)
    lower = clear.str.to_lowercase()
    linked, tagged = lower.str.contains(r"https?://|www\."), lower.str.contains("#", literal=True)
    links = _where(pl.repeat("", lower.len(), eager=True).alias("t"), linked, raw.str.extract_all(_LINK).list.first(), of=lower)
    links = _where(links, links.str.contains("=", literal=True), without_tracking(raw))
    links = _where(links, linked, _canonical(raw))
    lower = _where(lower, linked, raw.str.replace_all(_LINK, " "))
    tags = _where(pl.repeat("", lower.len(), eager=True).alias("t"), tagged, _tags(raw.str.extract(_LAST_TAGS, 1)), of=lower)
    lower = _where(lower, tagged, raw.str.replace(_LAST_TAGS, ""))
    bare = _where(lower, lower.str.contains("@", literal=True), raw.str.replace(_SAID_BY, "")).str.strip_chars_end()
    cut = bare.str.contains(r"(?:…|\.\.\.?)$") & (bare.str.len_chars() >= _SHORTEST_CUT)
    tail = _where(pl.repeat("", lower.len(), eager=True).alias("t"), cut, raw.str.extract(f"{_CUT_WORD}$", 1).str.replace_all(_NO_WORD, " "), of=bare)
    return Texts(
        pl.DataFrame({"body": _bodies(bare, cut), "link": links, "tags": tags, "emojis": emojis, "cut": cut, "tail": tail.str.strip_chars()})
    )


def _where(texts: pl.Series, rows: pl.Series, how: pl.Expr, *, of: pl.Series | None = None) -> pl.Series:
    """`texts`, changed by `how` (of the same rows of `of`) where `rows` is true."""
    places = rows.arg_true()
    if places.len() == 0:
        return texts
    some = (texts if of is None else of).gather(places).alias("t").to_frame().select(how.alias("t")).to_series().fill_null("")
    return texts.clone().scatter(places, some)


def _unescaped(values: pl.Series) -> pl.Series:
    return pl.Series(values.name, [html.unescape(v) for v in values], dtype=pl.String)


def _canonical(link: pl.Expr) -> pl.Expr:
    return link.str.replace(r"^(?:https?://)?(?:www\.)?", "").str.replace(r"#.*$", "").str.strip_chars_end(".,;:!?)…")


def _tags(tags: pl.Expr) -> pl.Expr:
    return tags.str.replace_all(r"[\s,]+", "").str.strip_chars("#").str.split("#").list.unique().list.sort().list.join(" ")


def _bodies(texts: pl.Series, cut: pl.Series) -> pl.Series:
    """Words of lower-cased texts, one space apart; numbers with their marks in one piece; a word that was cut off is gone."""
    text = pl.col("t")
    bare = _where(texts, cut, text.str.replace(f"{_CUT_WORD}$", ""))
    bare = _where(bare, bare.str.contains(r"['’‘`´ʼ]"), text.str.replace_all(r"['’‘`´ʼ]", ""))
    bare = _where(bare, bare.str.contains(r"[0-9][.,:/-][ \n\t\r]*[0-9]"), _numbers_in_one_piece())
    bare = _where(
        bare,
        bare.str.contains(r"[0-9][ \n\t\r]+%|[€$£][ \n\t\r]"),
        text.str.replace_all(r"([€$£])[ \n\t\r]+([0-9])", "$1$2").str.replace_all(r"([0-9])[ \n\t\r]+%", "$1%"),
    )
    return bare.str.replace_all(_NO_WORD, " ").str.strip_chars(" ").alias("body")


def _numbers_in_one_piece() -> pl.Expr:
    """1,000 as 1000, 4-2 and 12.30 with their marks turned into _, 3.00 as 3."""
    end = r"(?-u:\b)"  # digits are ASCII by now, and a boundary that knows all of Unicode is many times dearer
    joined = pl.col("t").str.replace_all(rf"([0-9][.,])[ \n\t\r]+([0-9]{{2,3}}){end}", "$1$2")
    joined = joined.str.replace_all(rf"{end}([0-9]{{1,3}})[.,]([0-9]{{3}}){end}", "$1$2")
    for _ in range(2):  # 1-2-3 overlaps
        joined = joined.str.replace_all(r"([0-9])[.,:/-]([0-9])", "${1}_$2")
    return joined.str.replace_all(rf"([0-9])_00{end}", "$1")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The words of n texts.

    Args:
        start: n + 1 places in `ids` (int64).
        ids: a number for each word, in the order of the texts (uint32).
        words: the vocabulary; `ids` point into it.
        marks: 64-bit hash of each vocabulary word: the same word has the same mark in every corpus.
        kinds: WORD, NUMBER, NEGATION, TURN or NOTHING for each vocabulary word.
    """

    start: np.ndarray
    ids: np.ndarray
    words: pl.Series
    marks: np.ndarray
    kinds: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """The text of each word."""
        return np.repeat(np.arange(len(self.start) - 1, dtype=np.int64), np.diff(self.start))


def tokens(bodies: pl.Series) -> Tokens:
    """Split normal forms into words."""
    split = bodies.str.split(" ")
    counts = pl.select(pl.when(bodies == "").then(0).otherwise(split.list.len())).to_series().to_numpy().astype(np.int64)
    flat = split.filter(bodies != "").explode(keep_nulls=False, empty_as_null=False) if bodies.len() else pl.Series([], dtype=pl.String)
    coded = flat.cast(pl.Categorical(pl.Categories.random()))
    distinct = coded.unique()
    words = distinct.cast(pl.String).gather(distinct.to_physical().arg_sort())
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Tokens(start, coded.to_physical().to_numpy().astype(np.uint32), words, words.hash(17).to_numpy(), _kinds(words))


def _kinds(words: pl.Series) -> np.ndarray:
    word = pl.col("w")
    number = (word.str.contains(r"\p{N}") & ~word.str.starts_with("@")) | word.is_in(sorted(NUMBERS))
    kind = (
        pl.when(number)
        .then(NUMBER)
        .when(word.is_in(sorted(NEGATIONS)))
        .then(NEGATION)
        .when(word.is_in(sorted(TURNING)))
        .then(TURN)
        .when(word.is_in(sorted(EMPTY)))
        .then(NOTHING)
        .otherwise(WORD)
    )
    return words.alias("w").to_frame().select(kind.cast(pl.UInt8)).to_series().to_numpy()


def gaps_of(bodies: pl.Series) -> pl.Series:
    """Spaces in each normal form: one fewer than its words."""
    return bodies.str.count_matches(" ", literal=True)


def tell_nothing(bodies: pl.Series, gaps: pl.Series | None = None) -> pl.Series:
    """True for texts of so few words or letters, words without a fact aside, that equality means nothing; `gaps` as `gaps_of` them, if known."""
    gaps = gaps_of(bodies) if gaps is None else gaps
    silent = (bodies == "") | (gaps + 1 < FEWEST_WORDS) | (bodies.str.len_chars() - gaps < FEWEST_LETTERS)
    short = ((gaps + 1 <= _SHORT) & ~silent).arg_true()
    said = bodies.gather(short).str.split(" ").list.set_difference(pl.Series([sorted(EMPTY)]))
    return silent.scatter(short, said.list.len() < FEWEST_WORDS)


def telling_links(links: pl.Series) -> np.ndarray:
    """A number for each link that says by itself what it leads to; 0 for none, and for shortened ones."""
    link = pl.col("l")
    tells = (link != "") & link.str.contains(r"/.") & ~link.str.contains(_SHORTENED)
    return links.alias("l").to_frame().select(pl.when(tells).then(link.hash(7)).otherwise(pl.lit(0, dtype=pl.UInt64))).to_series().to_numpy()


def places(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The places start, start + 1, ... of several runs, one run after another.

    >>> places(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    began = np.concatenate([[0], np.cumsum(counts)])[:-1]
    at: np.ndarray = np.repeat(starts - began, counts) + np.arange(counts.sum())
    return at
