"""Which table or source an address is about, for keys that are limited to some; what is about none in particular is not open to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.service.audited import tell
from seeding_platform.service.errors import Problem
from seeding_platform.storage.api_keys import Role
from seeding_platform.storage.grants import ENGINE, granted

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
    ("/api/v1/engines/{engine}", "engine:{engine}"),
    ("/{lang}/engines/{engine}", "engine:{engine}"),
    ("/api/v1/delta-sharing/shares/{share}/schemas/{schema}/tables/{table}/", "engine:{table}"),
    ("/api/v1/delta-sharing/files/{share}/{table}/", "engine:{table}"),
    ("/api/v1/ml/models/{model}", "model/{model}"),
    ("/{lang}/models/{model}", "model/{model}"),
    *((begins, ENRICHED) for begins in ("/api/v1/enrichment/", "/api/enrichment/", "/{lang}/enrichment")),
    *((f"/api/v1/{part}", FACTS) for part in ("kpis", "metrics", "nlq", "exports", "insights/", "snapshots/")),
    *((f"/{{lang}}/{part}", FACTS) for part in ("overview", "kpis", "ask")),
    ("/api/v1/ingestions", UPLOADS),
    ("/{lang}/upload", UPLOADS),
)
"""Beginnings of addresses, and what they are about."""
FREE = frozenset({"/api/v1/engines/keys"})
"""Open to every key: public keys, by which engines check what they are given."""


def about(path: str, named: dict[str, str]) -> str | None:
    """The table or source that a route is about; None where it is about none in particular.

    >>> about("/api/v1/tables/{layer}/{table}/diff", {"layer": "clean", "table": "orders"}), about("/api/v1/audit", {})
    ('clean/orders', None)
    """
    template = next((told for begins, told in ABOUT if path.startswith(begins)), None)
    return None if template is None else template.format(**named)


def within(grants: tuple[str, ...], wanted: str) -> bool:
    """Whether something is within what a key is limited to; who may see an engine's bundle as a table may fetch it.

    >>> within(("bundle/roi",), "engine:roi"), within(("engine:roi",), "bundle/roi"), within(("engine:r*",), "engine:roi")
    (True, False, True)
    """
    return granted(grants, wanted) or (wanted.startswith(ENGINE) and granted(grants, f"bundle/{wanted.removeprefix(ENGINE)}"))


def speaks_for(actor: Actor, engine: str) -> bool:
    """Whether somebody speaks for an engine: a key that was made for it, or one that may run things here."""
    made_for_it = [g for g in actor.grants if g.startswith(ENGINE)]
    return actor.role.may(Role.OPERATOR) or (bool(made_for_it) and granted(tuple(made_for_it), f"{ENGINE}{engine}"))


def require_granted(request: Request, actor: Actor) -> None:
    """Nothing, where a key is not limited, or what it asks about is within its grants.

    Raises:
        Problem: 403, on record.
    """
    if not actor.grants:
        return
    path = str(getattr(request.scope.get("route"), "path", ""))
    wanted = about(path, {name: str(value) for name, value in request.path_params.items()})
    if path not in FREE and (wanted is None or not within(actor.grants, wanted)):
        tell(request, did="not-granted", wanted=wanted or path)
        what = f"{wanted} is not among them" if wanted else "this address is about none of them in particular"
        raise Problem(403, "not-granted", f"The key is limited to {', '.join(actor.grants)}; {what}.")
