"""Judging again by itself: when a gate's thresholds, a policy of personal data or who is restricted has changed since a table was made."""

import hashlib
from collections.abc import Sequence

import dagster as dg

from seeding_platform.catalog import TableContract
from seeding_platform.defs.describe import made_by
from seeding_platform.defs.platform import Platform
from seeding_platform.errors import ConfigError
from seeding_platform.governance.retention import days_of
from seeding_platform.storage.holds import Holds
from seeding_platform.storage.marks import RESTRICTED

RULES = "quality_rules"
"""Metadata that names the rules that a quality table was made by."""


def rules_of(platform: Platform, contract: TableContract) -> str:
    """Names the gate, the policy of personal data and the restrictions that hold for a table now.

    Raises:
        ConfigError: a policy is not in its form.
    """
    told = f"{platform.gate_of(contract).model_dump_json()}\n{platform.personal_data(contract).fingerprint()}"
    if (days := days_of(platform.state, contract.name)) is not None:
        told += f"\n{days} days, {[h.hold_id for h in Holds(platform.state).standing()]}"
    if restricted := platform.marks.digest(RESTRICTED):
        told += f"\n{restricted}"
    return hashlib.blake2b(told.encode(), digest_size=6).hexdigest()


def _tried(instance: dg.DagsterInstance, key: dg.AssetKey) -> bool:
    """Whether a gate has kept a table out from the first time on: a limit that is changed may let it in."""
    gate = instance.event_log_storage.get_latest_asset_check_execution_by_key([dg.AssetCheckKey(key, "gate")])
    return bool(gate)


def rules_sensor(contracts: Sequence[TableContract]) -> dg.SensorDefinition:
    """The sensor that has a table judged again when it was not made by the rules that hold now."""

    @dg.sensor(
        name="quality_rules",
        target=dg.AssetSelection.assets(*(dg.AssetKey(["quality", c.name]) for c in contracts)),
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Judges each table again whose gate, policy of personal data or restricted people have changed since it was made.",
    )
    def quality_rules(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult | dg.SkipReason:
        requests: list[dg.RunRequest] = []
        refused: list[str] = []
        for contract in contracts:
            try:
                wanted = rules_of(platform, contract)
            except ConfigError as error:
                refused.append(str(error))
                context.log.warning(f"A policy is refused, its table stays as it is: {error}")
                continue
            key = dg.AssetKey(["quality", contract.name])
            made = made_by(context.instance, key, RULES)
            refused_so_far = made is None and _tried(context.instance, key)
            if refused_so_far or (made is not None and made[1] != wanted):
                change = f"quality:{contract.name}@{made[0] if made else 0}>{wanted}"
                requests.append(dg.RunRequest(run_key=change, asset_selection=[key], tags={"seeding/because": "rules"}))
        if requests:
            return dg.SensorResult(run_requests=requests)
        return dg.SkipReason("; ".join(refused) or "every table was made by the rules that hold")

    return quality_rules
