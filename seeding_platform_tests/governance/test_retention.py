"""Rows past their time go from every layer and file; the boundary, clocks that are put forward, rows without a time, holds, a kill at every step."""

import datetime as dt
import itertools
import json
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeding_platform.catalog import LANDED
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.quality.rules import rules_of
from seeding_platform.errors import ConfigError, PermanentError
from seeding_platform.governance.expiring import Retention
from seeding_platform.governance.expiry import past, row_times
from seeding_platform.governance.holding import Holding
from seeding_platform.governance.retention import RETENTION, kept_for
from seeding_platform.governance.subject_rights.certificate import holds_good
from seeding_platform.governance.subject_rights.matcher import Identifier
from seeding_platform.governance.subject_rights.requests import SubjectRights
from seeding_platform.storage.state import Landing, LandingStatus
from seeding_platform_tests.governance.orders import NOW, ORDERS, TENANT, carried, raw, refs
from seeding_platform_tests.governance.test_subject_rights import Killed, NoModels
from seeding_platform_tests.places import place_in

OLD, NEW = "2025-01-0{n}T10:00:00Z", "2026-02-2{n}T10:00:00Z"
DAY = dt.timedelta(days=1)
OLD_PEOPLE, NEW_PEOPLE = ["cust-0001", "cust-0002"], ["cust-0011", "cust-0012"]


class Then(Platform):
    """A platform whose clock stands still."""

    def now(self):
        return NOW


@pytest.fixture
def platform(tmp_path):
    made = Then(place_in(tmp_path / "place").settings)
    yield made
    made.state.close()


def limit(platform, days, table="orders"):
    platform.adjusted.change(RETENTION, {"days": days}, scope=table, actor="k", reason="x", now=NOW)


def retention(platform, step=lambda name: None, now=NOW):
    return Retention(platform.settings, platform.state, platform.trail, lambda: now, step)


def landed(platform, *batches):
    """Two files, landed and carried through the graph: one of old rows, one of new."""
    rows = pl.concat([raw(people, at=at, batch=batch) for batch, people, at in batches])
    source = rows.select("tenant", "_source", "_batch", "_row", "_op", "_landed_at", "customer_ref", "created_at")
    platform.lake.overwrite("raw/shop", source)
    carried(platform, rows)
    for n, (batch, people, _) in enumerate(batches):
        sha = f"{n}" * 64
        folder = platform.settings.spool / "landed" / sha
        folder.mkdir(parents=True)
        (folder / f"{batch.split('@')[0]}").write_text("\n".join(people))
        platform.state.record_landing(
            Landing(source="shop", partition_key=batch, tenant=TENANT, file_name=batch.split("@")[0], sha256=sha, status=LandingStatus.LANDED,
                    landed_at=NOW, rows=len(people))
        )  # fmt: skip


BOTH = (("old.csv@0", OLD_PEOPLE, OLD), ("new.csv@1", NEW_PEOPLE, NEW))
LAYERS = ("raw", "clean", "quality")


def test_what_is_past_goes_from_every_layer_and_file_with_its_old_versions(platform):
    landed(platform, *BOTH)
    limit(platform, 100)
    plan = retention(platform).plan()
    wanted = {"quality/orders": 2, "clean/orders": 2, "raw/shop": 2, f"spool/landed/{'0' * 64}/old.csv": 1, "raw/orders": 2}
    assert plan.gone == wanted
    assert refs(platform, "raw") == sorted(OLD_PEOPLE + NEW_PEOPLE), "a plan changes nothing"
    done = retention(platform).apply(actor="k")
    assert done.gone == wanted
    assert [refs(platform, layer) for layer in LAYERS] == [NEW_PEOPLE] * 3
    assert platform.lake.read("raw/shop").collect()["customer_ref"].to_list() == NEW_PEOPLE
    files = [p for root in (platform.settings.lake, platform.settings.spool) for p in root.rglob("*") if p.is_file()]
    assert not [p for p in files if b"cust-0001" in p.read_bytes()], "neither old versions nor spooled files hold them"
    assert [p.name for p in files if p.is_relative_to(platform.settings.spool)] == ["new.csv"]
    with pytest.raises(PermanentError):
        platform.lake.read("raw/orders", version=0).collect()
    report = json.loads(done.report.read_text())
    assert (report["gone"], report["tables"]["orders"]["days"]) == (wanted, 100)
    assert holds_good(report, platform.keys)
    assert platform.trail.log.newest(action="retention.")[0].event.detail["gone"] == wanted
    again = retention(platform).apply(actor="k")
    assert (again.gone, again.report) == ({}, None)


