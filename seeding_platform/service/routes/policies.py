"""Obligations of a pack, held against what the asker's tenant has here; never a certification."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel

from seeding_platform.errors import ConfigError
from seeding_platform.governance.controls.evaluate import Control, controls
from seeding_platform.governance.controls.installation import Installation
from seeding_platform.governance.controls.packs import load_pack
from seeding_platform.service.auth import Actor, may, service_of
from seeding_platform.service.errors import Problem
from seeding_platform.storage.api_state import Role

router = APIRouter(prefix="/api/v1/policies", tags=["policies"])
Steward = Annotated[Actor, Depends(may(Role.STEWARD))]
Found = Literal["met", "not_met", "not_applicable"]


class FindingAnswer(BaseModel):
    """What one check found: what it was read from, how many of how much, and what lacks (at most 20 are named)."""

    status: Found
    looked_at: str
    counts: dict[str, int]
    lacking: list[str]


class ControlAnswer(BaseModel):
    """One obligation; `fix` says what to do where it is not met."""

    obligation: str
    cites: str
    says: str
    status: Found
    fix: str
    evidence: dict[str, FindingAnswer]


class PackAnswer(BaseModel):
    """The obligations of a pack. What `covers` does not name was not looked at."""

    pack: str
    title: str
    covers: str
    at: dt.datetime
    obligations: list[ControlAnswer]


@router.get("/{pack}")
def get_policies(request: Request, actor: Steward, pack: Annotated[str, Path(max_length=40, pattern=r"^[a-z][a-z0-9_]*$")]) -> PackAnswer:
    """Each obligation of a pack: met, not met or not applicable, with the evidence."""
    service = service_of(request)
    try:
        told = load_pack(pack)
    except ConfigError as error:
        raise Problem(404, "no-such-pack", str(error)) from error
    at = Installation(service.settings, service.state, service.trail, service.now(), actor.tenant)
    found = [_answer(control) for control in controls(at, [told.name])]
    return PackAnswer(pack=told.name, title=told.title, covers=told.covers, at=at.now, obligations=found)


def _answer(control: Control) -> ControlAnswer:
    return ControlAnswer.model_validate({name: value for name, value in control.told().items() if name != "pack"})
