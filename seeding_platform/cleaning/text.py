"""Text as people meant it: entities decoded, one Unicode form, no stray white space, links without tracking, tags out of posts."""

from __future__ import annotations

import html

import polars as pl

_ENTITY = r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});"
_INVISIBLE = r"[\u200b\u200c\u2060\ufeff]"
_TRACKING = r"(?:utm_[a-z_]+|fbclid|gclid|dclid|msclkid|igshid|mc_cid|mc_eid|ttclid|twclid|li_fat_id)=[^&#]*"


def harmonised_text(text: pl.Expr) -> pl.Expr:
    """NFC, HTML entities decoded, invisible characters and surrounding white space gone; null where nothing is left.

    >>> pl.DataFrame({"x": ["Fish &amp; chips\u00a0 ", "\u200b"]}).select(harmonised_text(pl.col("x"))).to_series().to_list()
    ['Fish & chips', None]
    """
    decoded = pl.when(text.str.contains(_ENTITY)).then(text.map_batches(_unescaped, return_dtype=pl.String)).otherwise(text)
    bare = decoded.str.normalize("NFC").str.replace_all(_INVISIBLE, "").str.replace_all("\u00a0", " ", literal=True)
    bare = bare.str.replace_all("\r\n", "\n", literal=True).str.strip_chars()
    return pl.when(bare != "").then(bare)


_UNTOUCHED = r"^[\x21-\x25\x27-\x7e](?:[\x20-\x25\x27-\x7e\n]*[\x21-\x25\x27-\x7e])?$"
"""ASCII without ampersands that begins and ends in a visible character: nothing to do."""


def harmonised_series(text: pl.Series) -> pl.Series:
    """`harmonised_text` of a column; the dear steps only where a text can need them.

    >>> harmonised_series(pl.Series(["plain", " Fish &amp; chips", None, ""])).to_list()
    ['plain', 'Fish & chips', None, None]
    """
    rows = (~text.str.contains(_UNTOUCHED)).fill_null(False).arg_true()
    if rows.len() == 0:
        return text
    some = text.gather(rows).to_frame().select(harmonised_text(pl.col(text.name))).to_series()
    return text.clone().scatter(rows, some) if rows.len() < text.len() else some


def _unescaped(values: pl.Series) -> pl.Series:
    return pl.Series(values.name, [html.unescape(v) if v is not None and "&" in v else v for v in values], dtype=pl.String)


def without_tracking(url: pl.Expr) -> pl.Expr:
    """A link without the parameters that only say where the click came from.

    >>> pl.DataFrame({"u": ["https://example.nl/a?utm_source=x&id=3&fbclid=y#z"]}).select(without_tracking(pl.col("u"))).item()
    'https://example.nl/a?id=3#z'
    """
    cut = url.str.replace_all(_TRACKING, "")
    tidy = cut.str.replace_all(r"&{2,}", "&").str.replace("?&", "?", literal=True).str.replace(r"[?&](#|$)", "$1").str.replace(r"&(#|$)", "$1")
    return pl.when(cut != url).then(tidy).otherwise(url)


def hashtags(text: pl.Expr) -> pl.Expr:
    """Hashtags of a text, lower case, without #, each once, in order; never null.

    >>> pl.DataFrame({"x": ["Sale! #Sale #e_com #sale a#b 50# #1", None]}).select(hashtags(pl.col("x"))).to_series().to_list()
    [['sale', 'e_com'], []]
    """
    return _tags(text, r"(?:^|[^\p{L}\p{N}_&/#])#([\p{L}\p{N}_]*\p{L}[\p{L}\p{N}_]*)", "#")


def mentions(text: pl.Expr) -> pl.Expr:
    """Mentions of a text, lower case, without @, each once, in order; e-mail addresses are none.

    >>> pl.DataFrame({"x": ["Hi @Acme, mail a@example.nl"]}).select(mentions(pl.col("x"))).item().to_list()
    ['acme']
    """
    return _tags(text, r"(?:^|[^\p{L}\p{N}_.@/])@([\p{L}\p{N}_][\p{L}\p{N}_.]*[\p{L}\p{N}_]|[\p{L}\p{N}_])", "@")


def _tags(text: pl.Expr, pattern: str, mark: str) -> pl.Expr:
    found = text.fill_null("").str.extract_all(pattern)
    return found.list.eval(pl.element().str.replace(rf"^[^{mark}]*{mark}", "").str.to_lowercase()).list.unique(maintain_order=True)


def tags_of_posts(listed: pl.Series, text: pl.Series, *, mark: str) -> pl.Series:
    """Tags (`#`) or mentions (`@`) of posts: those of the text, then for tags those that the source lists apart; never null.

    >>> tags_of_posts(pl.Series(["['b']", None]), pl.Series(["#A &amp; #b", "none"]), mark="#").to_list()
    [['a', 'b'], []]
    """
    nothing = pl.Series([[]], dtype=pl.List(pl.String)).new_from_index(0, text.len())
    rows = (text.str.contains(mark, literal=True).fill_null(False) | (listed.is_not_null() if mark == "#" else False)).arg_true()
    if rows.len() == 0:
        return nothing
    some = pl.DataFrame({"text": harmonised_series(text.gather(rows)), "listed": listed.gather(rows)})
    found = pl.concat_list(hashtags(pl.col("text")), listed_tags(pl.col("listed"))) if mark == "#" else mentions(pl.col("text"))
    tags = some.select(found.list.unique(maintain_order=True)).to_series()
    placed = pl.DataFrame({"row": rows, "tags": tags})
    every = pl.DataFrame({"row": pl.int_range(text.len(), dtype=pl.UInt32, eager=True)})
    return every.join(placed, on="row", how="left", maintain_order="left")["tags"].fill_null(pl.Series([[]], dtype=pl.List(pl.String)).first())


def listed_tags(text: pl.Expr) -> pl.Expr:
    """A source's own list of hashtags, however it is written; never null.

    >>> pl.DataFrame({"x": ["['A', 'b']", "#x #Y", "p;q", None]}).select(listed_tags(pl.col("x"))).to_series().to_list()
    [['a', 'b'], ['x', 'y'], ['p', 'q'], []]
    """
    words = text.fill_null("").str.replace_all(r"[\[\]'\x22#,;|\s]+", " ").str.strip_chars().str.to_lowercase().str.split(" ")
    return words.list.eval(pl.element().filter(pl.element() != "")).list.unique(maintain_order=True)