def test_a_kill_at_any_table_is_gone_on_with(platform):
    landed(platform, *BOTH)
    limit(platform, 100)
    steps = ["quality/orders", "clean/orders", "raw/shop", "spool", "raw/orders"]
    seen = []
    for name in steps:

        def dies(step, at=name):
            seen.append(step)
            if step == at:
                raise Killed

        with pytest.raises(Killed):
            retention(platform, dies).apply(actor="k")
    assert list(dict.fromkeys(seen)) == steps
    retention(platform).apply(actor="k")
    assert [refs(platform, layer) for layer in LAYERS] == [NEW_PEOPLE] * 3
    assert not list(platform.settings.spool.rglob("old.csv"))


def test_the_boundary_is_so_many_times_twenty_four_hours_whatever_the_clocks_did():
    amsterdam = ZoneInfo("Europe/Amsterdam")
    now = dt.datetime(2026, 3, 30, 12, tzinfo=amsterdam)  # clocks were put forward on the 29th
    exactly = (now.astimezone(dt.UTC) - 2 * DAY).astimezone(amsterdam)
    assert exactly.hour == 11, "two days are 48 hours, not the same time of the day"
    second = dt.timedelta(seconds=1)
    moments = pl.Series([exactly - second, exactly, exactly + second, None]).dt.convert_time_zone("UTC")
    assert past(moments, 2, now).to_list() == [True, False, False, False]
    autumn = dt.datetime(2026, 10, 26, 12, tzinfo=amsterdam)
    assert (autumn.astimezone(dt.UTC) - 2 * DAY).astimezone(amsterdam).hour == 13
    assert past(pl.Series([dt.date(2026, 3, 28), dt.date(2026, 3, 27)]), 2, now).to_list() == [False, True], "a day goes when all of it is past"


@settings(max_examples=100, deadline=None)
@given(
    moment=st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2030, 1, 1), timezones=st.just(dt.UTC)),
    days=st.integers(1, 4000),
    later=st.integers(0, 4000),
)
def test_what_is_past_stays_past_and_a_longer_limit_never_takes_more(moment, days, later):
    one = pl.Series([moment], dtype=pl.Datetime("us", "UTC"))
    now = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    if past(one, days, now)[0]:
        assert past(one, days, now + later * DAY)[0]
    else:
        assert not past(one, days + later, now)[0]


def test_the_time_of_a_row_is_read_as_its_source_writes_it(platform):
    frame = raw(["cust-0001"], at="2026-03-29T02:30:00")
    assert row_times(frame, ORDERS).to_list() == [None], "a time that the clocks jumped over is not known"
    assert str(row_times(raw(["cust-0001"], at="2026-07-01 10:00"), ORDERS)[0]) == "2026-07-01 08:00:00+00:00"


def test_rows_without_a_time_are_kept_counted_and_named(platform):
    landed(platform, ("odd.csv@0", OLD_PEOPLE, "whenever"), BOTH[1])
    limit(platform, 1)
    done = retention(platform, now=NOW + 100 * DAY).apply(actor="k")
    assert done.tables["orders"] | {"older_than": ""} == {"days": 1, "older_than": "", "past": 2, "without_time": 2, "held": 0}
    assert refs(platform, "raw") == OLD_PEOPLE
    assert platform.lake.read("clean/orders__quarantine").collect().height == 2
    assert list(platform.settings.spool.rglob("odd.csv"))


def test_no_limit_no_change_and_only_the_tables_own(platform):
    landed(platform, *BOTH)
    assert retention(platform).apply(actor="k").gone == {}
    limit(platform, 1, "content_posts")
    assert retention(platform).apply(actor="k").gone == {}
    assert (kept_for(platform.state, "orders"), kept_for(platform.state, "content_posts")) == ("no limit is set", "1 days")
    platform.adjusted.change(RETENTION, {"days": 50}, actor="k", reason="x", now=NOW)
    assert kept_for(platform.state, "orders") == "50 days"
    with pytest.raises(ConfigError):
        limit(platform, 0)


