"""Which batches are in force: changes supersede, copies land once, nothing comes back by accident."""

import datetime as dt

import pytest

from seeding_platform.connectors import FileSourceSpec
from seeding_platform.connectors.batches import land_partition
from seeding_platform.connectors.landing import fingerprinted
from seeding_platform.connectors.mapping import mapped
from seeding_platform.errors import PermanentError, SourceUnreadable
from seeding_platform.storage.lake import Lake
from seeding_platform.storage.state import LandingStatus, State
from seeding_platform.storage.tenants import Tenants, TenantState


class House:
    """One source with its stores."""

    def __init__(self, root, mode: str) -> None:
        mapping = {"contract": "ad_facts", "columns": {"date": "date", "spend": "spend"}, "constants": {"platform": "Google"}}
        self.spec = FileSourceSpec(name="ads", files="*.csv", format="csv", mode=mode, tables=[mapping])
        self.landing, self.spool = root / "landing", root / "spool"
        self.landing.mkdir()
        self.lake, self.state = Lake(root / "lake"), State.open(f"sqlite:///{root / 'state.db'}")
        self.clock = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    def put(self, name: str, *spends: str) -> str:
        path = self.landing / name
        path.write_text("date,spend\n" + "".join(f"2026-01-01,{s}\n" for s in spends))
        return fingerprinted(path).batch(self.spec.tenant, self.spec)

    def land(self, key: str, **more):
        self.clock += dt.timedelta(minutes=1)
        return land_partition(key, self.spec, lake=self.lake, state=self.state, landing=self.landing, spool=self.spool, now=self.clock, **more)

    @property
    def spends(self) -> list[str]:
        return sorted(self.lake.read(self.spec.table).collect()["spend"].to_list())


@pytest.fixture(params=["append"])
def house(tmp_path, request):
    made = House(tmp_path, request.param)
    yield made
    made.state.close()


def test_a_batch_landed_twice_is_there_once(house):
    key = house.put("a.csv", "1", "2")
    house.land(key)
    version = house.lake.version(house.spec.table)
    house.land(key)
    assert house.spends == ["1", "2"]
    assert house.lake.version(house.spec.table) == version


def test_a_changed_file_supersedes_in_one_commit(house):
    old = house.put("a.csv", "1")
    house.land(old)
    house.land(house.put("b.csv", "9"))
    before = house.lake.version(house.spec.table)
    house.land(house.put("a.csv", "2"))
    assert house.spends == ["2", "9"]
    assert house.lake.version(house.spec.table) == before + 1
    says = house.land(old).says
    assert "stays superseded" in says
    assert house.spends == ["2", "9"]


def test_old_content_that_returns_is_in_force_again(house):
    first = house.put("a.csv", "1")
    house.land(first)
    house.land(house.put("a.csv", "2"))
    assert house.put("a.csv", "1") == first
    house.land(first)
    assert house.spends == ["1"]
    assert [item.status for item in house.state.landings("ads__main") if item.partition_key == first] == [LandingStatus.LANDED]


def test_the_same_content_under_another_name_lands_once(house):
    house.land(house.put("a.csv", "1"))
    done = house.land(house.put("copy.csv", "1"))
    assert done.landed is None
    assert "same content as a.csv" in done.says
    assert house.spends == ["1"]


def test_with_replace_the_newest_file_takes_the_place_of_all(tmp_path):
    house = House(tmp_path, "replace")
    house.land(house.put("a.csv", "1"))
    house.land(house.put("b.csv", "2"))
    assert house.spends == ["2"]
    house.state.close()


def test_a_broken_file_is_recorded_and_the_rows_before_stay(house):
    house.land(house.put("a.csv", "1"))
    (house.landing / "a.csv").write_text("")
    broken = fingerprinted(house.landing / "a.csv").batch("default", house.spec)
    with pytest.raises(SourceUnreadable, match=r"a\.csv, line 1: the file is empty"):
        house.land(broken)
    assert house.spends == ["1"]
    assert {i.partition_key: i.status for i in house.state.landings("ads__main")}[broken] is LandingStatus.FAILED


def test_a_file_that_went_away_lands_from_its_kept_copy_and_another_is_named(house):
    key = house.put("a.csv", "1")
    house.land(key)
    (house.landing / "a.csv").unlink()
    house.land(key, again=True)
    assert house.spends == ["1"]
    with pytest.raises(SourceUnreadable, match="no longer there"):
        house.land("gone.csv@0123456789ab")


def test_another_tenant_keeps_its_own_file_of_the_same_name(house):
    house.land(house.put("a.csv", "1"))
    house.land(house.put("a.csv", "2") + "@acme")
    assert house.spends == ["1", "2"]
    assert house.lake.read(house.spec.table, tenant="acme").collect()["spend"].to_list() == ["2"]


def test_with_history_superseded_rows_stay_with_the_time_they_held(tmp_path):
    house = House(tmp_path, "history")
    first = house.put("a.csv", "1")
    house.land(first)
    house.land(house.put("a.csv", "2"))
    house.land(house.put("a.csv", "3"))
    rows = house.lake.read(house.spec.table).sort("_valid_from").collect()
    assert rows["spend"].to_list() == ["1", "2", "3"]
    assert rows["_valid_to"].to_list()[:2] == rows["_valid_from"].to_list()[1:]
    assert rows["_valid_to"][2] is None
    assert mapped(house.lake.read(house.spec.table), house.spec, house.spec.tables[0]).collect()["spend"].to_list() == ["3"]
    version = house.lake.version(house.spec.table)
    house.land(first)
    assert house.lake.version(house.spec.table) == version, "a superseded batch does not come back"
    house.state.close()


def test_a_suspended_tenants_file_waits_and_lands_once_it_is_served(house):
    key, tenants = house.put("a.csv", "1"), Tenants(house.state)
    tenants.move(house.spec.tenant, TenantState.SUSPENDED, by="test", now=house.clock)
    with pytest.raises(SourceUnreadable, match="suspended"):
        house.land(key)
    assert not house.lake.exists(house.spec.table)
    tenants.move(house.spec.tenant, TenantState.ACTIVE, by="test", now=house.clock)
    house.land(key)
    assert house.spends == ["1"]


def test_rows_that_are_refused_leave_no_trace_but_the_reason(house):
    key = house.put("a.csv", "1")

    def full(rows, tenant):
        raise PermanentError(f"{rows.height} more rows are too many for {tenant}.")

    with pytest.raises(PermanentError, match="too many"):
        house.land(key, admit=full)
    [kept] = house.state.landings(house.spec.label)
    assert (kept.status, kept.message) == (LandingStatus.FAILED, f"1 more rows are too many for {house.spec.tenant}.")
    house.land(key)
    assert house.spends == ["1"]
