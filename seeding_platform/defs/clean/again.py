"""Cleaning again: by itself when a policy or a contract has changed, and by day when a person asks for it."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import dagster as dg
import polars as pl

from seeding_platform.catalog import LANDED, TableContract
from seeding_platform.cleaning import clean
from seeding_platform.cleaning.days import of_days
from seeding_platform.cleaning.policies import fingerprint
from seeding_platform.defs.clean.assets import POLICY
from seeding_platform.defs.describe import made_by, written_metadata
from seeding_platform.defs.io_managers import check_schema, expected_schema
from seeding_platform.defs.platform import Platform
from seeding_platform.errors import ConfigError

TABLE_OF = {"kept": "", "quarantined": "__quarantine", "duplicates": "__duplicates", "repairs": "__repairs", "clusters": "__clusters"}


def clean_keys(contract: TableContract) -> list[dg.AssetKey]:
    """The assets of one cleaning."""
    sides = [side for part, side in TABLE_OF.items() if part != "clusters" or contract.text] + (["__index"] if contract.text else [])
    return [dg.AssetKey(["clean", contract.name + side]) for side in sides]


def policy_sensor(contracts: Sequence[TableContract]) -> dg.SensorDefinition:
    """The sensor that has a table cleaned again when it was not made by the policy and the contract that hold now."""
    learned = [dg.AssetKey(["quality", f"{c.name}__calibration"]) for c in contracts]
    selection = dg.AssetSelection.assets(*learned, *(key for c in contracts for key in clean_keys(c)))

    @dg.sensor(
        name="cleaning_policies",
        target=selection,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Marks and cleans again each table whose cleaning policy or contract has changed since it was made.",
    )
    def cleaning_policies(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult | dg.SkipReason:
        asked: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
        requests: list[dg.RunRequest] = []
        marks: list[dg.AssetObservation] = []
        refused: list[str] = []
        for contract in contracts:
            try:
                wanted = fingerprint(contract, platform.cleaning(contract))
            except ConfigError as error:
                refused.append(str(error))
                continue
            made = made_by(context.instance, dg.AssetKey(["clean", contract.name]), POLICY)
            if made is None or made[1] == wanted:
                continue
            change = f"clean:{contract.name}@{made[0]}>{wanted}"
            keys = [*clean_keys(contract), dg.AssetKey(["quality", f"{contract.name}__calibration"])]
            requests.append(dg.RunRequest(run_key=change, asset_selection=keys, tags={"seeding/because": "policy"}))
            if asked.get(contract.name) != change:
                marks.append(_mark(contract, made[1], wanted))
            asked[contract.name] = change
        for told in refused:
            context.log.warning(f"A cleaning policy is refused, its table stays as it is: {told}")
        skip = None if requests else dg.SkipReason("; ".join(refused) or "every table was made by the policy that holds")
        return dg.SensorResult(run_requests=requests, asset_events=marks, cursor=json.dumps(asked), skip_reason=skip)

    return cleaning_policies


def _mark(contract: TableContract, before: str, now: str) -> dg.AssetObservation:
    return dg.AssetObservation(
        asset_key=dg.AssetKey(["clean", contract.name]),
        description=f"The policy or the contract of {contract.name} has changed: it is cleaned again, and what is made of it follows.",
        metadata={"policy_before": before or "unknown", "policy_now": now},
    )


class Reclean(dg.Config):
    """What is cleaned again."""

    table: str = "content_posts"


def reclean_job(first_day: dt.date) -> dg.JobDefinition:
    """The job behind a backfill by day: pick days in the web UI, name the table in its config."""

    @dg.op(name="reclean_days", description="Rows of the chosen days go where the policy that holds now puts them; all others stay where they are.")
    def reclean_days(context: dg.OpExecutionContext, config: Reclean, platform: dg.ResourceParam[Platform]) -> None:
        if config.table not in LANDED:
            raise dg.Failure(f"there is no table {config.table!r}; there are {', '.join(LANDED)}", allow_retries=False)
        window = context.partition_time_window
        last = window.end.date() - dt.timedelta(days=1)
        for event in recleaned(platform, LANDED[config.table], window.start.date(), last):
            context.log_event(event)

    @dg.job(
        name="reclean",
        partitions_def=dg.DailyPartitionsDefinition(start_date=first_day.isoformat(), end_offset=1),
        description="Clean some days of a table again (config `table`); for a change of policy the sensor cleans whole tables by itself.",
    )
    def reclean() -> None:
        reclean_days()

    return reclean


def recleaned(platform: Platform, contract: TableContract, first: dt.date, last: dt.date) -> list[dg.AssetMaterialization]:
    """Clean days again and write what changed; what was written, one event a table."""
    lake = platform.lake
    tables = {part: f"clean/{contract.name}{side}" for part, side in TABLE_OF.items() if part != "clusters" or contract.text}
    before: dict[str, pl.DataFrame] = {part: _whole(lake.read(table).collect(), table) for part, table in tables.items()}
    after = clean(lake.read(f"raw/{contract.name}"), contract, platform.cleaning(contract), now=platform.now())
    changed = of_days(before, after, contract, first, last)
    order = ["tenant", *contract.key, "_source", "_row"]
    changed["kept"] = changed["kept"].sort(order)
    events = []
    for part, frame in changed.items():  # all of them before the first is written
        check_schema(tables[part], frame)
    for part, frame in changed.items():
        told: dict[str, Any] = written_metadata(lake.overwrite(tables[part], frame), lake.uri(tables[part]))
        days = f"{first} to {last}"
        # no policy is named: rows of other days may be of another one, and the sensor sees to that
        events.append(dg.AssetMaterialization(tables[part].split("/"), description=f"cleaned again: {days}", metadata={**told, "days": days}))
    return events


def _whole(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """A table as it is written today; one of an earlier version lacks what came since."""
    schema = expected_schema(table)
    if schema is None or set(schema) <= set(frame.columns):
        return frame
    return frame.with_columns(pl.lit(None, dtype=t).alias(c) for c, t in schema.items() if c not in frame.columns).select(list(schema))
