"""Where a request comes from, as far as a browser says: what changes something is taken from pages of this address only."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping


def same_origin(headers: Mapping[str, str]) -> bool | None:
    """Whether a page of this address asks; None when the request does not say.

    >>> same_origin({"host": "h:3000", "origin": "http://h:3000"}), same_origin({"host": "h:3000", "origin": "null"}), same_origin({"host": "h"})
    (True, False, None)
    """
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    told = headers.get("origin") or headers.get("referer")
    if not told:
        return None
    try:
        return urlsplit(told).netloc.lower() == headers.get("host", "").lower() != ""
    except ValueError:
        return False
