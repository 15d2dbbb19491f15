"""How bundles are delivered to each family of engines: thin, one line a family. What is delivered is in the contracts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.catalog.engine import DeliveryMode, Family

if TYPE_CHECKING:
    from seeding_platform.catalog.engine import EngineContract

INDEPENDENT = "independent"
"""Every engine changes by itself; a group's name in its place lets its engines change together or not at all."""


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How the engines of a family get their bundles.

    Args:
        maximum_lag_seconds: age of the inputs' change after which an engine counts as late.
        mode: how bundles travel.
        soak_minutes: time after an acknowledgement in which a drop of health or figures takes the bundle back.
        group: name of the engines that change together; `independent`: none.
        quorum: part of an engine's receivers that must have acknowledged at the end of the soak, above 0 and at most 1: one that is
            switched off does not take a good generation from the others.
    """

    maximum_lag_seconds: int
    mode: DeliveryMode
    soak_minutes: int
    group: str = INDEPENDENT
    quorum: float = 0.5


POLICIES = {
    Family.CONTENT: DeliveryPolicy(3_600, DeliveryMode.DELTA, soak_minutes=60),
    Family.NAVIGATION: DeliveryPolicy(3_600, DeliveryMode.DELTA, soak_minutes=30),
    Family.ANALYTICS: DeliveryPolicy(14_400, DeliveryMode.BATCH, soak_minutes=120),
    Family.RESEARCH: DeliveryPolicy(86_400, DeliveryMode.BATCH, soak_minutes=15),
}
"""What holds for a family where a contract says nothing else."""
_FASTEST = (DeliveryMode.LIVE, DeliveryMode.DELTA, DeliveryMode.BATCH)


def policy_of(engine: EngineContract) -> DeliveryPolicy:
    """The policy of an engine: that of its family, with lag and mode of its own contract (the fastest mode that it names).

    >>> from seeding_platform.catalog.engine import shipped_engines
    >>> policy_of(shipped_engines()["analytics"]).mode, policy_of(shipped_engines()["analytics"]).soak_minutes
    (<DeliveryMode.LIVE: 'live'>, 120)
    """
    family = POLICIES[engine.family]
    mode = next((mode for mode in _FASTEST if mode in engine.delivery), family.mode)
    return DeliveryPolicy(engine.maximum_lag_seconds, mode, family.soak_minutes, family.group, family.quorum)
