"""The lake: one commit a change, none without one, nothing torn, and content that anybody can hash again."""

import datetime as dt
import decimal
import hashlib
import json
import subprocess
import sys

import polars as pl
import pytest

from seeding_platform.errors import PermanentError, TransientError
from seeding_platform.storage.content import content_sha256
from seeding_platform.storage.lake import Lake, TableMissing
from seeding_platform.storage.listing import listed_tables, shown_rows

TABLE = "raw/things"


def frame(*rows: tuple[str, dt.date, str | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"tenant": pl.String, "date": pl.Date, "name": pl.String}, orient="row")


A, B, C = ("t", dt.date(2026, 1, 1), "a"), ("t", dt.date(2026, 1, 2), "b"), ("u", dt.date(2026, 1, 3), None)


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path / "lake")


def read(lake: Lake, **options) -> list[tuple]:
    return sorted(lake.read(TABLE, **options).select("tenant", "date", "name").collect().rows(), key=str)


def test_the_same_rows_in_any_order_make_no_version(lake):
    first = lake.overwrite(TABLE, frame(A, B, C))
    again = lake.overwrite(TABLE, frame(C, A, B))
    other = lake.overwrite(TABLE, frame(A, B))
    assert [(w.version, w.changed) for w in (first, again, other)] == [(0, True), (0, False), (1, True)]
    assert read(lake) == [A, B]


def test_a_row_twice_is_not_the_row_once(lake):
    lake.overwrite(TABLE, frame(A))
    assert lake.overwrite(TABLE, frame(A, A)).changed


def test_upkeep_changes_neither_content_nor_what_counts_as_unchanged(lake):
    for n in range(5):
        lake.overwrite(TABLE, frame(A, ("t", dt.date(2026, 2, 1), str(n))))
    before = read(lake)
    assert lake.maintain(TABLE, keep_hours=0)["files_deleted"] > 0
    assert read(lake) == before
    assert not lake.overwrite(TABLE, frame(A, ("t", dt.date(2026, 2, 1), "4"))).changed


@pytest.mark.parametrize("part", [{"name": "b"}, {"name": ["b", "x"]}, {"date": ("2026-01-02", "2026-01-02")}])
def test_a_part_is_replaced_and_the_rest_stays(lake, part):
    lake.overwrite(TABLE, frame(A, B, C))
    new = ("t", dt.date(2026, 1, 2), "b")
    written = lake.replace(TABLE, frame(new, new), part)
    assert written.changed
    assert read(lake) == sorted([A, new, new, C], key=str)
    assert not lake.replace(TABLE, frame(new, new), part).changed


def test_a_part_named_with_quotes(lake):
    odd = ("t", dt.date(2026, 1, 1), 'it\'s; DROP -- "x"')
    lake.overwrite(TABLE, frame(A, odd))
    lake.replace(TABLE, frame(), {"name": odd[2]})
    assert read(lake) == [A]


def test_rows_outside_the_part_are_refused(lake):
    lake.overwrite(TABLE, frame(A))
    with pytest.raises(PermanentError, match="outside the part"):
        lake.replace(TABLE, frame(A, B), {"name": "a"})
    assert read(lake) == [A]


def test_columns_may_come_and_go_between_batches(lake):
    lake.overwrite(TABLE, frame(A))
    lake.replace(TABLE, frame(B).with_columns(extra=pl.lit("x")), {"name": "b"})
    lake.replace(TABLE, frame(("t", dt.date(2026, 1, 4), "d")), {"name": "d"})
    rows = lake.read(TABLE).sort("date").collect()
    assert rows["extra"].to_list() == [None, "x", None]


def test_an_append_counts_once(lake):
    for number, changed in ((1, True), (1, False), (2, True), (1, False)):
        assert lake.append(TABLE, frame(A), app_id="stream", number=number).changed is changed
    assert len(read(lake)) == 2


def test_old_versions_are_read_by_number_and_by_time(lake):
    lake.overwrite(TABLE, frame(A))
    lake.overwrite(TABLE, frame(A, B))
    first = lake.history(TABLE)[-1]
    assert read(lake, version=0) == [A]
    assert lake.version_at(TABLE, first.at) == 0
    with pytest.raises(PermanentError, match="did not exist"):
        lake.version_at(TABLE, first.at - dt.timedelta(days=1))
    lake.restore(TABLE, 0)
    assert read(lake) == [A]
    assert lake.overwrite(TABLE, frame(A, B)).changed, "after a restore the last fingerprint is no longer that of the rows"


def test_what_is_missing_is_named(lake):
    with pytest.raises(TableMissing, match="'raw/nothing'"):
        lake.read("raw/nothing")
    lake.overwrite(TABLE, frame(A))
    with pytest.raises(PermanentError, match="version 7"):
        lake.read(TABLE, version=7)


def test_one_tenant_sees_its_own_rows(lake):
    lake.overwrite(TABLE, frame(A, B, C))
    assert read(lake, tenant="u") == [C]


