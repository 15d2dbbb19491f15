"""Which table or source an address is about, for keys that are limited to some; what is about none in particular is not open to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.service.audited import tell
from seeding_platform.service.errors import Problem
from seeding_platform.storage.grants import granted

if TYPE_CHECKING:
    from fastapi import Request

    from seeding_platform.service.sessions import Actor

FACTS = "kpi/ads_daily"
ENRICHED = "enriched/exception_records"
UPLOADS = "source:ad_exports"
ABOUT = (
    ("/api/v1/tables/{layer}/{table}/", "{layer}/{table}"),
    ("/{lang}/tables/{layer}/{table}/", "{layer}/{table}"),
    ("/api/v1/cleaning/{contract}", "clean/{contract}"),
    ("/{lang}/quality/cleaning/{contract}", "clean/{contract}"),
    ("/api/v1/engines/{engine}/", "bundle/{engine}"),
    ("/api/v1/delta-sharing/shares/{share}/schemas/{schema}/tables/{table}/", "bundle/{table}"),
    ("/api/v1/delta-sharing/files/{share}/{table}/", "bundle/{table}"),
    ("/api/v1/ml/models/{model}", "model/{model}"),
    ("/{lang}/models/{model}", "model/{model}"),
    *((begins, ENRICHED) for begins in ("/api/v1/enrichment/", "/api/enrichment/", "/{lang}/enrichment")),
    *((f"/api/v1/{part}", FACTS) for part in ("kpis", "metrics", "nlq", "exports", "insights/", "snapshots/")),
    *((f"/{{lang}}/{part}", FACTS) for part in ("overview", "kpis", "ask")),
    ("/api/v1/ingestions", UPLOADS),
    ("/{lang}/upload", UPLOADS),
)
"""Beginnings of addresses, and what they are about."""
EVERYBODYS = ("/api/v1/engines/keys",)
"""Addresses of which every key may ask, also one that is limited: what they tell is public."""


def about(path: str, named: dict[str, str]) -> str | None:
    """The table or source that a route is about; None where it is about none in particular.

    >>> about("/api/v1/tables/{layer}/{table}/diff", {"layer": "clean", "table": "orders"}), about("/api/v1/audit", {})
    ('clean/orders', None)
    """
    template = next((told for begins, told in ABOUT if path.startswith(begins)), None)
    return None if template is None else template.format(**named)


def require_granted(request: Request, actor: Actor) -> None:
    """Nothing, where a key is not limited, or what it asks about is within its grants.

    Raises:
        Problem: 403, on record.
    """
    if not actor.grants:
        return
    path = str(getattr(request.scope.get("route"), "path", ""))
    if path in EVERYBODYS:
        return
    wanted = about(path, {name: str(value) for name, value in request.path_params.items()})
    if wanted is None or not granted(actor.grants, wanted):
        tell(request, did="not-granted", wanted=wanted or path)
        what = f"{wanted} is not among them" if wanted else "this address is about none of them in particular"
        raise Problem(403, "not-granted", f"The key is limited to {', '.join(actor.grants)}; {what}.")
