"""What people set for models: when they are trained again, and what a version must reach before it serves; for all of them or for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.catalog.adjustable import Adjustable
from seeding_platform.models.promotion import PromotionThresholds
from seeding_platform.models.retraining import RetrainingThresholds

if TYPE_CHECKING:
    from seeding_platform.models.spec import ModelSpec
    from seeding_platform.storage.adjusted import Adjusted


def _asset(scope: str) -> list[str]:
    return [f"model/{scope}"] if scope else []


def _names() -> list[str]:
    from seeding_platform.models.spec import shipped_specs

    return sorted(shipped_specs())


RETRAINING = Adjustable(
    name="models.retraining",
    model=RetrainingThresholds,
    describes="When a model is checked, trained again, watched and rolled back",
    scopes="model",
    affects=_asset,
    known=_names,
)
PROMOTION = Adjustable(
    name="models.promotion",
    model=PromotionThresholds,
    describes="What a version must reach before it serves",
    scopes="model",
    affects=_asset,
    known=_names,
)


def retraining_of(adjusted: Adjusted, model: str) -> RetrainingThresholds:
    """The bars of retraining for a model, as people have set them by now."""
    return RetrainingThresholds.model_validate(adjusted.told(RETRAINING, model))


def promotion_of(adjusted: Adjusted, spec: ModelSpec) -> PromotionThresholds:
    """The bars of the gate for a model: what people have set, then what its specification says, then the defaults.

    The least gain is `auto_deployment_threshold` of the retraining settings where nobody set one for the gate itself.
    """
    told = adjusted.told(PROMOTION, spec.name)
    guard = spec.guardrails
    said = {
        "floor": spec.floor,
        "standard_errors": spec.standard_errors,
        "minimum_gain": retraining_of(adjusted, spec.name).auto_deployment_threshold,
        "latency_ms": guard.latency_ms if guard else None,
        "size_mb": guard.size_mb if guard else None,
    }
    return PromotionThresholds.model_validate({**{k: v for k, v in said.items() if v is not None}, **told})
