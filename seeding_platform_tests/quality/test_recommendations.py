"""What is recommended gains what it says, is not recommended twice, and shows nobody's data."""

import datetime as dt
import json

import polars as pl
import pytest

from seeding_platform.catalog import LANDED
from seeding_platform.cleaning import clean
from seeding_platform.cleaning.intake import as_raw
from seeding_platform.cleaning.policies import checked
from seeding_platform.cleaning.policy import CleaningPolicy
from seeding_platform.quality.recommendations import RECOMMENDATIONS, as_table, recommended
from seeding_platform_tests.quality.injected.dirt import with_errors
from seeding_platform_tests.quality.injected.measure import accuracy
from seeding_platform_tests.quality.injected.truth import ads, measurements

ADS, ANALYTICS, POSTS = (LANDED[n] for n in ("ad_facts", "content_analytics", "content_posts"))
PLAIN = CleaningPolicy()


@pytest.fixture(scope="module")
def dirty_ads():
    truth = ads(6_000, 21)
    return truth, with_errors(truth, 22)


def found_for(result, contract, policy=PLAIN, **more):
    return recommended(result.kept, result.quarantined, contract, policy, **more)


def test_the_recommended_rules_make_the_table_more_right(dirty_ads):
    truth, dirty = dirty_ads
    before = clean(dirty.rows, ADS)
    found = found_for(before, ADS)
    assert {"snap", "fd", "slip"} <= {f.kind for f in found}
    policy = checked({"repairs": [dict(f.add) for f in found if f.kind in ("snap", "fd", "slip")]}, ADS, where="test")
    after = clean(dirty.rows, ADS, policy)
    was, now = (accuracy(r.kept, truth, dirty.errors, key=("row_id",)) for r in (before, after))
    assert now.reduction > was.reduction + 0.15
    assert now.broken < 0.001 * now.kept_cells
    snaps = [f for f in found if f.kind == "snap"]
    assert before.quarantined.height - after.quarantined.height >= sum(f.rows for f in snaps) > 0
    again = found_for(after, ADS, policy)
    assert not {(f.kind, f.column) for f in again} & {(f.kind, f.column) for f in found if f.kind in ("snap", "slip")}


@pytest.mark.parametrize(("make", "contract"), [(ads, ADS), (measurements, ANALYTICS)])
def test_of_a_right_table_nothing_is_recommended_but_what_it_never_fills(make, contract):
    truth = make(3_000, 4).cast(pl.String)
    assert {f.kind for f in found_for(clean(truth, contract), contract)} <= {"mapping"}


def test_the_most_gain_comes_first(dirty_ads):
    table = as_table(found_for(clean(dirty_ads[1].rows, ADS), ADS))
    assert dict(table.schema) == RECOMMENDATIONS
    gain = (table["rows"] + table["cells"]).to_list()
    assert gain == sorted(gain, reverse=True)
    assert table["rank"].to_list() == list(range(1, table.height + 1))
    assert all(json.loads(add) for add, kind in zip(table["add"], table["kind"], strict=True) if kind in ("snap", "fd", "slip"))
    assert table.filter(pl.col("preview").list.len() > 5).height == 0


def posts(n, **columns):
    base = {
        "post_id": [f"p{i}" for i in range(n)],
        "account_id": ["a"] * n,
        "platform": ["X"] * n,
        "status": ["published"] * n,
        "text": [f"text number {i} of ours" for i in range(n)],
        "published_at": ["2026-03-01T10:00:00Z"] * n,
    }
    return pl.DataFrame(base | columns)


def with_dates(*cells):
    """Thirty posts with dates as their source declares them, and some with these."""
    raw = as_raw(posts(30 + len(cells)), POSTS, source="planner__main").rows
    return raw.with_columns(published_at=pl.Series([*raw["published_at"][:30], *cells]))


def test_a_form_of_dates_that_reads_what_was_refused():
    result = clean(with_dates(*(f"{d} Mar 2026 11:30" for d in (3, 4, 17, 18, 25, 30))), POSTS)
    found = [f for f in found_for(result, POSTS) if f.kind == "format"]
    assert [(f.column, f.rows, f.add) for f in found] == [
        ("published_at", 6, {"source": "planner__main", "formats": {"timestamp": "%d %b %Y %H:%M"}})
    ]


def test_dates_that_two_forms_read_differently_are_left_alone():
    result = clean(with_dates(*(f"0{d}/03/2026 11:30" for d in (4, 5, 6, 7, 8, 9))), POSTS)
    assert result.quarantined.height == 6
    assert not [f for f in found_for(result, POSTS) if f.kind == "format"]


def test_a_required_column_that_a_source_never_fills_and_references_to_nothing():
    frame = posts(20).drop("text")
    found = found_for(clean(frame, POSTS), POSTS, dangling={"account_id -> social_accounts.account_id": 20})
    mapping = next(f for f in found if f.kind == "mapping")
    assert (mapping.column, mapping.cells) == ("text", 20)
    assert mapping.points > 5
    assert next(f for f in found if f.kind == "reference").rows == 20


def test_a_preview_holds_no_personal_data():
    frame = posts(40, status=["published"] * 30 + ["jan.jansen@example.nl published"] * 5 + ["publishd"] * 5)
    found = found_for(clean(frame, POSTS), POSTS)
    assert [f.preview for f in found if f.kind == "snap"] == [("publishd → published",)]
    changes = [("mail jan.jansen@example.nl", "NL91ABNA0417164300")]
    from seeding_platform.quality.recommendations.found import previewed

    assert previewed(changes) == ("mail [EMAIL] → [IBAN]",)


def test_an_empty_table_needs_nothing():
    result = clean(POSTS.empty("raw"), POSTS, now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    assert found_for(result, POSTS) == []
