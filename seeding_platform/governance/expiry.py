"""Rows that are past the time they may be kept: found by the contract's time, taken out of every table and file that holds them.

`raw/<contract>` is judged, and it is emptied last: whatever dies in between, the next run finds the same rows again. Rows without a time are kept and
counted, and so is what a hold keeps.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.catalog import LANDED
from seeding_platform.cleaning.harmonise import harmonise
from seeding_platform.governance.retention import RETENTION, RetentionPolicy
from seeding_platform.governance.subject_rights.matcher import Matcher
from seeding_platform.governance.subject_rights.restriction import LINEAGE
from seeding_platform.governance.subject_rights.tombstones import recognised
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.holds import EVERYTHING, PERSON, TABLE, Holds
from seeding_platform.storage.lake import Lake
from seeding_platform.storage.marks import HELD
from seeding_platform.storage.state import LandingStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from seeding_platform.catalog import TableContract
    from seeding_platform.settings import Settings
    from seeding_platform.storage.holds import Hold
    from seeding_platform.storage.marks import Marks
    from seeding_platform.storage.state import State

Part = tuple[str, pl.DataFrame, pl.DataFrame]
"""A table, its rows, and those of them that stay."""
SIDES = ("", "__quarantine", "__duplicates", "__repairs", "__clusters")


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is kept of one table whatever its age: the holds that stand, and the marks of people that are held.

    Args:
        holds: those that stand.
        marks: where people's marks are.
    """

    holds: tuple[Hold, ...]
    marks: Marks

    def held(self, rows: pl.DataFrame, table: str) -> pl.Series:
        """True for rows that a hold keeps."""
        kept = pl.Series("held", [False]).new_from_index(0, rows.height)
        for hold in self.holds:
            theirs = pl.Series("t", [True]).new_from_index(0, rows.height) if not hold.tenant else rows["tenant"] == hold.tenant
            if hold.kind == EVERYTHING or (hold.kind == TABLE and hold.target == table):
                kept = kept | theirs
            elif hold.kind == PERSON and hold.tenant:
                kept = kept | self._of_person(rows, hold)
        return kept

    def _of_person(self, rows: pl.DataFrame, hold: Hold) -> pl.Series:
        none = pl.Series("held", [False]).new_from_index(0, rows.height)
        places = (rows["tenant"] == hold.tenant).arg_true()
        mine = rows[places]
        known: dict[str, set[str]] = {}
        for _, mark in self.marks.of(HELD, hold.tenant):
            if mark.request_id == hold.hold_id:
                known.setdefault(mark.label, set()).add(mark.token)
        people = recognised(mine, hold.tenant, known, self.marks.token)
        return none.scatter(places.filter(Matcher(people).rows(mine)), True) if people else none


def past(times: pl.Series, days: int, now: dt.datetime) -> pl.Series:
    """True for moments more than `days` times 24 hours before `now`, and for days whose whole day is; null is not.

    >>> now = dt.datetime(2026, 3, 31, 12, tzinfo=dt.UTC)
    >>> past(pl.Series([dt.date(2026, 3, 29), dt.date(2026, 3, 28), None]), 2, now).to_list()
    [False, True, False]
    """
    cutoff = now.astimezone(dt.UTC) - dt.timedelta(days=days)
    limit: Any = cutoff.date() if times.dtype == pl.Date else cutoff
    return (times < limit).fill_null(value=False)


@dataclass(frozen=True, slots=True)
class Judged:
    """What is past of one table.

    Args:
        table: name of the contract.
        days: how long its rows are kept.
        gone: lineage of the rows that are past.
        stay: lineage of all others.
        without_time: rows whose time is not known: kept.
        held: rows that are past and kept by a hold.
    """

    table: str
    days: int
    gone: pl.DataFrame
    stay: pl.DataFrame
    without_time: int
    held: int


