"""Rows that are past the time they may be kept: found by the contract's time, taken out of every table and file that holds them.

`raw/<contract>` is judged, and it is emptied last: whatever dies in between, the next run finds the same rows again. Rows without a time are kept and
counted, and so is what a hold keeps.
"""

from __future__ import annotations

import datetime as dt
import re
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

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from seeding_platform.catalog import TableContract
    from seeding_platform.settings import Settings
    from seeding_platform.storage.holds import Hold
    from seeding_platform.storage.marks import Marks
    from seeding_platform.storage.state import State

Part = tuple[str, pl.DataFrame, pl.DataFrame]
"""A table, its rows, and those of them that stay."""
_SIGNS = re.compile(r"""[\n\r\t,;|"'{}\[\]<>:=]+""")
"""What stands between the values of a text file, whatever its form."""
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

    def held_of(self, rows: pl.DataFrame, tables: Iterable[str]) -> pl.Series:
        """True for rows that a hold keeps which may be of any of these tables."""
        kept = self.held(rows, "")
        for table in tables:
            kept = kept | self.held(rows, table)
        return kept

    def held_file(self, path: Path, tenant: str, tables: Collection[str]) -> bool:
        """Whether a hold keeps a tenant's file that feeds these tables; one that is no text is kept for each person of the tenant that is held."""
        concern = [h for h in self.holds if h.tenant in ("", tenant)]
        if any(h.kind == EVERYTHING or (h.kind == TABLE and h.target in tables) for h in concern):
            return True
        people = [h for h in concern if h.kind == PERSON and h.tenant]
        if not people:
            return False
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            return True
        if "\x00" in text or text.startswith("PK"):  # archives and other binary forms may happen to be valid UTF-8
            return True
        cells = pl.DataFrame({"text": [*text.splitlines(), *(cell.strip() for cell in _SIGNS.split(text))]}, schema={"text": pl.String})
        return any(recognised(cells, tenant, self._known(h), self.marks.token) for h in people)

    def _known(self, hold: Hold) -> dict[str, set[str]]:
        known: dict[str, set[str]] = {}
        for _, mark in self.marks.of(HELD, hold.tenant):
            if mark.request_id == hold.hold_id:
                known.setdefault(mark.label, set()).add(mark.token)
        return known

    def _of_person(self, rows: pl.DataFrame, hold: Hold) -> pl.Series:
        none = pl.Series("held", [False]).new_from_index(0, rows.height)
        places = (rows["tenant"] == hold.tenant).arg_true()
        mine = rows[places]
        people = recognised(mine, hold.tenant, self._known(hold), self.marks.token)
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
        return self.found(None)

    def found(self, tenant: str | None) -> dict[str, int]:
        """The same of one tenant, or of all."""
        counts: dict[str, int] = {}
        for table, rows, rest in [*self._made(), *self._source_rows(), *self._raw()]:
            if n := _height(rows, tenant) - _height(rest, tenant):
                counts[table] = n
        files = self._files(self._source_rows())
        if tenant is not None:
            theirs = {(landing.sha256, landing.file_name) for landing in self.state.landings() if landing.tenant == tenant}
            files = [p for p in files if (p.parent.name, p.name) in theirs]
        return counts | dict.fromkeys(self._shown(files), 1)

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
        settings = Adjusted(self.state)
        found = []
        for name, contract in LANDED.items():
            policy = settings.value(RETENTION, name)
            days = policy.days if isinstance(policy, RetentionPolicy) else None
            if days is not None and contract.time is not None and self.lake.exists(f"raw/{name}"):
                found.append(self._judge(contract, days))
        return found

    @cached_property
    def _keeping(self) -> Keeping:
        return Keeping(tuple(Holds(self.state).standing()), self.marks)

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

    def _judge(self, contract: TableContract, days: int) -> Judged:
        rows = self.lake.read(f"raw/{contract.name}").collect()
        times = row_times(rows, contract)
        old = past(times, days, self.now)
        held = old & self._keeping.held(rows, contract.name) if old.any() else old & False
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
        """Sources' own tables with what goes of them: rows that no table keeps, and rows of which no table was made, by when they were landed.

        The latter are kept by a hold of a table that their source feeds, too.
        """
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
                old = unmade.filter(past(unmade["_landed_at"], days, self.now))
                goes = pl.concat([goes, old.filter(~self._keeping.held_of(old, self._fed.get(source, ()))).select(LINEAGE)])
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

    @cached_property
    def _fed(self) -> Mapping[str, set[str]]:
        """Tables with a limit by the source that feeds them."""
        fed: dict[str, set[str]] = {}
        for j in self.judged:
            for source in pl.concat([j.gone, j.stay])["_source"].unique().drop_nulls().to_list():
                fed.setdefault(source, set()).add(j.table)
        return fed

    def _files(self, sources: list[Part]) -> list[Path]:
        """Files in the spool of which no row is left, in any source and tenant that they were landed for, because of age alone.

        A batch that is not there may have been put aside by an older version of its table that is in force again: its file stays, unless rows of it
        are past, or the landing itself is.
        """
        root = self.settings.spool / "landed"
        aged = self._aged
        left = {table.removeprefix("raw/"): set(rest["_batch"]) for table, _, rest in sources}
        limits = self._limits
        spent: dict[str, bool] = {}
        for landing in self.state.landings():
            days = limits.get(landing.source)
            emptied = landing.source in left and landing.partition_key not in left[landing.source]
            old = days is not None and landing.landed_at < self.now - dt.timedelta(days=days)
            files = _files_in(root / landing.sha256)
            done = emptied and (old or (landing.source, landing.partition_key) in aged)
            if done and any(self._keeping.held_file(p, landing.tenant, self._fed.get(landing.source, ())) for p in files):
                done = False
            spent[landing.sha256] = spent.get(landing.sha256, True) and done
        return sorted(p for sha, done in spent.items() if done for p in _files_in(root / sha))

    @cached_property
    def _aged(self) -> set[tuple[str, str]]:
        """Source and batch of which every row that tables were made of is past."""
        gone = pl.concat([j.gone for j in self.judged]) if self.judged else None
        pairs = ["_source", "_batch"]
        return set() if gone is None else set(gone.select(pairs).join(self._stays, on=pairs, how="anti").unique().iter_rows())

    def _unspooled(self) -> dict[str, int]:
        files = self._files(self._source_rows())
        for path in files:
            self.before("spool")
            path.unlink()
        return dict.fromkeys(self._shown(files), 1)

    def _shown(self, files: list[Path]) -> list[str]:
        return [str(p.relative_to(self.settings.state)) for p in files]


def _height(rows: pl.DataFrame, tenant: str | None) -> int:
    """Rows of a tenant, or all."""
    return rows.height if tenant is None else rows.filter(pl.col("tenant") == tenant).height


def _files_in(folder: Path) -> list[Path]:
    return [p for p in folder.iterdir() if p.is_file()] if folder.is_dir() else []


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
