"""What is kept in the state database comes back, repeats change nothing, and of a file only the latest version is live."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from seeding_platform.errors import PermanentError
from seeding_platform.storage.schema import NaiveTime, UtcTime
from seeding_platform.storage.state import Landing, LandingStatus, Snapshot, State, snapshot_id_of

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = dt.datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=dt.UTC)
LANDED, SUPERSEDED, FAILED = LandingStatus.LANDED, LandingStatus.SUPERSEDED, LandingStatus.FAILED


@pytest.fixture
def state(database_url: str) -> Iterator[State]:
    with State.open(database_url) as opened:
        yield opened


def landing(key: str = "p1", *, minutes: int = 0, status: LandingStatus = LANDED, **changed: object) -> Landing:
    made = Landing(
        source="shop", partition_key=key, tenant="default", file_name="orders.csv", sha256="ab" * 32, status=status,
        landed_at=NOW + dt.timedelta(minutes=minutes), bytes=2**40, rows=7, rejects=1, message="",
    )  # fmt: skip
    return dataclasses.replace(made, **changed)


def statuses(state: State) -> dict[str, str]:
    return {row.partition_key: row.status for row in state.landings()}


def test_pinning_the_same_again_changes_nothing(state: State) -> None:
    first = state.pin({"raw/a": 3, "raw/b": 2**40}, purpose="bundle", run_id="run-1", now=NOW)
    again = state.pin({"raw/b": 2**40, "raw/a": 3}, purpose="bundle", run_id="run-2", now=NOW + dt.timedelta(days=1))
    assert first == again
    assert len(first) == 32
    assert state.pinned(first) == {"raw/a": 3, "raw/b": 2**40}
    assert state.snapshots() == [Snapshot(snapshot_id=first, purpose="bundle", created_at=NOW, run_id="run-1")]


def test_other_versions_or_another_purpose_are_another_snapshot(state: State) -> None:
    made = [
        state.pin(versions, purpose=purpose, run_id="r", now=NOW + dt.timedelta(seconds=second))
        for second, (versions, purpose) in enumerate([({"a": 1}, "x"), ({"a": 2}, "x"), ({"b": 1}, "x"), ({"a": 1}, "y")])
    ]
    assert len(set(made)) == 4
    assert [snapshot.snapshot_id for snapshot in state.snapshots()] == made[::-1]
    assert [snapshot.snapshot_id for snapshot in state.snapshots("x", limit=2)] == [made[2], made[1]]


def test_an_unknown_snapshot_is_an_error_and_an_empty_one_is_not(state: State) -> None:
    with pytest.raises(PermanentError, match="no snapshot 'nowhere'"):
        state.pinned("nowhere")
    assert state.pinned(state.pin({}, purpose="empty", run_id="r", now=NOW)) == {}


@given(st.dictionaries(st.text(max_size=5), st.integers(0, 2**62), max_size=4), st.text(max_size=5))
def test_the_order_of_the_tables_does_not_matter(versions: dict[str, int], purpose: str) -> None:
    assert snapshot_id_of(versions, purpose) == snapshot_id_of(dict(reversed(versions.items())), purpose)


def test_a_landing_comes_back_as_it_was_and_is_replaced_under_its_key(state: State) -> None:
    first = landing(message="Größe'; DROP TABLE connector_landings; --")
    assert state.record_landing(first) == first
    assert state.record_landing(first) == first
    assert state.landings() == [first]
    changed = landing(status=FAILED, rows=0, message="no header")
    state.record_landing(changed)
    assert state.landings() == [changed]
    assert isinstance(state.landings()[0].status, LandingStatus)


def test_a_later_version_supersedes_the_earlier_ones_of_its_file_only(state: State) -> None:
    others = [
        landing("other-file", file_name="products.csv"),
        landing("other-tenant", tenant="acme"),
        landing("other-source", source="crm"),
        landing("failed", status=FAILED),
    ]
    for one in [*others, landing("p1"), landing("p2", minutes=1), landing("p3", minutes=2)]:
        state.record_landing(one)
    expected = {"p1": SUPERSEDED, "p2": SUPERSEDED, "p3": LANDED} | {one.partition_key: one.status for one in others}
    assert statuses(state) == expected


def test_a_failed_version_supersedes_nothing(state: State) -> None:
    state.record_landing(landing("p1"))
    state.record_landing(landing("p2", minutes=1, status=FAILED))
    assert statuses(state) == {"p1": LANDED, "p2": FAILED}


def test_the_same_version_stays_live_whatever_the_order_and_the_repeats(state: State) -> None:
    versions = [landing("p1"), landing("p2", minutes=1), landing("p3", minutes=1)]
    for source, order in enumerate(itertools.permutations([*versions, versions[0]])):
        for one in order:
            state.record_landing(dataclasses.replace(one, source=str(source)))
        assert {row.partition_key: row.status for row in state.landings(str(source))} == {"p1": SUPERSEDED, "p2": SUPERSEDED, "p3": LANDED}


def test_superseding_and_recording_are_one_transaction(state: State) -> None:
    state.record_landing(landing("p1"))
    with pytest.raises(sa.exc.IntegrityError):
        state.record_landing(landing("p2", minutes=1, message=None))
    assert statuses(state) == {"p1": LANDED}


def test_many_at_once_leave_one_version_live(state: State) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: state.record_landing(landing(f"p{n:02}", minutes=n)), range(24)))
    assert statuses(state) == {f"p{n:02}": SUPERSEDED for n in range(23)} | {"p23": LANDED}


def test_landings_are_ordered_by_time_then_key_and_chosen_by_source_and_status(state: State) -> None:
    for key, minutes, source in [("b", 1, "x"), ("a", 1, "x"), ("c", 0, "x"), ("d", 2, "y")]:
        state.record_landing(landing(key, minutes=minutes, source=source, file_name=key, status=FAILED if key == "c" else LANDED))
    assert [row.partition_key for row in state.landings()] == ["c", "a", "b", "d"]
    assert [row.partition_key for row in state.landings("x", status=LANDED)] == ["a", "b"]
    assert state.landings("nobody") == []


def test_the_same_bytes_are_found_while_they_are_live(state: State) -> None:
    state.record_landing(landing("p1", sha256="aa"))
    found = state.same_content("aa", "default", source="shop")
    assert found == landing("p1", sha256="aa")
    assert state.same_content("aa", "acme", source="shop") is None
    assert state.same_content("aa", "default", source="crm") is None
    state.record_landing(landing("p2", minutes=1, sha256="bb"))
    assert state.same_content("aa", "default", source="shop") is None
    state.record_landing(landing("copy", minutes=2, sha256="bb", file_name="copy.csv"))
    assert state.same_content("bb", "default", source="shop") == landing("copy", minutes=2, sha256="bb", file_name="copy.csv")


def test_a_naive_time_is_refused_wherever_it_is_given(state: State) -> None:
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(NaiveTime, match=r"2026-03-01T12:30:15\.123456 has no time zone"):
        state.pin({"a": 1}, purpose="x", run_id="r", now=naive)
    for _ in range(2):  # the second time with another version of the file to compare with
        with pytest.raises(NaiveTime):
            state.record_landing(landing("p2", landed_at=naive))
        state.record_landing(landing("p1"))
    assert state.snapshots() == []
    assert statuses(state) == {"p1": LANDED}


def test_a_status_that_does_not_exist_is_refused_by_the_database(state: State) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        state.record_landing(landing(status="lost"))


@pytest.mark.parametrize("hours", [-11, 0, 5.5, 14])
def test_a_moment_comes_back_in_utc_whatever_its_zone_was(state: State, hours: float) -> None:
    there = NOW.astimezone(dt.timezone(dt.timedelta(hours=hours)))
    state.record_landing(landing(landed_at=there))
    kept = state.landings()[0].landed_at
    assert kept == NOW
    assert kept.tzinfo is dt.UTC


@given(st.datetimes(min_value=dt.datetime(1, 1, 2), max_value=dt.datetime(9999, 12, 30), timezones=st.timezones()))
def test_every_moment_survives_sqlite(moment: dt.datetime) -> None:
    kind, dialect = UtcTime(), sa.create_engine("sqlite://").dialect
    assert kind.process_result_value(kind.process_bind_param(moment, dialect), dialect) == moment.astimezone(dt.UTC)


def test_a_nul_in_a_text_is_kept_or_refused_in_words_but_never_breaks(state: State) -> None:
    """SQLite keeps it, Postgres cannot."""
    if state.engine.dialect.name == "sqlite":
        state.record_landing(landing("p\0"))
        assert list(statuses(state)) == ["p\0"]
        return
    with pytest.raises(PermanentError, match="NUL"):
        state.record_landing(landing("p\0"))
    assert statuses(state) == {}