def test_a_row_that_another_table_still_needs_stays_with_its_source(platform):
    landed(platform, *BOTH)
    customers = LANDED["customers"].empty("raw")
    feeding = platform.lake.read("raw/orders").select("tenant", "_source", "_batch", "_row").collect()
    platform.lake.overwrite("raw/customers", pl.concat([customers, feeding], how="diagonal_relaxed"))
    limit(platform, 100)
    gone = retention(platform).apply(actor="k").gone
    assert set(gone) == {"quality/orders", "clean/orders", "raw/orders"}
    assert platform.lake.read("raw/shop").collect().height == 4
    assert list(platform.settings.spool.rglob("old.csv"))


def test_texts_that_cleaning_remembers_go_with_their_rows(platform):
    posts = LANDED["content_posts"]
    frame = pl.DataFrame({"tenant": ["t"], "_source": ["s"], "_batch": ["b"], "_row": [0], "_op": ["I"], "_notation": ["{}"], "synthetic": [False],
                          "post_id": ["p"], "text": ["a text of long ago"], "published_at": ["2020-01-01T00:00:00Z"]})  # fmt: skip
    platform.lake.overwrite("raw/content_posts", pl.concat([posts.empty("raw"), frame], how="diagonal_relaxed"))
    platform.lake.overwrite("clean/content_posts__index", pl.DataFrame({"tenant": ["t"], "body": ["a text of long ago"]}))
    limit(platform, 100, "content_posts")
    assert posts.time == "published_at"
    assert retention(platform).apply(actor="k").gone == {"clean/content_posts__index": 1, "raw/content_posts": 1}
    assert not [p for p in platform.settings.lake.rglob("*") if p.is_file() and b"of long ago" in p.read_bytes()]


def test_a_source_row_of_which_nothing_was_made_goes_by_when_it_was_landed(platform):
    landed(platform, *BOTH)
    source = platform.lake.read("raw/shop").collect()
    ended = source.head(1).with_columns(_batch=pl.lit("older.csv@9"), _landed_at=pl.lit(NOW - 200 * DAY).cast(source.schema["_landed_at"]))
    platform.lake.overwrite("raw/shop", pl.concat([source, ended]))
    limit(platform, 150)
    assert retention(platform).apply(actor="k").gone["raw/shop"] == 3


def hold(platform, **told):
    return Holding(platform.state, platform.trail, itertools.cycle([NOW]).__next__).place(
        **({"tenant": TENANT, "reason": "suit", "actor": "k"} | told)
    )


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({"table": "orders"}, OLD_PEOPLE + NEW_PEOPLE),
        ({}, OLD_PEOPLE + NEW_PEOPLE),
        ({"tenant": ""}, OLD_PEOPLE + NEW_PEOPLE),
        ({"table": "customers"}, NEW_PEOPLE),
        ({"tenant": "other"}, NEW_PEOPLE),
        ({"person": [Identifier("CUSTOMER_REF", "cust-0001")]}, [*OLD_PEOPLE, *NEW_PEOPLE]),
        ({"person": [Identifier("CUSTOMER_REF", "cust-0777")]}, NEW_PEOPLE),
    ],
)
def test_a_hold_wins_over_retention_until_it_is_lifted(platform, told, kept):
    landed(platform, *BOTH)
    limit(platform, 100)
    placed = hold(platform, **told)
    done = retention(platform).apply(actor="k")
    assert refs(platform, "raw") == refs(platform, "quality") == sorted(kept)
    assert done.tables["orders"]["held"] == len(kept) - len(NEW_PEOPLE)
    Holding(platform.state, platform.trail, lambda: NOW).release(placed.hold_id, actor="k")
    retention(platform).apply(actor="k")
    assert refs(platform, "raw") == NEW_PEOPLE


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({"table": "orders"}, True),
        ({}, True),
        ({"person": [Identifier("CUSTOMER_REF", "cust-0777")]}, True),
        ({"person": [Identifier("CUSTOMER_REF", "cust-0778")]}, False),
        ({"table": "customers"}, False),
        ({"tenant": "other"}, False),
    ],
)
def test_a_hold_keeps_source_rows_of_which_nothing_was_made_and_files_of_which_no_row_is_left(platform, told, kept):
    landed(platform, *BOTH)
    source = platform.lake.read("raw/shop").collect()
    long_ago = NOW - 200 * DAY
    ended = source.head(1).with_columns(
        _batch=pl.lit("ended@9"), customer_ref=pl.lit("cust-0777"), _landed_at=pl.lit(long_ago).cast(source.schema["_landed_at"])
    )
    platform.lake.overwrite("raw/shop", pl.concat([source, ended]))
    folder = platform.settings.spool / "landed" / ("9" * 64)
    folder.mkdir()
    (folder / "refused.csv").write_text("ref;amount\ncust-0777;12\n")
    platform.state.record_landing(
        Landing(source="shop", partition_key="refused@7", tenant=TENANT, file_name="refused.csv", sha256="9" * 64, status=LandingStatus.FAILED,
                landed_at=long_ago, rows=0)
    )  # fmt: skip
    limit(platform, 150)
    hold(platform, **told)
    retention(platform).apply(actor="k")
    assert ("cust-0777" in platform.lake.read("raw/shop").collect()["customer_ref"].to_list()) is kept
    assert bool(list(platform.settings.spool.rglob("refused.csv"))) is kept


