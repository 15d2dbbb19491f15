"""The table of bias: what is planted is named, what is even passes, and nothing yet is no failure."""

import datetime as dt
import random

import dagster as dg
import polars as pl
import pytest

from seeding_platform.catalog import LANDED
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.quality.bias import bias_asset
from seeding_platform.quality.bias.findings import SCHEMA
from seeding_platform.quality.fairness import BIAS
from seeding_platform_tests.places import Place

START = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def platform(place: Place) -> Platform:
    return Platform(place.settings)


def rows(name: str, made: list[dict]) -> pl.DataFrame:
    schema = LANDED[name].schema("quality")
    base = dict.fromkeys(schema) | {
        "_source": "s",
        "_batch": "b",
        "_row": 0,
        "synthetic": False,
        "flags": [],
        "quality_score": 99.0,
        "confidence": 0.9,
    }
    return pl.DataFrame([base | row for row in made], schema=schema)


def hold(platform: Platform, engagement: dict[str, float], *, each: int = 150, tenant: str = "t", **more) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Posts of some platforms with their mean engagement rate; an earlier measurement of each says the contrary."""
    draw = random.Random(3)
    posts, measured = [], []
    for name, mean in engagement.items():
        for n in range(each):
            post = f"{name}-{n}"
            said = {"tenant": tenant, "post_id": post, "account_id": "a", "platform": name, "status": "published", "published_at": START}
            posts.append(said | {"language": ("nl", "en")[n % 2], "content_type": "image", **more})
            for hours, rate in ((1, 1 - mean), (30, mean * draw.uniform(0.5, 1.5))):
                at = START + dt.timedelta(hours=hours)
                measured.append({"tenant": tenant, "post_id": post, "measured_at": at, "engagement_rate": rate})
    return rows("content_posts", posts), rows("content_analytics", measured)


def write(platform: Platform, *pairs: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    for name, frames in zip(("content_posts", "content_analytics"), zip(*pairs, strict=True), strict=True):
        platform.lake.overwrite(f"quality/{name}", pl.concat(frames))


def judged(platform: Platform) -> tuple[dg.AssetCheckEvaluation, pl.DataFrame, dict]:
    sources = [dg.AssetSpec(["quality", name]) for name in ("content_posts", "content_analytics")]
    result = dg.materialize([*sources, bias_asset(list(LANDED.values()))], resources={"platform": platform})
    (check,) = result.get_asset_check_evaluations()
    (event,) = result.asset_materializations_for_node("quality__bias")
    return check, platform.lake.read("quality/bias").collect(), event.metadata


def test_a_platform_that_is_far_behind_is_named(platform):
    write(platform, hold(platform, {"X": 0.03, "LinkedIn": 0.06, "Instagram": 0.06}))
    check, found, metadata = judged(platform)
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert "t, content_posts by platform, X: disparate_impact 0." in check.description
    assert "of 150 rows (95 % interval 0." in check.description
    assert dict(found.schema) == BIAS
    assert set(found["subject"]) == {"content_posts by platform", "content_posts by language"}, "one form of post, and no author: nothing to compare"
    assert metadata["verdicts"].value["biased"] == found.filter(verdict="biased").height > 0
    within = found.filter(pl.col("metric").str.starts_with("stratum_"), subject="content_posts by language")
    assert within["group"].str.ends_with("| X").any()
    assert found.filter(metric="simpson_reversal", subject="content_posts by language")["value"].to_list() == [0.0]
    assert not found.select("tenant", "subject", "metric", "group").is_duplicated().any()


def test_the_columns_are_those_of_the_findings():
    assert {"tenant": pl.String(), "subject": pl.String(), **SCHEMA} == BIAS


def test_even_platforms_pass(platform):
    write(platform, hold(platform, {"X": 0.05, "LinkedIn": 0.05}, each=600))
    check, found, _ = judged(platform)
    assert check.passed
    assert "is biased" in check.description
    shares = found.filter(metric="share", subject="content_posts by platform")
    assert shares.select("group", "n", "verdict").rows() == [("LinkedIn", 600, "not_judged"), ("X", 600, "not_judged")]


def test_each_tenant_has_its_own_median(platform):
    low = hold(platform, {"X": 0.001, "LinkedIn": 0.001}, each=300, tenant="low")
    high = hold(platform, {"X": 0.3, "LinkedIn": 0.3}, each=300, tenant="high")
    write(platform, low, high)
    check, found, _ = judged(platform)
    assert check.passed, check.description
    whole = found.filter(metric="base_rate", group="(all)", subject="content_posts by platform")
    assert sorted(whole.select("tenant", "value").rows()) == [("high", 0.5), ("low", 0.5)]


def test_drafts_and_made_up_posts_are_not_judged(platform):
    real = hold(platform, {"X": 0.05, "LinkedIn": 0.05}, each=40)
    draft, invented = (
        hold(platform, {"TikTok": 0.0001}, tenant="t", **more)[0].with_columns(post_id=pl.lit(name) + pl.col("post_id"))
        for name, more in (("d", {"status": "draft"}), ("s", {"synthetic": True}))
    )
    platform.lake.overwrite("quality/content_posts", pl.concat([real[0], draft, invented]))
    platform.lake.overwrite("quality/content_analytics", real[1])
    _, found, _ = judged(platform)
    assert "TikTok" not in set(found["group"])


@pytest.mark.parametrize("there", [True, False])
def test_nothing_yet_is_no_failure(platform, there):
    if there:
        write(platform, (LANDED["content_posts"].empty("quality"), LANDED["content_analytics"].empty("quality")))
    check, found, _ = judged(platform)
    assert (check.passed, check.description) == (True, "nothing yet")
    assert (dict(found.schema), found.height) == (BIAS, 0)


def test_posts_without_a_measurement_are_counted_only(platform):
    posts, _ = hold(platform, {"X": 0.05, "LinkedIn": 0.05}, each=20)
    write(platform, (posts, LANDED["content_analytics"].empty("quality")))
    check, found, _ = judged(platform)
    assert check.passed
    assert "share" in set(found["metric"])
    assert "base_rate" not in set(found["metric"])
