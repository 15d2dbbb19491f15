"""Real exports come through by the example sources alone."""

import polars as pl
import pytest

from seeding_platform.analytics.daily import ads_daily
from seeding_platform.models import evaluate, frame_of, shipped_spec, split_rows, train
from seeding_platform_tests.chain import cleaned, example, quality_tables
from seeding_platform_tests.real import real_data

pytestmark = pytest.mark.real


def test_the_ad_file_keeps_every_row_and_every_cent():
    results = cleaned([(real_data("ads_spend.csv"), example("ads_spend"))])
    assert results["ad_facts"].kept.height == 2000
    daily = ads_daily(quality_tables(results)["ad_facts"])
    sums = daily.select(pl.col("spend", "clicks", "impressions", "conversions", "rows").sum()).row(0)
    assert [str(v) for v in sums] == ["1690764.32", "931552", "51379827", "54917.0000", "2000"]


def test_real_posts_are_kept_whole_and_their_accounts_merged():
    results = cleaned([(real_data("tweets_hashtags.csv"), example("tweets"))])
    assert results["content_posts"].kept.height == 8082
    assert results["content_analytics"].kept.height == 8082
    accounts = results["social_accounts"]
    assert accounts.kept.height + accounts.duplicates.height == 8082
    assert accounts.kept["account_id"].n_unique() == accounts.kept.height
    assert accounts.quarantined.height == 0


def test_on_real_posts_the_model_beats_the_dummy():
    results = cleaned([(real_data("instagram_posts.csv"), example("instagram_posts"))])
    spec = shipped_spec("content_performance")
    frame = frame_of(spec, quality_tables(results))
    assert frame.height == 176
    before, held = split_rows(spec, frame)
    judged = evaluate(train(spec, before, seed=0), spec, held)
    assert judged.beats_baseline(spec), judged.says()