def test_a_full_disk_is_said_and_the_rows_before_stay(lake, monkeypatch):
    lake.overwrite(TABLE, frame(A))
    monkeypatch.setattr("deltalake.write_deltalake", _full)
    with pytest.raises(TransientError, match="disk is full"):
        lake.overwrite(TABLE, frame(B))
    assert read(lake) == [A]


def _full(*args, **options):
    raise OSError(28, "No space left on device")


def test_two_writers_at_once_lose_nothing(lake):
    lake.append(TABLE, frame(A), app_id="first", number=1)
    code = (
        "import sys, datetime as dt, polars as pl\n"
        "from seeding_platform.storage.lake import Lake\n"
        "row = pl.DataFrame({'tenant': ['t'], 'date': [dt.date(2026, 1, 1)], 'name': [sys.argv[2]]})\n"
        "for n in range(8): Lake(sys.argv[1]).append('raw/things', row, app_id=sys.argv[2], number=n)\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, lake.root, name]) for name in ("x", "y")]
    assert [w.wait(timeout=120) for w in writers] == [0, 0]
    assert len(read(lake)) == 17


def test_the_content_hash_is_what_an_independent_reader_computes(lake):
    from deltalake import DeltaTable

    rows = pl.DataFrame(
        {
            "tenant": ["t", "t", "t"],
            "money": pl.Series(["1.10", "-20.00", None]).cast(pl.Decimal(18, 2)),
            "at": pl.Series(["2026-01-01T10:00:00.5", "2026-06-01T00:00:00", None]).str.to_datetime(
                "%Y-%m-%dT%H:%M:%S%.f", time_zone="UTC", time_unit="us"
            ),
            "day": [dt.date(2026, 1, 1), None, dt.date(1999, 12, 31)],
            "tags": [["é", 'q"'], [], None],
            "share": [0.1, 1e-9, None],
            "count": [1, None, -5],
            "yes": [True, False, None],
            "_batch": ["a@1", "b@2", "c@3"],
        }
    )
    lake.overwrite(TABLE, rows)
    table = DeltaTable(lake.uri(TABLE)).to_pyarrow_table()

    def plain(value):
        if isinstance(value, decimal.Decimal):
            return str(value)
        if isinstance(value, dt.datetime):
            return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
        return value.isoformat() if isinstance(value, dt.date) else value

    digests = sorted(
        hashlib.sha256(
            json.dumps({k: plain(v) for k, v in row.items() if k != "_batch"}, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        ).digest()
        for row in table.to_pylist()
    )
    wanted = hashlib.sha256(b"".join(digests)).hexdigest()
    (listed,) = listed_tables(lake)
    assert listed["content_sha256"] == wanted
    assert content_sha256(rows.reverse()) == wanted
    assert (listed["rows"], listed["tenant"], listed["version"]) == (3, "t", 0)


def test_rows_are_shown_as_json_and_csv(lake):
    lake.overwrite(TABLE, pl.DataFrame({"tenant": ["t"], "money": pl.Series(["1.10"]).cast(pl.Decimal(18, 2)), "tags": [["a", "b"]]}))
    assert json.loads(shown_rows(lake, TABLE, form="json")) == [{"tenant": "t", "money": "1.10", "tags": ["a", "b"]}]
    assert shown_rows(lake, TABLE, form="csv").splitlines()[1] == "t,1.10,a;b"
    assert "1 rows" in shown_rows(lake, TABLE, form="table")


def test_a_merge_updates_inserts_and_leaves_what_is_equal(lake):
    lake.overwrite(TABLE, frame(A, B, C))
    changed, key = ("t", dt.date(2026, 1, 2), "b2"), ["tenant", "date"]
    done = lake.merge(TABLE, frame(A, changed), key=key)
    assert (done.version, done.rows, done.changed) == (1, 1, True)
    fresh = ("u", dt.date(2026, 2, 1), "d")
    assert lake.merge(TABLE, frame(A, C, fresh), key=key).rows == 1
    assert read(lake) == sorted([A, changed, C, fresh], key=str)
    assert not lake.merge(TABLE, frame(C, fresh), key=key).changed
    assert lake.version(TABLE) == 2


def test_a_merge_without_a_clear_key_is_refused(lake):
    lake.overwrite(TABLE, frame(A))
    for rows in (frame(A, A), frame(C)):
        with pytest.raises(PermanentError, match="key"):
            lake.merge(TABLE, rows, key=["name"])
    assert read(lake) == [A]


def test_erased_rows_are_in_no_file_and_no_log(lake, tmp_path):
    lake.overwrite(TABLE, frame(A, B, ("t", dt.date(2026, 1, 9), "person-4711")))
    lake.replace(TABLE, frame(C), {"tenant": "u"})
    assert lake.erase(TABLE, "name", ["person-4711", "nobody's"]) == 1
    assert read(lake) == sorted([A, B, C], key=str)
    kept = [path for path in (tmp_path / "lake").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"person-4711" in path.read_bytes()]
    assert lake.erase(TABLE, "name", ["person-4711"]) == 0
    assert lake.overwrite(TABLE, frame(A)).changed
    assert len(lake.history(TABLE)) >= 2
