"""Every fault that is planted in the samples is found, and nothing else is."""

import json

import polars as pl
import pytest

from seeding_platform.catalog import LANDED
from seeding_platform.cleaning import CleaningPolicy, clean
from seeding_platform_tests.chain import SAMPLES, cleaned_samples

PLANTED = json.loads((SAMPLES / "planted.json").read_text(encoding="utf-8"))
RENAMED = {"not_null": "missing", "minimum": "too_small", "maximum": "too_large", "values": "not_allowed"}


@pytest.fixture(scope="module")
def results():
    return cleaned_samples()


def place(batch: str, row: int) -> str:
    return f"{batch.split('@')[0]}:{row}"


@pytest.mark.parametrize("contract", sorted(PLANTED["expected_kept"]))
def test_rows_kept_merged_and_quarantined_are_the_planted_ones(results, contract):
    result = results[contract]
    wanted = {key.rsplit("@", 1)[1] for keys in PLANTED["quarantined"].get(contract, {}).values() for key in keys}
    found = {place(b, r) for b, r in result.quarantined.select("_batch", "_row").iter_rows()}
    assert found == wanted
    assert result.kept.height == PLANTED["expected_kept"][contract]
    merged = PLANTED["strict_duplicates"].get(contract, 0) + PLANTED["key_duplicates"].get(contract, 0)
    assert result.duplicates.height == merged
    assert result.rows_in == result.kept.height + result.duplicates.height + result.quarantined.height


def test_each_quarantined_row_says_the_planted_reason(results):
    for contract, reasons in PLANTED["quarantined"].items():
        quarantined = results[contract].quarantined
        told = {place(b, r): (rules, columns) for b, r, rules, columns in quarantined.select("_batch", "_row", "rules", "columns").iter_rows()}
        for reason, keys in reasons.items():
            kind, _, column = reason.partition(":")
            for key in keys:
                rules, columns = told[key.rsplit("@", 1)[1]]
                if not column:
                    assert reason in rules, (contract, key, rules)
                else:
                    assert column in columns, (contract, key, columns)
                    assert RENAMED.get(kind, "not_a") in " ".join(rules), (contract, key, rules)


def test_the_viral_post_is_kept(results):
    assert PLANTED["viral"]
    assert set(PLANTED["viral"]) <= set(results["content_posts"].kept["post_id"])


def test_the_order_of_input_rows_changes_nothing():
    straight = cleaned_samples(only=("content_posts", "content_analytics", "navigation_events"))
    shuffled = cleaned_samples(only=tuple(straight), shuffle=True)
    for contract, result in straight.items():
        assert shuffled[contract].kept.equals(result.kept), contract


def test_personal_columns_never_reach_the_quality_layer():
    for contract in LANDED.values():
        personal = {n for n, c in contract.columns.items() if c.personal}
        assert personal.isdisjoint(contract.schema("quality"))


def test_an_empty_table_is_cleaned_to_an_empty_table():
    for contract in LANDED.values():
        result = clean(contract.empty("raw"), contract)
        assert (result.kept.height, result.rows_in) == (0, 0)
        assert dict(result.kept.schema) == contract.schema("clean")
        assert result.kept.select(pl.len()).item() == 0


@pytest.mark.parametrize("mode", ["fuzzy", "semantic"])
def test_planted_near_duplicates_are_told_and_planted_other_facts_are_not(mode):
    policy = CleaningPolicy.model_validate({"duplicates": {"text": "text", "mode": mode}})
    cluster = dict(cleaned_samples(only=("content_posts",), policy=policy)["content_posts"].clusters.select("record", "cluster_id").rows())
    together = [a in cluster and cluster[a] == cluster.get(b) for a, b in PLANTED["near_duplicates"]]
    assert sum(together) >= 8, [pair for pair, found in zip(PLANTED["near_duplicates"], together, strict=True) if not found]
    assert [pair for pair in PLANTED["hard_negatives"] if pair[0] in cluster and cluster[pair[0]] == cluster.get(pair[1])] == []
