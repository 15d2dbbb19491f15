"""Which batches of a source are in force: a changed file supersedes, the same content under another name is not landed twice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seeding_platform.connectors.landing import bytes_of, everything, fingerprinted, land, landing_files, parsed_batch
from seeding_platform.errors import PermanentError, SourceUnreadable
from seeding_platform.storage.state import Landing, LandingStatus
from seeding_platform.storage.tenants import Tenants

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import polars as pl

    from seeding_platform.connectors.landing import Batch, LandedBatch
    from seeding_platform.connectors.spec import FileSourceSpec
    from seeding_platform.storage.lake import Lake
    from seeding_platform.storage.state import State


@dataclass(frozen=True, slots=True)
class LandedPartition:
    """What came of one partition.

    Args:
        batch: the partition key.
        landed: what was committed, or None where nothing was to be done.
        says: one sentence for people.
    """

    batch: str
    landed: LandedBatch | None
    says: str


def land_partition(
    key: str,
    spec: FileSourceSpec,
    *,
    lake: Lake,
    state: State,
    landing: Path,
    spool: Path,
    now: dt.datetime,
    again: bool = False,
    admit: Callable[[pl.DataFrame, str], pl.DataFrame] = everything,
) -> LandedPartition:
    """Land the file of one partition, or say why there is nothing to do.

    Landing a batch twice gives the same table. A batch that a newer content of the same file has superseded stays
    superseded, unless its content is the file's present one or `again` says so.

    Raises:
        SourceUnreadable: the file breaks its declaration or is gone, or its tenant is not served; nothing was landed, what was stays in force.
        PermanentError: `admit` refuses its rows; likewise.
    """
    batch = parsed_batch(key, spec)
    if says := closed(state, batch.tenant):
        raise SourceUnreadable(batch.file, says, fix="`seeding tenants resume` serves a suspended one again.")
    past = {item.partition_key: item for item in state.landings(spec.label)}
    mine = past.get(key)
    if mine is not None and mine.status == LandingStatus.SUPERSEDED and not again and not _is_present(batch, landing):
        return LandedPartition(key, None, f"{batch.file}: a newer content of the file is in force; this one stays superseded")
    path = bytes_of(batch, landing=landing, spool=spool)
    sha256 = path.parent.name
    twin = state.same_content(sha256, batch.tenant, source=spec.label)
    if twin is not None and twin.file_name != batch.file:
        return LandedPartition(key, None, f"{batch.file} has the same content as {twin.file_name}, which is landed already")
    old = _superseded(key, batch, spec, list(past.values()))
    record = Landing(
        source=spec.label,
        partition_key=key,
        tenant=batch.tenant,
        file_name=batch.file,
        sha256=sha256,
        status=LandingStatus.FAILED,
        landed_at=now,
        bytes=path.stat().st_size,
    )
    try:
        landed = land(path, spec, lake, batch=key, tenant=batch.tenant, now=now, superseded=old, admit=admit)
    except PermanentError as error:
        if mine is None or mine.status == LandingStatus.FAILED:
            state.record_landing(replace(record, message=str(error)[:2000]))
        raise
    for other in old:
        state.record_landing(replace(past[other], status=LandingStatus.SUPERSEDED))
    told = "; ".join(landed.warnings)[:2000]
    state.record_landing(replace(record, rows=landed.rows, rejects=len(landed.rejects), status=LandingStatus.LANDED, message=told))
    replaced = f", in place of {len(old)} earlier" if old else ""
    return LandedPartition(key, landed, f"{batch.file}: {landed.rows:,} rows, {len(landed.rejects)} rejects{replaced}")


def closed(state: State, tenant: str) -> str:
    """Why nothing of a tenant comes in; empty where it does."""
    found = Tenants(state).of(tenant)
    return "" if found.served else f"tenant {tenant} is {found.state}: nothing of it comes in"


def _superseded(key: str, batch: Batch, spec: FileSourceSpec, past: Sequence[Landing]) -> list[str]:
    """Batches that this one takes the place of: older contents of the file; with mode replace, every other of the tenant."""
    live = [item for item in past if item.status == LandingStatus.LANDED and item.partition_key != key and item.tenant == batch.tenant]
    return [item.partition_key for item in live if spec.mode == "replace" or item.file_name == batch.file]


def _is_present(batch: Batch, landing: Path) -> bool:
    return any(p.name == batch.file and fingerprinted(p).sha256.startswith(batch.sha12) for p in landing_files(landing))