def test_a_file_stays_whose_batch_an_older_version_of_its_table_does_not_have(platform):
    landed(platform, *BOTH)
    source = platform.lake.read("raw/shop").collect()
    platform.lake.overwrite("raw/shop", source.filter(pl.col("_batch") != "new.csv@1"))
    limit(platform, 100)
    retention(platform).apply(actor="k")
    assert [p.name for p in platform.settings.spool.rglob("*.csv")] == ["new.csv"], "nothing of it is past"


@pytest.mark.parametrize("told", [{"table": "orders"}, {}, {"person": [Identifier("CUSTOMER_REF", "cust-0001")]}])
@pytest.mark.long
def test_a_hold_wins_over_an_erasure_which_says_so_and_goes_on_later(platform, told):
    landed(platform, *BOTH)
    placed = hold(platform, **told)
    rights = SubjectRights(platform.settings, platform.state, models=NoModels(), now=lambda: NOW)
    who = [Identifier("CUSTOMER_REF", "cust-0001")]
    done = rights.carry_out(rights.receive("erase", who, tenant=TENANT, actor="k", request_id="r"))
    assert done.state == "held"
    assert done.stores["hold"]["held_by"][0].endswith(": suit")
    assert "cust-0001" in refs(platform, "raw")
    assert rights.kept.one("r").sealed, "it is not forgotten whom it is about"
    other = rights.carry_out(rights.receive("erase", [Identifier("CUSTOMER_REF", "cust-0500")], tenant="other", actor="k"))
    assert other.state == "closed"
    Holding(platform.state, platform.trail, lambda: NOW).release(placed.hold_id, actor="k")
    done = rights.carry_out(rights.kept.one("r"))
    assert (done.state, "hold" in done.stores) == ("closed", False)
    assert "cust-0001" not in platform.lake.read("raw/orders").collect()["customer_ref"].to_list()


def test_a_hold_needs_a_reason_and_one_thing_that_it_is_about(platform):
    for wrong in ({"reason": " "}, {"table": "nothing"}, {"table": "orders", "person": [Identifier("EMAIL", "a@x.nl")]},
                  {"tenant": "", "person": [Identifier("EMAIL", "a@x.nl")]}):  # fmt: skip
        with pytest.raises(ConfigError):
            hold(platform, **wrong)
    placed = hold(platform, person=[Identifier("EMAIL", "jan@x.example")], reason="asked by jan@x.example")
    told = str(platform.trail.log.newest(action="retention.hold")[0].body)
    assert "jan@x" not in told + placed.reason + placed.target
    with pytest.raises(PermanentError, match="No hold"):
        Holding(platform.state, platform.trail, lambda: NOW).release("h0", actor="k")


def test_rows_that_are_past_never_reach_quality(platform):
    landed(platform, *BOTH)
    limit(platform, 100)
    rules = rules_of(platform, ORDERS)
    rows, expired = platform.within_retention(platform.lake.read("clean/orders"), ORDERS)
    assert (rows.collect().height, expired) == (2, 2)
    limit(platform, None)
    assert rules_of(platform, ORDERS) != rules, "a changed limit has the table judged again"
    assert platform.within_retention(platform.lake.read("clean/orders"), ORDERS)[1] == 0