@dataclass(frozen=True)
class ExpiredRows:
    """Everything that is past, as a store like those of an erasure: found, erased, searched again.

    Args:
        settings: where things are kept.
        state: the state database.
        marks: marks of people that are held.
        now: the moment that ages are counted from.
    """

    settings: Settings
    state: State
    marks: Marks
    now: dt.datetime
    name: str = "expired rows"
    before: Callable[[str], None] = field(default=lambda step: None)

    def find(self) -> dict[str, int]:
        """Rows by table, and files."""
        found: dict[str, int] = {}
        for table, rows, rest in [*self._made(), *self._source_rows(), *self._raw()]:
            if n := rows.height - rest.height:
                found[table] = n
        return found | dict.fromkeys(self._shown(self._files(self._source_rows())), 1)

    def export(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Nothing: what goes is nobody's answer."""
        yield from ()

    def erase(self) -> dict[str, int]:
        """Rows that went by table with their old versions, and files."""
        done = self._emptied([*self._made(), *self._source_rows()])
        done |= self._unspooled()
        return done | self._emptied(self._raw())

    def residue(self) -> list[str]:
        """Tables and files that still hold what is past."""
        fresh = ExpiredRows(self.settings, self.state, self.marks, self.now)
        return sorted(fresh.find())

    @cached_property
    def lake(self) -> Lake:
        """The tables."""
        return Lake(self.settings.lake)

    @cached_property
    def judged(self) -> list[Judged]:
        """What is past of each table that has a limit."""
        settings, keeping = Adjusted(self.state), Keeping(tuple(Holds(self.state).standing()), self.marks)
        found = []
        for name, contract in LANDED.items():
            policy = settings.value(RETENTION, name)
            days = policy.days if isinstance(policy, RetentionPolicy) else None
            if days is not None and contract.time is not None and self.lake.exists(f"raw/{name}"):
                found.append(self._judge(contract, days, keeping))
        return found

    def told(self) -> dict[str, dict[str, Any]]:
        """The tables that have a limit: days, the moment before which rows go, and what is kept all the same."""
        return {
            j.table: {
                "days": j.days,
                "older_than": (self.now - dt.timedelta(days=j.days)).astimezone(dt.UTC).isoformat(),
                "past": j.gone.height,
                "without_time": j.without_time,
                "held": j.held,
            }
            for j in self.judged
        }

    def _judge(self, contract: TableContract, days: int, keeping: Keeping) -> Judged:
        rows = self.lake.read(f"raw/{contract.name}").collect()
        times = row_times(rows, contract)
        old = past(times, days, self.now)
        held = old & keeping.held(rows, contract.name) if old.any() else old & False
        lineage = rows.select(LINEAGE)
        goes = old & ~held
        return Judged(contract.name, days, lineage.filter(goes), lineage.filter(~goes), times.null_count(), int(held.sum()))

    def _emptied(self, tables: Iterable[Part]) -> dict[str, int]:
        done: dict[str, int] = {}
        for table, rows, rest in tables:
            if rest.height < rows.height:
                self.before(table)
                self.lake.overwrite(table, rest)
                self.lake.purge(table)
                done[table] = rows.height - rest.height
        return done

    def _made(self) -> Iterator[Part]:
        """What was made of raw rows: the layer that others read goes first."""
        for j in self.judged:
            for table in (f"quality/{j.table}", *(f"clean/{j.table}{side}" for side in reversed(SIDES))) if j.gone.height else ():
                if self.lake.exists(table):
                    rows = self.lake.read(table).collect()
                    yield table, rows, _without(rows, j.gone)
            index = f"clean/{j.table}__index"
            if j.gone.height and self.lake.exists(index):  # it holds texts, and does not say of which rows; cleaning finds it all again
                rows = self.lake.read(index).collect()
                yield index, rows, rows.clear()

    def _raw(self) -> Iterator[Part]:
        for j in self.judged:
            if j.gone.height:
                rows = self.lake.read(f"raw/{j.table}").collect()
                yield f"raw/{j.table}", rows, _without(rows, j.gone)

    def _source_rows(self) -> list[Part]:
        """Sources' own tables with what goes of them: rows that no table keeps, and rows of which no table was made, by when they were landed."""
        if not self.judged:
            return []
        found: list[Part] = []
        limits, stays = self._limits, self._stays
        gone = pl.concat([j.gone for j in self.judged]).unique()
        for source, days in limits.items():
            table = f"raw/{source}"
            if not self.lake.exists(table):
                continue
            rows = self.lake.read(table).collect()
            goes = rows.select(LINEAGE).join(gone, on=list(LINEAGE), how="semi", nulls_equal=True)
            goes = goes.join(stays, on=list(LINEAGE), how="anti", nulls_equal=True)
            if days is not None:
                made = pl.concat([gone, stays])
                unmade = rows.join(made, on=list(LINEAGE), how="anti", nulls_equal=True)
                goes = pl.concat([goes, unmade.filter(past(unmade["_landed_at"], days, self.now)).select(LINEAGE)])
            found.append((table, rows, _without(rows, goes)))
        return found

    @cached_property
    def _stays(self) -> pl.DataFrame:
        """Lineage of rows that some table keeps."""
        limited = {j.table: j.stay for j in self.judged}
        others = [
            self.lake.read(f"raw/{name}").select(LINEAGE).collect() for name in LANDED if name not in limited and self.lake.exists(f"raw/{name}")
        ]
        return pl.concat([*limited.values(), *others])

    @cached_property
    def _limits(self) -> Mapping[str, int | None]:
        """For each source that feeds a table with a limit: the longest limit; None where it feeds a table without one, too."""
        days: dict[str, int | None] = {}
        for j in self.judged:
            for source in pl.concat([j.gone, j.stay])["_source"].unique().drop_nulls().sort().to_list():
                known = days.get(source, 0)
                days[source] = None if known is None else max(known, j.days)
        for name in set(LANDED) - {j.table for j in self.judged}:
            if self.lake.exists(f"raw/{name}"):
                fed = self.lake.read(f"raw/{name}").select("_source").unique().collect()["_source"].to_list()
                days |= {source: None for source in fed if source in days}
        return days

    def _files(self, sources: list[Part]) -> list[Path]:
        """Files in the spool of which no row is left, in any source and tenant that they were landed for."""
        left = {table.removeprefix("raw/"): set(rest["_batch"]) for table, _, rest in sources}
        limits = self._limits
        spent: dict[str, bool] = {}
        for landing in self.state.landings():
            days = limits.get(landing.source)
            emptied = landing.source in left and landing.partition_key not in left[landing.source]
            old = days is not None and landing.landed_at < self.now - dt.timedelta(days=days)
            done = emptied and (old or (landing.status is LandingStatus.LANDED and landing.rows > 0))
            spent[landing.sha256] = spent.get(landing.sha256, True) and done
        root = self.settings.spool / "landed"
        return sorted(p for sha, done in spent.items() if done and (root / sha).is_dir() for p in (root / sha).iterdir() if p.is_file())

    def _unspooled(self) -> dict[str, int]:
        files = self._files(self._source_rows())
        for path in files:
            self.before("spool")
            path.unlink()
        return dict.fromkeys(self._shown(files), 1)

    def _shown(self, files: list[Path]) -> list[str]:
        return [str(p.relative_to(self.settings.state)) for p in files]


def _without(rows: pl.DataFrame, gone: pl.DataFrame) -> pl.DataFrame:
    """Rows but for those of a lineage."""
    return rows.join(gone, on=list(LINEAGE), how="anti", nulls_equal=True, maintain_order="left")


def row_times(raw: pl.DataFrame, contract: TableContract) -> pl.Series:
    """The time of each raw row in the type of the contract; null where there is none or it cannot be read."""
    others = [n for n in contract.columns if n != contract.time and n in raw.columns]
    bare = raw.with_columns(pl.lit(None, dtype=raw.schema[n]).alias(n) for n in others)
    return harmonise(bare, contract).rows[str(contract.time)]


def within(rows: pl.LazyFrame, contract: TableContract, days: int | None, now: dt.datetime, keeping: Keeping) -> tuple[pl.LazyFrame, int]:
    """Clean rows that are not past, and how many were; what a hold keeps is not."""
    if days is None or contract.time is None:
        return rows, 0
    frame = rows.collect()
    old = past(frame[contract.time], days, now)
    goes = old & ~keeping.held(frame, contract.name) if old.any() else old
    return frame.filter(~goes).lazy(), int(goes.sum())
