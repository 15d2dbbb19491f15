"""What people set for enrichment while it runs: retries, and how much is done at once. Bars of the monitor and limits of actions stand elsewhere."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from seeding_platform.catalog.adjustable import Adjustable
from seeding_platform.enrichment.allowance import ActionPolicy
from seeding_platform.enrichment.retry import RetryPolicy

if TYPE_CHECKING:
    from seeding_platform.settings import Settings
    from seeding_platform.storage.adjusted import Adjusted

AFFECTED = ["enriched/resolutions", "enriched/action_ledger"]


def _affected(scope: str) -> list[str]:
    del scope
    return AFFECTED


class WorkLimits(BaseModel):
    """How much a worker takes on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch: int = Field(default=200, ge=1, le=10_000, description="Records that are claimed at a time")
    concurrency: int = Field(default=8, ge=1, le=64, description="Questions that are put to a remote provider at the same time")
    lease_seconds: float = Field(default=120, ge=5, le=3600, description="How long a worker may be silent before its records are given to another")
    tokens_a_day: int | None = Field(default=None, ge=0, le=10**12, description="Most tokens of one organisation in a day (UTC) at a remote provider")
    eur_a_day: float | None = Field(
        default=None, ge=0, le=10**6, allow_inf_nan=False, description="Most EUR of one organisation in a day (UTC) there"
    )
    run_minutes: float = Field(default=20, ge=0.1, le=240, description="How long one run works before it lets the next one go on")


Action = Literal["notify_customer", "correct_address", "open_carrier_claim", "reship", "partial_refund", "release_hold", "escalate"]


class ActionRules(BaseModel):
    """What may be done without a person. Where it is sent is no setting of people's but of the installation: it holds a secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["dry_run", "executed"] = Field("dry_run", description="dry_run only says what would be done")
    allowed: tuple[Action, ...] = Field(("notify_customer", "correct_address", "open_carrier_claim"), description="Actions that may be done")
    most_eur_refund: float = Field(0.0, ge=0, le=10_000, allow_inf_nan=False, description="Most EUR of one refund; 0 = none is made without a person")
    most_eur_day: float = Field(0.0, ge=0, le=1_000_000, allow_inf_nan=False, description="Most EUR of all actions of an organisation in a day (UTC)")
    most_share: float = Field(0.25, ge=0, le=1, description="Most of an order's amount that is paid back for a delay")
    least_confidence: float = Field(0.7, ge=0.5, le=1, description="Of the label and of the recommendation")


RETRIES = Adjustable(name="enrichment.retries", model=RetryPolicy, describes="When failures of enrichment are tried again, and when a person looks")
ACTIONS = Adjustable(
    name="enrichment.actions", model=ActionRules, describes="What enrichment may do about an exception without a person", affects=_affected
)
LIMITS = Adjustable(name="enrichment.limits", model=WorkLimits, describes="How much enrichment does at once")


def retries_of(adjusted: Adjusted) -> RetryPolicy:
    """How failures are retried, as people have set it by now."""
    return RetryPolicy.model_validate(adjusted.told(RETRIES))


def limits_of(adjusted: Adjusted) -> WorkLimits:
    """How much is done at once, as people have set it by now."""
    return WorkLimits.model_validate(adjusted.told(LIMITS))


def actions_of(adjusted: Adjusted, settings: Settings) -> ActionPolicy:
    """What may be done, as people have set it by now; its version is that of its values, so that nothing that was refused stays so by its key."""
    rules = ActionRules.model_validate(adjusted.told(ACTIONS))
    told = rules.model_dump(exclude={"most_eur_refund", "allowed"})
    most = {"partial_refund": rules.most_eur_refund} if rules.most_eur_refund else {}
    return ActionPolicy(
        version=hashlib.sha256(rules.model_dump_json().encode()).hexdigest()[:12],
        allowed=frozenset(rules.allowed),
        most_eur=most,
        url=settings.actions_url,
        secret=settings.actions_secret,
        private=settings.private_addresses,
        **told,
    )
