"""Column names as exports and people write them, English and Dutch, for the contracts' own."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeding_platform.catalog import TableContract

SYNONYMS: dict[str, tuple[str, ...]] = {
    "account_id": ("account", "account id", "profile id", "page id", "profiel id"),
    "account": ("account name", "accountnaam", "ad account", "advertentieaccount"),
    "amount": ("total", "order total", "order value", "bedrag", "orderbedrag", "totaal", "totaalbedrag"),
    "at": ("time", "timestamp", "moment", "tijdstip"),
    "campaign": ("campaign name", "campagne", "campagnenaam"),
    "campaign_id": ("campaign id", "campagne id"),
    "clicks": ("link clicks", "klikken", "kliks", "clicks all"),
    "comments": ("replies", "reacties", "opmerkingen", "comment count"),
    "content_type": ("post type", "media type", "type", "berichttype"),
    "conversions": ("results", "conversies", "resultaten"),
    "country": ("land", "country code", "landcode"),
    "created_at": ("created", "created on", "order date", "aangemaakt", "aangemaakt op", "orderdatum", "besteldatum"),
    "currency": ("currency code", "valuta", "munteenheid"),
    "customer_ref": ("customer", "customer id", "klant", "klantnummer", "klant id"),
    "date": ("day", "datum", "dag", "report date"),
    "email": ("e mail", "mail", "email address", "emailadres"),
    "followers": ("follower count", "volgers", "aantal volgers"),
    "handle": ("username", "user name", "gebruikersnaam", "screen name"),
    "hashtags": ("tags",),
    "impressions": ("views", "times shown", "vertoningen", "impressies", "weergaven"),
    "language": ("lang", "taal"),
    "likes": ("like count", "favorites", "favourites", "vind ik leuks", "likes count", "reactions"),
    "measured_at": ("measured", "measured on", "gemeten op", "date", "datum"),
    "name": ("naam", "title", "titel"),
    "order_id": ("order", "order number", "order no", "ordernummer", "bestelnummer", "id"),
    "platform": ("network", "channel", "platform name", "kanaal", "netwerk"),
    "post_id": ("post", "post id", "id", "bericht id", "permalink id", "tweet id"),
    "published_at": ("published", "post date", "publish time", "posted at", "gepubliceerd", "gepubliceerd op", "publicatiedatum", "date", "datum"),
    "reach": ("bereik", "accounts reached"),
    "revenue": ("conversion value", "omzet", "opbrengst", "sales"),
    "saves": ("bookmarks", "opgeslagen"),
    "shares": ("reposts", "retweets", "share count", "gedeeld", "keer gedeeld"),
    "spend": ("cost", "costs", "amount spent", "kosten", "uitgaven", "besteed bedrag"),
    "status": ("state", "staat"),
    "text": ("post text", "message", "caption", "content", "body", "tekst", "bericht", "berichttekst"),
    "url": ("link", "permalink", "post url", "webadres"),
}


def plain(header: str) -> str:
    """A header without case, units and punctuation.

    >>> plain("Amount_spent (EUR)"), plain("postId")
    ('amount spent', 'post id')
    """
    bare = re.sub(r"\([^)]*\)", " ", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", header))
    return " ".join(re.sub(r"[\W_]+", " ", bare.lower()).split())


def mapped_headers(headers: Iterable[str], contract: TableContract) -> dict[str, str]:
    """Contract column: header. A column's own name comes first, then its synonyms in their order; no header is used twice."""
    found: dict[str, str] = {}
    free: dict[str, str] = {}
    for header in headers:
        free.setdefault(plain(header), header)
    own = [(column, (column,)) for column in contract.columns]
    other = [(column, SYNONYMS.get(column, ())) for column in contract.columns]
    for column, names in (*own, *other):
        name = next((plain(n) for n in names if plain(n) in free), None)
        if name is not None and column not in found and column not in contract.derived:
            found[column] = free.pop(name)
    return found


def nearest(name: str, headers: Iterable[str]) -> str:
    """The header that looks most like a name, or ""."""
    close = difflib.get_close_matches(plain(name), [plain(h) for h in headers], n=1, cutoff=0.6)
    return next((h for h in headers if close and plain(h) == close[0]), "")
