"""How good the tables are: figures of one's own organisation; the scorecard and what would help are of the whole installation."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.judged import Recommendation, Standing, Target, recommendations, standings, targets
from seeding_platform.storage.api_state import Role

router = APIRouter(prefix="/api/v1/quality", tags=["quality"])
Viewer = Annotated[Actor, Depends(may(Role.VIEWER))]
Operator = Annotated[Actor, Depends(may(Role.OPERATOR))]


@router.get("/tables")
def get_tables(request: Request, actor: Viewer) -> list[Standing]:
    """Every table with rows of one's own organisation, the lowest score first."""
    return standings(service_of(request).lake, actor.tenant)


@router.get("/scorecard")
def get_scorecard(request: Request, _: Operator) -> list[Target]:
    """Each target of the platform with its value, or why it is not measured."""
    return targets(service_of(request).lake)


@router.get("/recommendations")
def get_recommendations(request: Request, _: Operator, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> list[Recommendation]:
    """Rules and settings that would make more rows usable, with what each would gain."""
    return recommendations(service_of(request).lake, limit=limit)
