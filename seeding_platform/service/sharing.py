"""Links to one dashboard at one version, signed and with an end: whoever has the link may look, and nothing else."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seeding_platform.service.context import Service
    from seeding_platform.storage.kept import Item


def token_for(service: Service, item: Item, expires: dt.datetime) -> str:
    """The part of a link that says what may be seen, until when."""
    said = f"{item.item_id}.{item.version}.{int(expires.timestamp())}"
    return f"{said}.{_signed(service, item.tenant, said)}"


def shared_item(service: Service, token: str) -> Item | None:
    """The dashboard of a link; None when it is wrong, over, or the dashboard has changed since."""
    item_id, _, rest = token.partition(".")
    version, _, rest = rest.partition(".")
    expires, _, signature = rest.partition(".")
    if not (version.isdigit() and expires.isdigit() and len(expires) <= 12 and signature.isascii()):
        return None
    if int(expires) < service.now().timestamp():
        return None
    found = next((i for i in service.kept.all("dashboard") if i.item_id == item_id and str(i.version) == version), None)
    if found is None or not hmac.compare_digest(signature, _signed(service, found.tenant, f"{item_id}.{version}.{expires}")):
        return None
    return found


def _signed(service: Service, tenant: str, said: str) -> str:
    return hmac.new(service.session_secret, f"share:{tenant}:{said}".encode(), hashlib.sha256).hexdigest()
